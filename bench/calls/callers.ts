/**
 * The callers of this bench: a process of its own, so that its work is not counted as the server's. Minimal SIP over one
 * UDP socket; voice goes to a socket that only counts. Prints one JSON line with what it saw.
 */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'

export type CallersReport = Readonly<{
  calls: number
  failed: number
  /** INVITE sent to 200 received, sorted, milliseconds. */
  setupMs: readonly number[]
  /** BYE sent to its 200, sorted, milliseconds. */
  byeMs: readonly number[]
  voicePackets: number
}>

type Call = { sentAt: number; byeAt: number; state: 'inviting' | 'talking' | 'leaving' }

const [host = '127.0.0.1', port = '5060', number = '+12025550100', calls = '100', perSecond = '25', holdMs = '1000'] =
  process.argv.slice(2)
const sip = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
const voice = createSocket({ type: 'udp4', recvBufferSize: 4 << 20 })
const listening = Promise.all([once(sip, 'listening'), once(voice, 'listening')])
sip.bind(0, '127.0.0.1')
voice.bind(0, '127.0.0.1')
await listening
const here = `127.0.0.1:${sip.address().port}`
const running = new Map<string, Call>()
const setupMs: number[] = []
const byeMs: number[] = []
let voicePackets = 0
let done = 0
let failed = 0
voice.on('message', () => {
  voicePackets += 1
})

const send = (text: string) => sip.send(text, Number(port), host)
const sdp = [
  'v=0',
  'o=bench 1 1 IN IP4 127.0.0.1',
  's=-',
  'c=IN IP4 127.0.0.1',
  't=0 0',
  `m=audio ${voice.address().port} RTP/AVP 0 101`,
  'a=rtpmap:0 PCMU/8000',
  'a=rtpmap:101 telephone-event/8000',
  ''
].join('\r\n')

sip.on('message', bytes => {
  const text = bytes.toString('latin1')
  const id = /^Call-ID:\s*([^@\s]+)/im.exec(text)?.[1] ?? ''
  const call = running.get(id)
  const status = Number(/^SIP\/2\.0 (\d{3})/.exec(text)?.[1] ?? 0)
  if (status < 200) return
  const method = /^CSeq:\s*\d+ (\w+)/im.exec(text)?.[1]
  const to = /^To:\s*(.*)$/im.exec(text)?.[1]?.trim() ?? ''
  if (method === 'INVITE') {
    send(request('ACK', id, 1, to))
    if (call?.state !== 'inviting') return
    if (status !== 200) return finish(id, true)
    setupMs.push(performance.now() - call.sentAt)
    call.state = 'talking'
    setTimeout(() => {
      call.state = 'leaving'
      call.byeAt = performance.now()
      send(request('BYE', id, 2, to))
    }, Number(holdMs))
  } else if (method === 'BYE' && call?.state === 'leaving') {
    byeMs.push(performance.now() - call.byeAt)
    finish(id, status !== 200)
  }
})

const startedAt = performance.now()
for (let index = 0; index < Number(calls); index++) {
  const wait = startedAt + (index * 1000) / Number(perSecond) - performance.now()
  if (wait > 0) await new Promise(resolve => setTimeout(resolve, wait))
  const id = `c${index}x${process.pid}`
  running.set(id, { sentAt: performance.now(), byeAt: 0, state: 'inviting' })
  send(request('INVITE', id, 1, `<sip:${number}@${host}:${port}>`, sdp))
}
// Whatever has not ended by then is a failure, not a reason to wait for ever.
setTimeout(() => {
  failed += running.size
  done += running.size
  report()
}, Number(holdMs) + 20_000)

function request(method: string, id: string, cseq: number, to: string, body = ''): string {
  return [
    `${method} sip:${number}@${host}:${port} SIP/2.0`,
    `Via: SIP/2.0/UDP ${here};branch=z9hG4bK${id}${cseq}${method};rport`,
    'Max-Forwards: 70',
    `From: <sip:+12025550123@${here}>;tag=${id}`,
    `To: ${to}`,
    `Call-ID: ${id}@bench`,
    `CSeq: ${cseq} ${method}`,
    `Contact: <sip:bench@${here}>`,
    ...(body === '' ? [] : ['Content-Type: application/sdp']),
    `Content-Length: ${Buffer.byteLength(body)}`,
    '',
    body
  ].join('\r\n')
}

function finish(id: string, isFailure: boolean): void {
  running.delete(id)
  if (isFailure) failed += 1
  done += 1
  if (done === Number(calls)) report()
}

function report(): void {
  const sorted = (values: number[]) => values.sort((a, b) => a - b)
  const found: CallersReport = { calls: done, failed, setupMs: sorted(setupMs), byeMs: sorted(byeMs), voicePackets }
  process.stdout.write(`${JSON.stringify(found)}\n`, () => process.exit(0))
}
