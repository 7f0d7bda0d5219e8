import type { Db } from '../../sql/database.ts'
import { dropOldPlaneMessages, sendPlaneMessages, takePlaneMessages } from '../../sql/queries/plane-messages.ts'
import type { WakeUps } from '../../sql/wake-ups.ts'
import { Refresher } from '../agents/refresher.ts'
import { AppError, type ErrorCode } from '../errors.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'

/** Anything JSON can carry; `kind` names it. */
export type PlaneMessage = Readonly<{ kind: string }>

type Envelope =
  | Readonly<{ type: 'tell'; message: PlaneMessage }>
  | Readonly<{ type: 'ask'; id: string; message: PlaneMessage }>
  | Readonly<{ type: 'reply'; id: string; data: object }>
  | Readonly<{ type: 'refusal'; id: string; code: ErrorCode; detail: string }>

type Waiting = PromiseWithResolvers<object> & { readonly timer: NodeJS.Timeout }

export type PlaneLinkParts = Readonly<{ db: Db; wakeUps: WakeUps; controlPlaneId: string; log: Logger }>

const ASK_LIMIT_MS = 5_000
/** A wake-up may be lost. */
const LOOK_MS = 1_000
const KEEP_MS = 60_000

/**
 * What control planes say to each other about one call, through the database that they share: no address, port or secret
 * between them needs to be set. Messages of one control plane to another arrive in the order in which they were sent; one
 * that is dead gets none.
 */
export class PlaneLink implements AsyncDisposable {
  readonly #db: Db
  readonly #wakeUps: WakeUps
  readonly #log: Logger
  readonly #waiting = new Map<string, Waiting>()
  readonly #outbox: { to: string; body: Envelope }[] = []
  readonly #sender = new Refresher(() => this.#sendAll())
  readonly #reader = new Refresher(() => this.#readAll())
  readonly #ended = new AbortController()
  readonly #look: NodeJS.Timeout
  #droppedAtMs = Date.now()
  #hasFailed = false
  readonly id: string
  /** Hears what others tell. */
  onTold: (from: string, message: PlaneMessage) => void = () => {}
  /** Answers what others ask; what it throws is what they are refused with. */
  onAsked: (from: string, message: PlaneMessage) => Promise<object> = async () => {
    throw new AppError('CONFLICT', 'This server answers no questions yet.')
  }

  private constructor(parts: PlaneLinkParts) {
    this.#db = parts.db
    this.#wakeUps = parts.wakeUps
    this.#log = parts.log
    this.id = parts.controlPlaneId
    this.#look = setInterval(() => this.#readSoon(), LOOK_MS)
    this.#look.unref()
  }

  static open(parts: PlaneLinkParts): PlaneLink {
    const link = new PlaneLink(parts)
    const ours = `plane:${link.id}`
    parts.wakeUps.listen(topic => {
      if (topic === ours) link.#readSoon()
    }, link.#ended.signal)
    return link
  }

  /** Tells something that needs no answer. */
  tell(to: string, message: PlaneMessage): void {
    this.#post(to, { type: 'tell', message })
  }

  /** Asks and waits for the answer. Rejects with AppError when it is refused, or when none comes in time. */
  async ask(to: string, message: PlaneMessage, limitMs = ASK_LIMIT_MS): Promise<object> {
    const id = newId()
    const waiting = Promise.withResolvers<object>()
    const timer = setTimeout(() => {
      this.#waiting.delete(id)
      waiting.reject(new AppError('CONFLICT', 'The other server does not answer.'))
    }, limitMs)
    this.#waiting.set(id, { ...waiting, timer })
    this.#post(to, { type: 'ask', id, message })
    return await waiting.promise
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#ended.abort()
    clearInterval(this.#look)
    for (const { timer, reject } of this.#waiting.values()) {
      clearTimeout(timer)
      reject(new AppError('DRAINING', 'The server is shutting down.'))
    }
    this.#waiting.clear()
    await this.#sender.idle()
    await this.#reader.idle()
  }

  #post(to: string, body: Envelope): void {
    this.#outbox.push({ to, body })
    this.#sender.run().catch(err => this.#failed(err))
  }

  async #sendAll(): Promise<void> {
    const messages = this.#outbox.splice(0)
    if (messages.length === 0) return
    // Whoever reads the message knows by then of what was changed before it.
    await this.#wakeUps.told()
    // What cannot be stored is not sent later: by then it would be about another moment. Whoever asked hears nothing.
    await sendPlaneMessages(this.#db, this.id, messages)
    this.#hasFailed = false
    for (const to of new Set(messages.map(one => one.to))) this.#wakeUps.wake(`plane:${to}`)
  }

  #readSoon(): void {
    if (this.#ended.signal.aborted) return
    this.#reader.run().catch(err => this.#failed(err))
  }

  async #readAll(): Promise<void> {
    for (const { from, body } of await takePlaneMessages(this.#db, this.id)) this.#take(from, body as Envelope)
    if (Date.now() - this.#droppedAtMs < KEEP_MS) return
    this.#droppedAtMs = Date.now()
    await dropOldPlaneMessages(this.#db, new Date(Date.now() - KEEP_MS))
  }

  #take(from: string, body: Envelope): void {
    switch (body.type) {
      case 'tell':
        try {
          this.onTold(from, body.message)
        } catch (err) {
          this.#log.error({ err, from, kind: body.message.kind }, 'what another server told was not understood')
        }
        break
      case 'ask':
        this.onAsked(from, body.message).then(
          data => this.#post(from, { type: 'reply', id: body.id, data }),
          err => {
            if (!(err instanceof AppError)) this.#log.error({ err, from }, 'what another server asked for failed')
            const { code, message } = err instanceof AppError ? err : new AppError('CONFLICT', 'That failed there.')
            this.#post(from, { type: 'refusal', id: body.id, code, detail: message })
          }
        )
        break
      case 'reply':
      case 'refusal': {
        const waiting = this.#waiting.get(body.id)
        if (waiting === undefined) return
        this.#waiting.delete(body.id)
        clearTimeout(waiting.timer)
        if (body.type === 'reply') waiting.resolve(body.data)
        else waiting.reject(new AppError(body.code, body.detail))
        break
      }
      default:
        body satisfies never
    }
  }

  #failed(err: unknown): void {
    if (!this.#hasFailed) this.#log.warn({ err }, 'servers cannot talk to each other through the database')
    this.#hasFailed = true
  }
}
