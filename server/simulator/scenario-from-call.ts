import { Document, isMap } from 'yaml'
import type { Flow, FlowNode } from '../../ivr-flows/flow.ts'
import { phrasesIn } from '../../ivr-flows/phrases.ts'
import type { Scenario, ScenarioStep } from '../../ivr-flows/testing/scenario-file.ts'

/** A call's story as it is stored. */
export type StoryEvent = Readonly<{ kind: string; at: Date; data: Readonly<Record<string, unknown>> }>

/** What the customer said, with personal words hidden; `startMs` since the answer. */
export type Said = Readonly<{ startMs: number; text: string }>

export type StoredCall = Readonly<{
  callId: string
  startedAt: Date
  endReason: string | null
  tags: readonly string[]
  events: readonly StoryEvent[]
  /** Empty where there is no transcript. */
  said: readonly Said[]
  /** The version that the call ran; null when it cannot be read any more. */
  flow: Flow | null
}>

/** A step, and what somebody has to know or to mend before it is used. */
export type MadeStep = Readonly<{ step: ScenarioStep; note: string | null }>

/** A transcript's times and the story's are taken at two ends. */
const SLACK_MS = 700
const NOT_KEPT = 'What was said here is not kept: write what a caller would say.'

/** One question of a node and what came to it, between two prompts. */
type Attempt = { readonly fromMs: number; keys: number | null; spoke: boolean; interruptMs: number | null }
type Visit = Readonly<{
  flowId: string
  node: string
  kind: string
  fromMs: number
  toMs: number
  outcome: string | null
  detail: Readonly<Record<string, unknown>>
  attempts: readonly Attempt[]
  events: readonly StoryEvent[]
}>

/**
 * Makes a scripted caller who does what the customer of a stored call did: keys, words, silences and interruptions in their
 * order, and a world that answers as it did. Keys that a customer gave as an answer are never stored: zeros stand for them. Pure.
 */
export function scenarioFromCall(call: StoredCall): Readonly<{ scenario: Scenario; steps: readonly MadeStep[] }> {
  const visits = visitsOf(call.events)
  const language = text(call.events.find(one => one.kind === 'flowChosen')?.data['language']) ?? 'en'
  const steps: MadeStep[] = []
  let spoken = language
  for (const [index, visit] of visits.entries()) {
    steps.push(...stepsOf(visit, call, spoken))
    const chosen = visit.events.find(one => one.kind === 'languageChanged')
    spoken = text(chosen?.data['language']) ?? spoken
    if (index === visits.length - 1 && call.endReason === 'callerHungUp')
      steps.push({ step: { hangUp: asks(visit) ? true : visit.node }, note: null })
  }
  const [first] = visits
  const path = visits.map(({ flowId, node }) => (flowId === first?.flowId ? node : `${flowId}/${node}`))
  const end = endOf(call.endReason, visits.at(-1)?.kind)
  const scenario: Scenario = {
    name: `As in the call of ${call.startedAt.toISOString().slice(0, 16).replace('T', ' ')} UTC`,
    language,
    // Opening hours are then those of that moment.
    start: call.startedAt.toISOString(),
    steps: steps.map(one => one.step),
    expect: {
      path,
      ...(end !== null && { end }),
      ...(call.tags.length > 0 && { tags: [...call.tags] })
    }
  }
  return { scenario, steps }
}

/** The same as a file, with the notes as comments. */
export function scenarioText(callId: string, { scenario, steps }: ReturnType<typeof scenarioFromCall>): string {
  const document = new Document({ calls: [scenario] })
  document.commentBefore = ` Made from the call ${callId}. Numbers and answers of the customer are not in it.`
  for (const [index, { note }] of steps.entries()) {
    const item = document.getIn(['calls', 0, 'steps', index], true)
    if (!isMap(item)) continue
    item.flow = true
    if (note !== null) item.commentBefore = ` ${note}`
  }
  return document.toString({ lineWidth: 0 })
}

