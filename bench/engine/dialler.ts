import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer } from 'node:net'
import type { BenchCaller } from './callers.ts'

const HOST = '127.0.0.1'
const ANSWER_LIMIT_MS = 10_000
const GOODBYE_MS = 300
let nextCall = 0

/** Called once for each call that is up; `write` sends text on the call's own event-socket connection. */
export type OnConnected = (caller: BenchCaller, write: (text: string) => void) => void

/**
 * Calls a media server for every caller by plain SIP, as an application does, and takes the event-socket connections that
 * come back. Resolves with a function that hangs all of them up.
 */
export async function callAll(
  sipPort: number,
  callers: readonly BenchCaller[],
  onConnected: OnConnected
): Promise<() => Promise<void>> {
  const sip = createSocket('udp4')
  sip.bind(0, HOST)
  await once(sip, 'listening')
  const waiting = new Map<string, (sdp: string, to: string) => void>()
  sip.on('message', bytes => {
    const text = bytes.toString()
    const callId = /^Call-ID: (.*)\r$/im.exec(text)?.[1] ?? ''
    if (!text.startsWith('SIP/2.0 200') || !/^CSeq: 1 INVITE/im.test(text)) return
    waiting.get(callId)?.(text.slice(text.indexOf('\r\n\r\n') + 4), /^To: (.*)\r$/im.exec(text)?.[1] ?? '')
  })
  let connected = 0
  const control = createServer(socket => {
    let text = ''
    socket.on('error', () => {})
    socket.on('data', chunk => {
      text += chunk
      const uuid = /^Channel-Unique-ID: (.*)$|^Unique-ID: (.*)$/m.exec(text)
      const id = /^variable_sip_user_agent: drachtio-fsmrf%3A(\d+)$/m.exec(text)?.[1]
      if (uuid === null || id === undefined) return
      text = ''
      const caller = callers[Number(id)]
      if (caller === undefined || caller.uuid !== '') return
      caller.uuid = uuid[1] ?? uuid[2] ?? ''
      connected++
      onConnected(caller, line => socket.write(line))
    })
    socket.write('connect\n\n')
  })
  control.listen(0, HOST)
  await once(control, 'listening')
  const back = `${HOST}:${(control.address() as AddressInfo).port}`
  const run = `${process.pid}-${nextCall++}`
  const request = (method: string, index: number, to: string, cseq: number, body: string) =>
    [
      `${method} sip:drachtio@${HOST}:${sipPort} SIP/2.0`,
      `Via: SIP/2.0/UDP ${HOST}:${sip.address().port};rport;branch=z9hG4bK${run}-${method}-${index}`,
      'Max-Forwards: 70',
      `From: <sip:bench@${HOST}>;tag=b${run}-${index}`,
      `To: ${to}`,
      `Call-ID: bench-${run}-${index}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:bench@${HOST}:${sip.address().port}>`,
      `User-Agent: drachtio-fsmrf:${index}`,
      `X-esl-outbound: ${back}`,
      ...(body === '' ? [] : ['Content-Type: application/sdp']),
      `Content-Length: ${body.length}`,
      '',
      body
    ].join('\r\n')
  const tags: string[] = []
  for (const [index, caller] of callers.entries()) {
    const sdp = [
      'v=0',
      `o=- 1 1 IN IP4 ${HOST}`,
      's=-',
      `c=IN IP4 ${HOST}`,
      't=0 0',
      `m=audio ${caller.port} RTP/AVP 0`,
      ''
    ].join('\r\n')
    await new Promise<void>((resolve, reject) => {
      const limit = setTimeout(() => reject(new Error(`call ${index} was not answered`)), ANSWER_LIMIT_MS)
      waiting.set(`bench-${run}-${index}`, (answer, to) => {
        clearTimeout(limit)
        caller.remotePort = Number(/m=audio (\d+)/.exec(answer)?.[1])
        tags[index] = to
        sip.send(request('ACK', index, to, 1, ''), sipPort, HOST)
        resolve()
      })
      sip.send(request('INVITE', index, `<sip:drachtio@${HOST}>`, 1, sdp), sipPort, HOST)
    })
  }
  const startedAt = performance.now()
  while (connected < callers.length) {
    if (performance.now() - startedAt > ANSWER_LIMIT_MS) throw new Error(`only ${connected} calls were connected back`)
    await new Promise(resolve => setTimeout(resolve, 20))
  }
  return async () => {
    for (const [index] of callers.entries()) sip.send(request('BYE', index, tags[index] ?? '', 2, ''), sipPort, HOST)
    await new Promise(resolve => setTimeout(resolve, GOODBYE_MS))
    sip.close()
    control.close()
    for (const caller of callers) caller.socket.close()
  }
}
