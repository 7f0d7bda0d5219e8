import { NO_BODY } from '../sip/message.ts'

/** A message from an application, taken apart: `<id>|<command>|<args…>` and perhaps a SIP message after CRLF. */
export type ClientMessage = Readonly<{
  id: string
  command: string
  args: readonly string[]
  sip: ClientSip | undefined
}>

/** The SIP message as an application sends it: often without Via, tags or Call-ID. */
export type ClientSip = Readonly<{
  startLine: string
  headers: readonly Readonly<{ label: string; value: string }>[]
  body: Buffer
}>

const CRLF = Buffer.from('\r\n')
const CRLF_CRLF = Buffer.from('\r\n\r\n')

/** Takes a frame's payload apart. Header lines that are none are left out, as drachtio-server does. */
export function parseClientMessage(payload: Buffer): ClientMessage {
  const end = payload.indexOf(CRLF)
  const meta = payload.toString('utf8', 0, end < 0 ? payload.length : end)
  const [id = '', command = '', ...args] = meta.split('|')
  return { id, command, args, sip: end < 0 ? undefined : parseSip(payload.subarray(end + 2)) }
}

function parseSip(bytes: Buffer): ClientSip {
  const split = bytes.indexOf(CRLF_CRLF)
  const head = bytes.toString('utf8', 0, split < 0 ? bytes.length : split)
  const lines = head.split('\r\n')
  const headers: { label: string; value: string }[] = []
  for (const line of lines.slice(1)) {
    const colon = line.indexOf(':')
    if (colon <= 0) continue
    const value = line.slice(colon + 1).trim()
    headers.push({ label: line.slice(0, colon).trim(), value })
  }
  const at = split < 0 ? bytes.length : split + 4
  // The frame may be part of a bigger buffer that is reused for nothing else, so a view is enough; an empty one would hold it for nothing.
  return { startLine: lines[0] ?? '', headers, body: at === bytes.length ? NO_BODY : bytes.subarray(at) }
}