function visitsOf(events: readonly StoryEvent[]): readonly Visit[] {
  const answeredMs = (events.find(one => one.kind === 'answered') ?? events[0])?.at.getTime() ?? 0
  const since = (event: StoryEvent) => event.at.getTime() - answeredMs
  const endMs = since(events.at(-1) ?? { kind: '', at: new Date(answeredMs), data: {} })
  const entered = events.flatMap((event, index) => (event.kind === 'nodeEntered' ? [index] : []))
  return entered.map((from, order): Visit => {
    const until = entered[order + 1] ?? events.length
    const own = events.slice(from, until)
    const { flowId, node, nodeKind } = own[0]?.data ?? {}
    const left = own.find(one => one.kind === 'nodeLeft')
    return {
      flowId: text(flowId) ?? '',
      node: text(node) ?? '',
      kind: text(nodeKind) ?? '',
      fromMs: since(events[from] as StoryEvent),
      toMs: left === undefined ? endMs : since(left),
      outcome: text(left?.data['outcome']),
      detail: (left?.data['detail'] ?? {}) as Visit['detail'],
      attempts: attemptsOf(own, since),
      events: own
    }
  })
}

/** Each prompt begins an attempt; a question without a prompt has one. */
function attemptsOf(events: readonly StoryEvent[], since: (event: StoryEvent) => number): readonly Attempt[] {
  const attempts: Attempt[] = []
  for (const event of events) {
    if (event.kind === 'promptStarted' || attempts.length === 0)
      attempts.push({ fromMs: since(event), keys: null, spoke: false, interruptMs: null })
    const current = attempts.at(-1)
    if (current === undefined) continue
    switch (event.kind) {
      case 'digitsCollected':
        current.keys = Number(event.data['count'])
        break
      case 'speechHeard':
        current.spoke = true
        break
      case 'turnHeard':
        current.spoke ||= event.data['wasIgnored'] !== true
        break
      case 'bargedIn':
        current.interruptMs = Number(event.data['heardMs'])
        break
      default:
        break
    }
  }
  // The event of entering is before the first prompt.
  return attempts.length > 1 ? attempts.slice(1) : attempts
}

function asks({ kind }: Visit): boolean {
  return ['menu', 'gather', 'language', 'survey', 'bot', 'consent'].includes(kind)
}

function stepsOf(visit: Visit, call: StoredCall, language: string): readonly MadeStep[] {
  const { kind, outcome, events } = visit
  const plain = (step: ScenarioStep): readonly MadeStep[] => [{ step, note: null }]
  switch (kind) {
    case 'menu':
    case 'gather':
    case 'language':
    case 'survey':
      return asked(visit, call, language)
    case 'bot':
      return call.said
        .filter(one => one.startMs >= visit.fromMs - SLACK_MS && one.startMs < visit.toMs)
        .map(one => ({ step: { say: shortened(one.text) }, note: null }))
    case 'consent':
      return consented(visit, call.flow)
    case 'request': {
      const answered = events.find(one => one.kind === 'requestAnswered')
      const failed = events.find(one => one.kind === 'requestFailed')
      if (answered !== undefined)
        return [
          {
            step: { request: { status: Number(answered.data['status']), body: {} } },
            note: 'The answer is not kept: write what the service answers.'
          }
        ]
      return failed === undefined ? [] : plain({ request: { failed: failureOf(text(failed.data['code'])) } })
    }
    case 'transfer':
      return outcome === null
        ? []
        : plain({ transfer: outcome === 'next' ? 'completed' : oneOf(outcome, ['busy', 'noAnswer'], 'failed') })
    case 'queue':
      return outcome === null
        ? []
        : plain({
            queue:
              outcome === 'next' ? 'served' : oneOf(outcome, ['closed', 'full', 'maxWait', 'noAgents'], 'unavailable')
          })
    case 'voicemail':
      return outcome === null
        ? []
        : plain({ voicemail: outcome === 'next' ? 'recorded' : oneOf(outcome, ['empty'], 'failed') })
    case 'callback':
      return outcome === null ? [] : plain({ callback: outcome === 'next' ? 'booked' : 'failed' })
    default:
      return []
  }
}

/** What the customer did at each attempt of a question. */
function asked(visit: Visit, call: StoredCall, language: string): readonly MadeStep[] {
  const { attempts, outcome, toMs } = visit
  const isAnswered = outcome !== null && !['noInput', 'noMatch', 'failed'].includes(outcome)
  return attempts.flatMap((attempt, index): MadeStep[] => {
    const isLast = index === attempts.length - 1
    // The caller hung up before doing anything here.
    if (isLast && outcome === null && attempt.keys === null && !attempt.spoke) return []
    const untilMs = attempts[index + 1]?.fromMs ?? toMs + 1
    const words = call.said
      .filter(one => one.startMs >= attempt.fromMs - (index === 0 ? 0 : SLACK_MS) && one.startMs < untilMs)
      .map(one => one.text)
      .join(' ')
    const when = attempt.interruptMs === null ? {} : { interruptAtMs: Math.min(60_000, attempt.interruptMs) }
    if (attempt.keys !== null) return [keyed(visit, call.flow, attempt.keys, isLast && isAnswered, when)]
    if (!attempt.spoke) return [{ step: { silence: true }, note: null }]
    const phrase = isLast && isAnswered ? phraseOf(visit, call.flow, language) : null
    const say = words !== '' ? shortened(words) : phrase
    return [say === null ? { step: { say: '…', ...when }, note: NOT_KEPT } : { step: { say, ...when }, note: null }]
  })
}

