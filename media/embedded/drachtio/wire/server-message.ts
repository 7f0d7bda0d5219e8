import { randomUUID } from 'node:crypto'
import { serializeHead } from '../sip/serialize.ts'
import type { SipMessage } from '../sip/message.ts'

/** Where a SIP message came from or went to, as the first line of a drachtio message tells it. */
export type Meta = Readonly<{
  source: 'network' | 'application'
  transport: string
  address: string
  port: number
}>

// Many messages fall into one millisecond; the text is made once.
let lastMs = 0
let lastTime = ''

/** `source|bytes|transport|address|port|time`, the time being UTC with microseconds as drachtio writes it. */
export function formatMeta(meta: Meta, bytes: number): string {
  const now = Date.now()
  if (now !== lastMs) {
    lastMs = now
    lastTime = `${new Date(now).toISOString().slice(11, 23)}000`
  }
  return `${meta.source}|${bytes}|${meta.transport}|${meta.address}|${meta.port}|${lastTime}`
}

/** The payload of a frame: a text and the body that follows it. */
export type Payload = Readonly<{ text: string; body: Buffer }>

/** A SIP message for the application. `receivedOn` (host and port) is given with requests outside dialogs. */
export function sipPayload(
  message: SipMessage,
  meta: Meta,
  transactionId: string,
  dialogId: string,
  receivedOn?: Readonly<{ host: string; port: number }>
): Payload {
  const on = receivedOn === undefined ? '' : `${receivedOn.host}|${receivedOn.port}|`
  const head = serializeHead(message)
  const line = `${randomUUID()}|sip|${formatMeta(meta, sizeOf(head, message))}|${transactionId}|${dialogId}|${on}\r\n`
  return { text: line + head, body: message.body }
}

/** The answer to a command: `OK`, `NO` or `NOK` with what follows. */
export function responsePayload(messageId: string, verdict: 'OK' | 'NO' | 'NOK', text?: string): Payload {
  const rest = text === undefined ? '' : `|${text}`
  return { text: `${randomUUID()}|response|${messageId}|${verdict}${rest}`, body: NOTHING }
}

const NOTHING = Buffer.alloc(0)

/** The `OK` to a SIP request that was sent: the message as it went out. */
export function requestSentPayload(messageId: string, message: SipMessage, meta: Meta, transactionId: string): Payload {
  return sent(messageId, message, meta, `|${transactionId}|Msg sent:|`)
}

/** The `OK` to a SIP response that was sent; `dialogId` tells the application which dialog it made. */
export function responseSentPayload(
  messageId: string,
  message: SipMessage,
  meta: Meta,
  transactionId: string,
  dialogId: string
): Payload {
  return sent(messageId, message, meta, `|${transactionId}|${dialogId}||Msg sent:|`)
}

/** A final response that a proxied request got; more answers to the same command follow until `done`. */
export function proxyResponsePayload(messageId: string, message: SipMessage, meta: Meta): Payload {
  return sent(messageId, message, meta, '|||continue')
}

function sent(messageId: string, message: SipMessage, meta: Meta, rest: string): Payload {
  const head = serializeHead(message)
  const line = `${randomUUID()}|response|${messageId}|OK|${formatMeta(meta, sizeOf(head, message))}${rest}\r\n`
  return { text: line + head, body: message.body }
}

function sizeOf(head: string, message: SipMessage): number {
  return Buffer.byteLength(head) + message.body.length
}
