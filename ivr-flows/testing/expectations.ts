import { isDeepStrictEqual } from 'node:util'
import type { FlowEnd, NodeVisit, Prompt, RequestOptions } from '../host.ts'
import type { JsonObject } from '../json.ts'
import type { Path } from '../problem.ts'
import type { Expectations } from './test-file.ts'

/** What was noted of a simulated call, with or without sound. */
export type Witness = Readonly<{
  heard: readonly Prompt[]
  visits: readonly NodeVisit[]
  tags: readonly string[]
  answers: Readonly<Record<string, string>>
  requests: readonly Pick<RequestOptions, 'method' | 'url'>[]
  keptLanguage: string | null
  destination: string | null
  mailbox: string | null
  callbackNumber: string | null
}>

/** How a simulated call went. */
export type CallResult = Readonly<{
  call: Witness
  flowId: string
  end: FlowEnd | Readonly<{ kind: 'callerHungUp'; node: string }>
  language: string
  variables: JsonObject
}>

/** An expectation that did not come true; the path is from the expectations. */
export type Unmet = Readonly<{ path: Path; message: string }>

/** Compares what happened with what was expected. */
export function unmetExpectations(expect: Expectations, result: CallResult): readonly Unmet[] {
  const { call } = result
  const nodes = call.visits.map(({ flowId, node }) => (flowId === result.flowId ? node : `${flowId}/${node}`))
  const said = call.heard.map(wordsOf)
  return [
    ...checkHeard(expect, call.heard),
    ...(expect.notHeard ?? []).flatMap((text, index): Unmet[] => {
      const found = said.find(words => words.includes(text))
      return found === undefined ? [] : [{ path: ['notHeard', index], message: `the caller heard “${found}”` }]
    }),
    ...same('path', expect.path, nodes),
    ...checkPasses(expect, nodes),
    ...checkEnd(expect, result),
    ...same('language', expect.language, result.language),
    ...same('keptLanguage', expect.keptLanguage, call.keptLanguage),
    ...same('tags', expect.tags, call.tags),
    ...same('survey', expect.survey, call.answers),
    ...same(
      'requests',
      expect.requests,
      call.requests.map(({ method, url }) => `${method} ${url}`)
    ),
    ...same('destination', expect.destination, call.destination),
    ...same('mailbox', expect.mailbox, call.mailbox),
    ...same('callbackNumber', expect.callbackNumber, call.callbackNumber),
    ...Object.entries(expect.variables ?? {}).flatMap(([name, value]): Unmet[] =>
      isDeepStrictEqual(value, result.variables[name])
        ? []
        : [{ path: ['variables', name], message: `${name} is ${show(result.variables[name])}, not ${show(value)}` }]
    )
  ]
}

function same(key: string, expected: unknown, actual: unknown): Unmet[] {
  if (expected === undefined || isDeepStrictEqual(expected, actual)) return []
  return [{ path: [key], message: `${key} is ${show(actual)}, not ${show(expected)}` }]
}

/** Each expected text is part of a prompt, after the prompt that held the one before or in that same prompt. */
function checkHeard({ heard = [] }: Expectations, prompts: readonly Prompt[]): Unmet[] {
  let from = 0
  for (const [index, one] of heard.entries()) {
    const text = typeof one === 'string' ? one : one.text
    const language = typeof one === 'string' ? null : one.language
    const found = prompts.findIndex(
      (prompt, at) =>
        at >= from && wordsOf(prompt).includes(text) && (language === null || languageOf(prompt) === language)
    )
    if (found < 0) {
      const rest = prompts.slice(from).map(wordsOf)
      const list = rest.length === 0 ? 'nothing' : rest.map(words => `“${words}”`).join(', ')
      const after = index === 0 ? '' : ' after that'
      return [
        {
          path: ['heard', index],
          message: `the caller did not hear “${text}”${language === null ? '' : ` in ${language}`}${after}; they heard ${list}`
        }
      ]
    }
    from = found
  }
  return []
}

function checkPasses({ passes = [] }: Expectations, nodes: readonly string[]): Unmet[] {
  let from = 0
  for (const [index, node] of passes.entries()) {
    const found = nodes.indexOf(node, from)
    if (found < 0)
      return [{ path: ['passes', index], message: `the call did not come to “${node}”; it took ${nodes.join(', ')}` }]
    from = found + 1
  }
  return []
}

function checkEnd({ end: expected }: Expectations, { end }: CallResult): Unmet[] {
  if (expected === undefined) return []
  const wanted: Record<string, unknown> = typeof expected === 'string' ? { kind: expected } : expected
  const actual: Record<string, unknown> = { ...end }
  const isMet = Object.entries(wanted).every(([key, value]) => actual[key] === value)
  return isMet ? [] : [{ path: ['end'], message: `the call ended by ${show(actual)}, not ${show(wanted)}` }]
}

function wordsOf(prompt: Prompt): string {
  switch (prompt.kind) {
    case 'speech':
      return prompt.text
    case 'file':
      return prompt.name
    case 'url':
      return prompt.url
    case 'tone':
      return prompt.spec
    case 'silence':
      return ''
    default:
      return prompt satisfies never
  }
}

function languageOf(prompt: Prompt): string | null {
  return prompt.kind === 'speech' || prompt.kind === 'file' ? prompt.language : null
}

function show(value: unknown): string {
  return value === undefined ? 'not there' : JSON.stringify(value)
}