function keyed(
  { kind, detail }: Visit,
  flow: Flow | null,
  count: number,
  isAnswer: boolean,
  when: Readonly<{ interruptAtMs?: number }>
): MadeStep {
  const known = isAnswer ? (text(detail['key']) ?? text(detail['digits']) ?? languageKey(kind, detail, flow)) : null
  if (known !== null && /^[0-9*#A-D]{1,64}$/.test(known)) return { step: { press: known, ...when }, note: null }
  const press = '0'.repeat(Math.max(1, Math.min(64, count)))
  return {
    step: { press, ...when },
    note: `${count} ${count === 1 ? 'key was' : 'keys were'} pressed; which is not kept: put in some that fit.`
  }
}

/** The key of the language that was chosen. */
function languageKey(kind: string, detail: Visit['detail'], flow: Flow | null): string | null {
  if (kind !== 'language' || flow === null) return null
  const choices = Object.values(flow.nodes).flatMap(node =>
    node.kind === 'language' && node.choices !== undefined ? Object.entries(node.choices) : []
  )
  return choices.find(([, choice]) => choice.language === detail['language'])?.[0] ?? null
}

/** What the flow would understand for the way that was taken; null where that is not one of its own phrases. */
function phraseOf({ node: name, detail, kind }: Visit, flow: Flow | null, language: string): string | null {
  const node: FlowNode | undefined = flow?.nodes[name]
  if (kind === 'menu' && node?.kind === 'menu') {
    const phrases = node.say?.[text(detail['key']) ?? '']
    return phrases === undefined ? null : (phrasesIn({ language }, phrases)[0] ?? null)
  }
  if (kind === 'language' && node?.kind === 'language') {
    const choice = Object.values(node.choices ?? {}).find(one => one.language === detail['language'])
    return choice?.say?.[0] ?? null
  }
  return text(detail['answer'])
}

/** A consent that waits for an answer gets the key for what was said; one that only says something gets nothing. */
function consented({ node: name, events }: Visit, flow: Flow | null): readonly MadeStep[] {
  const told = events.find(one => one.kind === 'recordingConsent')?.data
  const node = flow?.nodes[name]
  const keys = node?.kind === 'consent' ? { yes: node.yesKey ?? '1', no: node.noKey ?? '2' } : { yes: '1', no: '2' }
  switch (told?.['method']) {
    case 'key':
    case 'speech':
      return [{ step: { press: told['result'] === 'granted' ? keys.yes : keys.no }, note: null }]
    case 'silence':
      return events.filter(one => one.kind === 'promptStarted').length > 1
        ? [
            { step: { silence: true }, note: null },
            { step: { silence: true }, note: null }
          ]
        : [{ step: { silence: true }, note: null }]
    default:
      return []
  }
}

function endOf(reason: string | null, lastKind: string | undefined) {
  switch (reason) {
    case 'flowHungUp':
    case 'flowBusy':
    case 'flowRejected':
      return 'hangup' as const
    case 'callerHungUp':
      return 'callerHungUp' as const
    case 'transferEnded':
      return lastKind === 'queue' ? ('served' as const) : ('transferred' as const)
    case 'flowFailed':
      return 'failed' as const
    default:
      return null
  }
}

function failureOf(code: string | null): 'TIMEOUT' | 'UNREACHABLE' | 'TOO_LARGE' | 'NOT_JSON' | 'FORBIDDEN_HOST' {
  return oneOf(code ?? '', ['TIMEOUT', 'TOO_LARGE', 'NOT_JSON', 'FORBIDDEN_HOST'], 'UNREACHABLE')
}

function oneOf<const T extends string, const Other extends string>(
  value: string,
  allowed: readonly T[],
  otherwise: Other
): T | Other {
  return allowed.find(one => one === value) ?? otherwise
}

/** As long as a step may be. */
function shortened(said: string): string {
  return said.slice(0, 500)
}

function text(value: unknown): string | null {
  return typeof value === 'string' && value !== '' ? value : null
}
