import type {
  CallbackOutcome,
  FlowHost,
  NodeVisit,
  Prompt,
  QueueOutcome,
  RequestFailureCode,
  RequestOptions,
  RequestOutcome,
  TransferOutcome,
  VoicemailOutcome
} from '../../ivr-flows/host.ts'
import type { Witness } from '../../ivr-flows/testing/expectations.ts'
import type { Scenario, ScenarioStep } from '../../ivr-flows/testing/scenario-file.ts'

type Kind = 'request' | 'transfer' | 'queue' | 'voicemail' | 'callback'

/** How long what is not told otherwise takes: long enough to be seen in the transcript, short enough for many calls. */
const DEFAULT_MS = 300

const NOT_TOLD = 'The scenario lets it fail.'
const ALONE = 'A simulated call reaches no service; the scenario has to tell the answer.'

/**
 * The world around a simulated call. Nothing in it leaves the machine: services answer, phones ring and messages are left as
 * the scenario tells, and nothing is stored. What the flow did is noted for the scenario's goals.
 */
export class SimulatedWorld implements Witness {
  readonly heard: Prompt[] = []
  readonly visits: NodeVisit[] = []
  readonly tags: string[] = []
  readonly answers: Record<string, string> = {}
  readonly requests: RequestOptions[] = []
  keptLanguage: string | null = null
  destination: string | null = null
  mailbox: string | null = null
  callbackNumber: string | null = null
  readonly #told: ScenarioStep[]
  readonly #ringsAgents: boolean
  readonly #clockOffsetMs: number

  /** Its clock goes from the scenario's start on. */
  constructor({ steps = [], ringAgents = false, start }: Pick<Scenario, 'steps' | 'ringAgents' | 'start'>) {
    this.#told = steps.filter(step => worldKind(step) !== null)
    this.#ringsAgents = ringAgents
    this.#clockOffsetMs = start === undefined ? 0 : Date.parse(start) - Date.now()
  }

  get node(): string {
    return this.visits.at(-1)?.node ?? ''
  }

  /** Outcomes that the scenario tells and the call never asked for. */
  get unused(): readonly ScenarioStep[] {
    return this.#told
  }

  /** What the flow asks of the call goes to `host`, what it asks of the world comes here. */
  around(host: FlowHost): FlowHost {
    return {
      now: () => new Date(Date.now() + this.#clockOffsetMs),
      play: (prompts, options, signal) => host.play(prompts, options, signal),
      gather: (options, signal) => host.gather(options, signal),
      // The host notes how long it took and keeps the caller from hearing nothing; its requests come back to this world.
      request: (options, signal) => host.request(options, signal),
      consent: (options, signal) => host.consent(options, signal),
      bot: (options, signal) => host.bot(options, signal),
      transfer: async ({ destination }, signal) => {
        this.destination = destination.value
        return await this.#transfer(signal)
      },
      queue: async (options, signal) =>
        this.#ringsAgents ? await host.queue(options, signal) : await this.#queue(signal),
      voicemail: async ({ mailbox }, signal) => {
        this.mailbox = mailbox
        return await this.#voicemail(signal)
      },
      callback: async ({ number }, signal) => {
        this.callbackNumber = number
        return await this.#callback(signal)
      },
      survey: async ({ question, answer }) => {
        this.answers[question] = answer
      },
      preferLanguage: async language => {
        this.keptLanguage = language
      },
      tag: tags => {
        this.tags.push(...tags)
        host.tag(tags)
      },
      language: language => host.language(language),
      entered: visit => {
        this.visits.push(visit)
        host.entered(visit)
      },
      left: departure => host.left(departure)
    }
  }

  /** The answer of a service, to the flow or to a bot's tool. */
  async request(options: RequestOptions, signal: AbortSignal): Promise<RequestOutcome> {
    this.requests.push(options)
    const told = this.#take('request')
    if (told === null) return { kind: 'failed', code: 'UNREACHABLE', reason: ALONE }
    const failed = (told.request?.failed ?? null) as RequestFailureCode | null
    const tookMs = told.afterMs ?? DEFAULT_MS
    // A service that is slower than the flow waits for is a time-out, whatever it would have said.
    const isLate = failed === 'TIMEOUT' || tookMs > options.timeoutMs
    await pause(isLate ? options.timeoutMs : tookMs, signal)
    if (isLate) return { kind: 'failed', code: 'TIMEOUT', reason: NOT_TOLD }
    if (failed !== null) return { kind: 'failed', code: failed, reason: NOT_TOLD }
    return { kind: 'response', status: told.request?.status ?? 200, body: told.request?.body ?? null }
  }

  async #transfer(signal: AbortSignal): Promise<TransferOutcome> {
    const { transfer = 'completed', afterMs = DEFAULT_MS } = this.#take('transfer') ?? {}
    await pause(afterMs, signal)
    return transfer === 'failed' ? failure('TRANSFER_FAILED') : { kind: transfer }
  }

  async #queue(signal: AbortSignal): Promise<QueueOutcome> {
    const { queue = 'served', afterMs = DEFAULT_MS } = this.#take('queue') ?? {}
    await pause(afterMs, signal)
    if (queue === 'served') return { kind: 'served' }
    return queue === 'unavailable' ? { kind: queue, reason: NOT_TOLD } : { kind: 'overflow', reason: queue }
  }

  async #voicemail(signal: AbortSignal): Promise<VoicemailOutcome> {
    const { voicemail = 'recorded', afterMs = DEFAULT_MS } = this.#take('voicemail') ?? {}
    await pause(afterMs, signal)
    if (voicemail === 'recorded') return { kind: 'recorded', durationMs: afterMs }
    return voicemail === 'empty' ? { kind: 'empty' } : failure('VOICEMAIL_FAILED')
  }

  async #callback(signal: AbortSignal): Promise<CallbackOutcome> {
    const { callback = 'booked', afterMs = DEFAULT_MS } = this.#take('callback') ?? {}
    await pause(afterMs, signal)
    return callback === 'booked' ? { kind: 'booked', id: 'simulated' } : failure('CALLBACK_FAILED')
  }

  /** The next outcome of a kind; null where the scenario tells none. */
  #take(kind: Kind): ScenarioStep | null {
    const index = this.#told.findIndex(step => worldKind(step) === kind)
    return index < 0 ? null : (this.#told.splice(index, 1)[0] ?? null)
  }
}

/** What of the world a step tells; null for a step of the caller. */
export function worldKind(step: ScenarioStep): Kind | null {
  const kinds: readonly Kind[] = ['request', 'transfer', 'queue', 'voicemail', 'callback']
  return kinds.find(kind => step[kind] !== undefined) ?? null
}

function failure(code: string) {
  return { kind: 'failed', code, reason: NOT_TOLD } as const
}

async function pause(ms: number, signal: AbortSignal): Promise<void> {
  signal.throwIfAborted()
  await new Promise<void>((resolve, reject) => {
    const onAbort = () => {
      clearTimeout(timer)
      reject(signal.reason)
    }
    const timer = setTimeout(() => {
      signal.removeEventListener('abort', onAbort)
      resolve()
    }, ms)
    signal.addEventListener('abort', onAbort, { once: true })
  })
}
