import type { Flow } from './flow.ts'
import type { FlowEnd, FlowHost } from './host.ts'
import type { JsonObject } from './json.ts'
import type { Answer, Ask } from './node-kind.ts'
import type { CallFacts, FlowState } from './state.ts'
import { type FlowEvent, initialState, step } from './step.ts'

export type RunOptions = Readonly<{
  /** Aborted when the caller hangs up or the call ends otherwise. */
  signal: AbortSignal
  /** Facts for expressions; what is missing is empty. */
  call?: Partial<CallFacts>
  /** The caller's language, when something is known of it. */
  language?: string
  /** The language that the caller chose in an earlier call. */
  preferredLanguage?: string
  /** Values for variables over the flow's defaults; those that fit no declared variable are left out. */
  variables?: JsonObject
  /** Finds a subflow; null when there is none. A call should always get the same version. */
  resolveSubflow?: (flowId: string) => Promise<Flow | null>
  /** Told each new state, which is plain JSON. */
  observe?: (state: FlowState) => void
}>

/**
 * Runs a flow for one call until it ends.
 * @throws the signal's reason when it aborts, and whatever the host throws.
 */
export async function runFlow(flow: Flow, host: FlowHost, options: RunOptions): Promise<FlowEnd> {
  const { signal } = options
  const subflows = new Map<string, Flow>()
  const started = host.now()
  const call: CallFacts = {
    id: '',
    callerNumber: '',
    calledNumber: '',
    direction: 'inbound',
    startedAt: started.toISOString(),
    ...options.call
  }
  let state = initialState(flow, {
    call,
    now: started,
    ...(options.language === undefined ? {} : { language: options.language }),
    ...(options.preferredLanguage === undefined ? {} : { preferredLanguage: options.preferredLanguage }),
    ...(options.variables === undefined ? {} : { variables: options.variables })
  })
  let event: FlowEvent = { kind: 'started' }
  for (;;) {
    signal.throwIfAborted()
    const [next, actions] = step(flow, state, event, { now: host.now(), subflow: id => subflows.get(id) })
    state = next
    options.observe?.(state)
    let answer: Answer | undefined
    for (const action of actions) {
      switch (action.kind) {
        case 'entered':
          host.entered(action.visit)
          break
        case 'left':
          host.left(action.departure)
          break
        case 'language':
          host.language(action.language)
          break
        case 'preferLanguage':
          await host.preferLanguage(action.language)
          break
        case 'tag':
          host.tag(action.tags)
          break
        case 'survey':
          await host.survey({ question: action.question, answer: action.answer })
          break
        case 'ask':
          answer = await perform(action.ask)
          break
        case 'end':
          return action.end
        default:
          action satisfies never
      }
    }
    signal.throwIfAborted()
    if (answer === undefined) throw new Error('the step neither asked nor ended')
    event = { kind: 'answered', answer }
  }

  async function perform(ask: Ask): Promise<Answer> {
    switch (ask.kind) {
      case 'play':
        return { kind: 'play', outcome: await host.play(ask.prompts, ask.options, signal) }
      case 'gather':
        return { kind: 'gather', outcome: await host.gather(ask.options, signal) }
      case 'request':
        return { kind: 'request', outcome: await host.request(ask.options, signal) }
      case 'transfer':
        return { kind: 'transfer', outcome: await host.transfer(ask.options, signal) }
      case 'queue':
        return { kind: 'queue', outcome: await host.queue(ask.options, signal) }
      case 'voicemail':
        return { kind: 'voicemail', outcome: await host.voicemail(ask.options, signal) }
      case 'callback':
        return { kind: 'callback', outcome: await host.callback(ask.options, signal) }
      case 'consent':
        return { kind: 'consent', outcome: await host.consent(ask.options, signal) }
      case 'bot':
        return { kind: 'bot', outcome: await host.bot(ask.options, signal) }
      case 'loadFlow': {
        const found = subflows.get(ask.flowId) ?? (await options.resolveSubflow?.(ask.flowId)) ?? null
        if (found !== null) subflows.set(ask.flowId, found)
        return { kind: 'loadFlow', outcome: { kind: found === null ? 'unknown' : 'loaded' } }
      }
      default:
        return ask satisfies never
    }
  }
}
