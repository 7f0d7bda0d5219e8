import type { Db } from '../../sql/database.ts'
import { type DueDelivery, settleDelivery, takeDueDeliveries } from '../../sql/queries/webhooks.ts'
import type { Logger } from '../log.ts'
import { SealError, unseal } from '../seal.ts'
import { signDelivery } from './signature.ts'

export const WEBHOOK_SECRET_PURPOSE = 'webhook secret'

const POLL_MS = 1_000
const AT_ONCE = 20
const ANSWER_LIMIT_MS = 10_000
const LEASE_MS = 30_000
/** The wait after each failed try; after the last one a delivery is given up, and can be replayed by hand. */
const RETRY_AFTER_MS: readonly number[] = [5_000, 30_000, 120_000, 600_000, 3_600_000, 4 * 3_600_000, 12 * 3_600_000]
/** No two senders that failed together come back together. */
const JITTER = 0.2

/** When a delivery that failed is tried again; null when it is given up. */
export function retryAt(attempts: number, now: Date, random: number): Date | null {
  const waitMs = RETRY_AFTER_MS[attempts - 1]
  return waitMs === undefined ? null : new Date(now.getTime() + waitMs * (1 + JITTER * random))
}

/**
 * Sends what webhooks are to hear: in the order in which it became due, several at once, again after failures. Several
 * control planes share the work by leases. A receiver may get the same delivery twice and tells by `webhook-id`.
 */
export class WebhookSender implements AsyncDisposable {
  readonly #db: Db
  readonly #key: Buffer
  readonly #log: Logger
  readonly #ended = new AbortController()
  readonly #pollMs: number
  #timer: NodeJS.Timeout | undefined
  #running: Promise<void> = Promise.resolve()
  #hasFailed = false

  constructor(db: Db, key: Buffer, log: Logger, options: Readonly<{ pollMs?: number }> = {}) {
    this.#db = db
    this.#key = key
    this.#log = log
    this.#pollMs = options.pollMs ?? POLL_MS
    this.#arm()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    clearTimeout(this.#timer)
    await this.#running
  }

  #arm(): void {
    if (this.#ended.signal.aborted) return
    this.#timer = setTimeout(() => {
      this.#running = this.#sendDue().finally(() => this.#arm())
    }, this.#pollMs)
  }

  async #sendDue(): Promise<void> {
    try {
      for (;;) {
        const due = await takeDueDeliveries(this.#db, new Date(), LEASE_MS, AT_ONCE)
        await Promise.all(due.map(one => this.#deliver(one)))
        this.#hasFailed = false
        if (due.length < AT_ONCE || this.#ended.signal.aborted) return
      }
    } catch (err) {
      if (!this.#hasFailed) this.#log.warn({ err }, 'webhooks cannot be served')
      this.#hasFailed = true
    }
  }

  async #deliver(due: DueDelivery): Promise<void> {
    const { delivery, webhook } = due
    const outcome = webhook.is_enabled
      ? await this.#post(due)
      : { status: null, problem: 'the webhook is switched off' }
    const now = new Date()
    if (outcome.problem === null) {
      await settleDelivery(this.#db, delivery.id, {
        state: 'delivered',
        delivered_at: now,
        last_status: outcome.status,
        last_problem: null
      })
      return
    }
    const nextAt = retryAt(delivery.attempts, now, Math.random())
    if (nextAt === null)
      this.#log.error({ webhookId: webhook.id, deliveryId: delivery.id }, 'a webhook delivery was given up')
    await settleDelivery(this.#db, delivery.id, {
      ...(nextAt === null ? { state: 'failed' as const } : { next_at: nextAt }),
      last_status: outcome.status,
      last_problem: outcome.problem
    })
  }

  async #post({
    delivery,
    webhook,
    event,
    cdr
  }: DueDelivery): Promise<{ status: number | null; problem: string | null }> {
    // The same for every try and every replay: the receiver's key for telling what it has had.
    const id = `${delivery.call_id}:${delivery.seq}`
    const at = Math.floor(Date.now() / 1000)
    const body = JSON.stringify({
      type: `call.${event.kind}`,
      timestamp: event.at.toISOString(),
      data: {
        callId: event.call_id,
        seq: event.seq,
        ...event.data,
        call:
          cdr === undefined
            ? null
            : {
                direction: cdr.direction,
                callerNumber: cdr.caller_number,
                calledNumber: cdr.called_number,
                state: cdr.state,
                language: cdr.language,
                startedAt: cdr.started_at.toISOString(),
                answeredAt: cdr.answered_at?.toISOString() ?? null,
                endedAt: cdr.ended_at?.toISOString() ?? null,
                endReason: cdr.end_reason,
                tags: cdr.tags
              }
      }
    })
    const secret = this.#secretOf(webhook)
    if (secret === null) return { status: null, problem: 'its secret was sealed with another key; make a new one' }
    try {
      const response = await fetch(webhook.url, {
        method: 'POST',
        headers: {
          'content-type': 'application/json',
          'user-agent': 'Parley',
          'webhook-id': id,
          'webhook-timestamp': String(at),
          'webhook-signature': signDelivery(secret, id, at, body),
          'idempotency-key': id
        },
        body,
        // A redirect would carry personal data to a host that nobody has named.
        redirect: 'manual',
        signal: AbortSignal.any([AbortSignal.timeout(ANSWER_LIMIT_MS), this.#ended.signal])
      })
      await response.body?.cancel()
      const { status } = response
      return { status, problem: status >= 200 && status < 300 ? null : `it answered ${status}` }
    } catch (err) {
      const isLate = (err as Error).name === 'TimeoutError'
      return { status: null, problem: isLate ? `no answer in ${ANSWER_LIMIT_MS} ms` : 'it cannot be reached' }
    }
  }

  /** Null for one that cannot be opened: its deliveries fail, and keep nobody else's waiting. */
  #secretOf({ id, secret_sealed: sealed }: DueDelivery['webhook']): string | null {
    try {
      return unseal(this.#key, WEBHOOK_SECRET_PURPOSE, sealed).toString('utf8')
    } catch (err) {
      if (!(err instanceof SealError)) throw err
      this.#log.error({ err, webhookId: id }, 'the secret of a webhook cannot be opened')
      return null
    }
  }
}
