import { readFile } from 'node:fs/promises'
import type { Flow } from '../../ivr-flows/flow.ts'
import type { FlowHost, NodeDeparture, NodeVisit, Prompt } from '../../ivr-flows/host.ts'
import { parseFlow } from '../../ivr-flows/parse.ts'

export const EXAMPLES = new URL('../../ivr-flows/examples/', import.meta.url)

export function example(name: string): Promise<string> {
  return readFile(new URL(name, EXAMPLES), 'utf8')
}

/** A flow that must be without errors. */
export function flowOf(source: string): Flow {
  const { flow, problems } = parseFlow(source)
  if (flow === null) throw new Error(JSON.stringify(problems, null, 2))
  return flow
}

/** A document with one language and the given nodes and other properties, as JSON. */
export function document(nodes: Record<string, unknown>, others: Record<string, unknown> = {}): string {
  return JSON.stringify({
    id: 'test',
    name: 'Test',
    languages: ['en'],
    defaultLanguage: 'en',
    start: Object.keys(nodes)[0],
    ...others,
    nodes
  })
}

export type Heard = {
  heard: Prompt[]
  visits: NodeVisit[]
  departures: NodeDeparture[]
  languages: string[]
  tags: string[]
}

/** A host that keeps what it is told; every answer can be replaced. */
export function host(answers: Partial<FlowHost> = {}): FlowHost & Heard {
  const kept: Heard = { heard: [], visits: [], departures: [], languages: [], tags: [] }
  return {
    ...kept,
    now: () => new Date('2026-03-02T10:00:00Z'),
    play: async prompts => {
      kept.heard.push(...prompts)
      return { kind: 'finished' }
    },
    gather: async ({ prompts }) => {
      kept.heard.push(...prompts)
      return { kind: 'noInput' }
    },
    request: async () => ({ kind: 'failed', code: 'UNREACHABLE', reason: 'nobody there' }),
    transfer: async () => ({ kind: 'completed' }),
    queue: async () => ({ kind: 'served' }),
    voicemail: async () => ({ kind: 'recorded', durationMs: 1_000 }),
    callback: async () => ({ kind: 'booked', id: 'c1' }),
    consent: async () => ({ kind: 'granted', policy: 'notice', method: 'notice' }),
    bot: async () => ({ kind: 'done', isSolved: true }),
    survey: async () => undefined,
    preferLanguage: async () => undefined,
    tag: tags => {
      kept.tags.push(...tags)
    },
    language: language => {
      kept.languages.push(language)
    },
    entered: visit => {
      kept.visits.push(visit)
    },
    left: departure => {
      kept.departures.push(departure)
    },
    ...answers
  }
}

export const never = new AbortController().signal
