import type { SipHeader, SipMessage } from './message.ts'

/** Start line and headers with the empty line, with Content-Length set to the body's size in bytes. */
export function serializeHead(message: SipMessage): string {
  let text =
    message.kind === 'request'
      ? `${message.method} ${message.uri} SIP/2.0\r\n`
      : `SIP/2.0 ${message.status} ${message.reason}\r\n`
  for (const header of message.headers) {
    if (header.name !== 'content-length') text += `${header.label}: ${header.value}\r\n`
  }
  return `${text}Content-Length: ${message.body.length}\r\n\r\n`
}

/** The whole message as it goes over the wire. */
export function serialize(message: SipMessage): Buffer {
  const head = serializeHead(message)
  return message.body.length === 0 ? Buffer.from(head) : Buffer.concat([Buffer.from(head), message.body])
}

/** A header field by its usual spelling; `name` is its lower-case form. */
export function header(label: string, value: string): SipHeader {
  return { name: label.toLowerCase(), label, value }
}

/** `headers` with the first field called `name` given another value. */
export function replaceHeader(headers: readonly SipHeader[], name: string, value: string): SipHeader[] {
  const copy = headers.slice()
  const at = copy.findIndex(h => h.name === name)
  const old = copy[at]
  if (old !== undefined) copy[at] = { ...old, value }
  return copy
}

/** `headers` without the fields called `name`. */
export function withoutHeader(headers: readonly SipHeader[], name: string): SipHeader[] {
  return headers.filter(h => h.name !== name)
}
