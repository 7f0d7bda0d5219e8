import type { Endpoint } from '../../media/endpoint.ts'
import type { Speech } from '../bots/speech.ts'
import type { Call } from '../calls/call.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { saysStop } from './opt-out-words.ts'

export type OptOutParts = Readonly<{
  compliance: Pick<ComplianceService, 'internalList'>
  speech: Pick<Speech, 'overhear'>
  now(): Date
}>

type By = Readonly<{ by: 'key' }> | Readonly<{ by: 'speech'; language: string; confidence?: number }>

/**
 * "Do not call me again", by key for as long as the call lives and in words while somebody listens: in force for every
 * campaign and channel before the call is over, which ends by it.
 */
export class OptOut implements Disposable {
  readonly #parts: OptOutParts
  readonly #call: Call
  readonly #facts: Readonly<{ number: string; campaignId: string }>
  readonly #forgetKey: () => void
  readonly #ending = new AbortController()
  #isWished = false

  /** `key`: the one that ends such calls; undefined where the campaign has none. */
  constructor(
    parts: OptOutParts,
    call: Call,
    endpoint: Pick<Endpoint, 'onDigit'>,
    facts: Readonly<{ number: string; campaignId: string; key: string | undefined }>
  ) {
    this.#parts = parts
    this.#call = call
    this.#facts = facts
    this.#forgetKey =
      facts.key === undefined
        ? () => {}
        : endpoint.onDigit(digit => {
            if (digit === facts.key) this.#stop({ by: 'key' })
          })
  }

  /**
   * Listens for the wish in words until the returned handle is disposed. Nothing waits for a recogniser that is getting
   * ready. Where nobody understands the language the key alone counts, and the call's story says so.
   */
  listen(language: string): Disposable {
    const { signal } = this.#call
    const until = new AbortController()
    const stopped = AbortSignal.any([signal, this.#ending.signal, until.signal])
    this.#parts.speech
      .overhear(
        this.#call,
        language,
        (text, confidence) => {
          const wish = saysStop(text)
          if (wish !== null)
            this.#stop({ by: 'speech', language: wish.language, ...(confidence !== null && { confidence }) })
        },
        stopped
      )
      .catch(err => {
        if (!stopped.aborted) this.#call.log.error({ err }, 'nobody listens for a wish not to be called again')
      })
    return { [Symbol.dispose]: () => until.abort() }
  }

  #stop(how: By): void {
    if (this.#isWished) return
    this.#isWished = true
    this.#forgetKey()
    const { number, campaignId } = this.#facts
    const call = this.#call
    const storing = this.#parts.compliance.internalList
      .stop({
        e164: number,
        channel: how.by,
        detail: `campaign ${campaignId}, call ${call.id}`,
        at: this.#parts.now(),
        recordedBy: null
      })
      .then(
        () => {
          call.record({ kind: 'optedOut', ...how })
          call.record({ kind: 'tagged', tags: ['opted-out'] })
          // 47 CFR 64.1200(b)(3): the call ends at once.
          call.end('flowHungUp', { detail: 'opted out' })
        },
        err => {
          call.log.error({ err }, 'a wish not to be called again could not be stored')
          call.end('internalError', { detail: 'opt-out not stored' })
        }
      )
    // Also of somebody who has hung up already.
    call.defer(() => storing)
  }

  [Symbol.dispose](): void {
    this.#forgetKey()
    this.#ending.abort()
  }
}
