import { randomBytes } from 'node:crypto'
import { AppError } from '../errors.ts'
import type { Logger } from '../log.ts'
import { signDelivery } from './signature.ts'

/** One text message or e-mail to a person. `text` is ready to send, in the person's language. */
export type Message = Readonly<{
  channel: 'sms' | 'email'
  /** E.164 number or e-mail address. */
  to: string
  language: string
  /** For e-mail. */
  subject: string
  text: string
  /** What it is for, such as `double-opt-in`; a gateway may route or count by it. */
  purpose: string
}>

export type MessageHookSettings = Readonly<{ url: string | null; secret: string | undefined }>

const ATTEMPT_MS = 5_000
const ATTEMPTS = 2

/**
 * The one way in which Parley sends texts and e-mails: a signed POST (Standard Webhooks 1.0) to a gateway of the
 * operator's, who knows providers and sender names. Neither number nor text is ever logged.
 */
export class MessageHook {
  readonly #settings: MessageHookSettings
  readonly #log: Logger

  constructor(settings: MessageHookSettings, log: Logger) {
    this.#settings = settings
    this.#log = log
  }

  get isConfigured(): boolean {
    return this.#settings.url !== null
  }

  /** Resolves when the gateway has taken the message. Rejects with AppError MESSAGE_NOT_SENT. */
  async send(message: Message): Promise<void> {
    const { url, secret } = this.#settings
    if (url === null)
      throw new AppError(
        'MESSAGE_NOT_SENT',
        'No message hook is set (PARLEY_MESSAGE_HOOK), so that nothing can be sent.'
      )
    const id = `msg_${randomBytes(16).toString('base64url')}`
    const body = JSON.stringify({ type: 'message.send', data: message })
    let problem: unknown
    for (let attempt = 1; attempt <= ATTEMPTS; attempt += 1) {
      try {
        const status = await post(url, secret, id, body)
        if (status >= 200 && status < 300) return
        problem = `status ${status}`
        // The gateway has understood and refuses: asking again changes nothing.
        if (status >= 400 && status < 500 && status !== 429) break
      } catch (err) {
        problem = err
      }
    }
    this.#log.warn({ err: problem, purpose: message.purpose, channel: message.channel }, 'a message was not sent')
    throw new AppError('MESSAGE_NOT_SENT', 'The message gateway did not take the message.', { cause: problem })
  }
}

/** The same id is used again for a second attempt, so that a gateway that got both sends one. */
async function post(url: string, secret: string | undefined, id: string, body: string): Promise<number> {
  const at = Math.floor(Date.now() / 1000)
  const response = await fetch(url, {
    method: 'POST',
    redirect: 'error',
    signal: AbortSignal.timeout(ATTEMPT_MS),
    headers: {
      'content-type': 'application/json',
      'webhook-id': id,
      'webhook-timestamp': String(at),
      ...(secret !== undefined && { 'webhook-signature': signDelivery(secret, id, at, body) })
    },
    body
  })
  await response.body?.cancel()
  return response.status
}
