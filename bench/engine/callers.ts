import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { createServer, type AddressInfo } from 'node:net'
import { G711_SILENCE } from '../../media/audio/g711.ts'
import { writeRtpHeader } from '../../media/audio/rtp.ts'
import { ArrivalLog } from '../../test/support/rtp-peer/arrival.ts'

const HOST = '127.0.0.1'

/** One caller: a socket that sends silence every 20 ms and keeps when packets came. */
export class BenchCaller {
  readonly socket: Socket
  readonly arrivals: ArrivalLog | undefined
  readonly #packet = Buffer.alloc(172, G711_SILENCE.PCMU)
  #sequence = 0
  #timestamp = 0
  remotePort = 0
  received = 0
  uuid = ''

  constructor(socket: Socket, isTimed: boolean) {
    this.socket = socket
    this.arrivals = isTimed ? new ArrivalLog() : undefined
    socket.on('message', bytes => {
      // A neighbour's reports may arrive here, because ports are taken as they come.
      if (((bytes[1] as number) & 0x7f) !== 0) return
      this.received++
      this.arrivals?.add(bytes.readUInt16BE(2), bytes.readUInt32BE(4))
    })
  }

  send(): void {
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#timestamp += 160
    writeRtpHeader(this.#packet, 0, false, this.#sequence, this.#timestamp, 1)
    this.socket.send(this.#packet, 0, 172, this.remotePort, HOST)
  }
}

/** Sends for all callers, spread over each 20 ms, until stopped. */
export function pace(callers: readonly BenchCaller[]): () => void {
  let due = performance.now()
  let phase = 0
  let timer: NodeJS.Timeout
  const tick = () => {
    while (performance.now() >= due) {
      for (let index = phase; index < callers.length; index += 5) callers[index]?.send()
      phase = (phase + 1) % 5
      due += 4
    }
    timer = setTimeout(tick, Math.max(0, Math.floor(due - performance.now())))
  }
  tick()
  return () => clearTimeout(timer)
}

/** Binds sockets for callers. */
export async function bindCallers(count: number, isTimed: boolean): Promise<BenchCaller[]> {
  return await Promise.all(
    Array.from({ length: count }, async () => {
      const socket = createSocket({
        type: 'udp4',
        lookup: (host, _options, callback) => callback(null, host, 4),
        recvBufferSize: 1 << 18
      })
      const listening = once(socket, 'listening')
      socket.bind(0, HOST)
      await listening
      return new BenchCaller(socket, isTimed)
    })
  )
}

/** Calls the media server for every caller by plain SIP, as an application does, and runs `onConnected` for each. */
export async function callAll(
  sipPort: number,
  callers: readonly BenchCaller[],
  onConnected: (caller: BenchCaller, write: (text: string) => void) => void
): Promise<() => Promise<void>> {
  const sip = createSocket('udp4')
  sip.bind(0, HOST)
  await once(sip, 'listening')
  const waiting = new Map<string, (sdp: string, to: string) => void>()
  sip.on('message', bytes => {
    const text = bytes.toString()
    const callId = /^Call-ID: (.*)\r$/m.exec(text)?.[1] ?? ''
    if (!text.startsWith('SIP/2.0 200') || !/CSeq: 1 INVITE/.test(text)) return
    waiting.get(callId)?.(text.slice(text.indexOf('\r\n\r\n') + 4), /^To: (.*)\r$/m.exec(text)?.[1] ?? '')
  })
  const control = createServer(socket => {
    let text = ''
    socket.on('error', () => {})
    socket.on('data', chunk => {
      text += chunk
      const uuid = /^Channel-Unique-ID: (.*)$/m.exec(text)?.[1]
      const id = /^variable_sip_user_agent: drachtio-fsmrf%3A(\d+)$/m.exec(text)?.[1]
      if (uuid === undefined || id === undefined) return
      text = ''
      const caller = callers[Number(id)] as BenchCaller
      if (caller.uuid !== '') return
      caller.uuid = uuid
      onConnected(caller, line => socket.write(line))
    })
    socket.write('connect\n\n')
  })
  control.listen(0, HOST)
  await once(control, 'listening')
  const back = `${HOST}:${(control.address() as AddressInfo).port}`
  const request = (method: string, index: number, to: string, cseq: number, body: string) =>
    [
      `${method} sip:drachtio@${HOST}:${sipPort} SIP/2.0`,
      `Via: SIP/2.0/UDP ${HOST}:${sip.address().port};rport;branch=z9hG4bK${method}${index}`,
      'Max-Forwards: 70',
      `From: <sip:bench@${HOST}>;tag=b${index}`,
      `To: ${to}`,
      `Call-ID: bench-${index}`,
      `CSeq: ${cseq} ${method}`,
      `Contact: <sip:bench@${HOST}:${sip.address().port}>`,
      `User-Agent: drachtio-fsmrf:${index}`,
      `X-esl-outbound: ${back}`,
      'Content-Type: application/sdp',
      `Content-Length: ${body.length}`,
      '',
      body
    ].join('\r\n')
  const tags: string[] = []
  for (const [index, caller] of callers.entries()) {
    const sdp = `v=0\r\no=- 1 1 IN IP4 ${HOST}\r\ns=-\r\nc=IN IP4 ${HOST}\r\nt=0 0\r\nm=audio ${caller.socket.address().port} RTP/AVP 0\r\n`
    const answered = new Promise<void>(resolve => {
      waiting.set(`bench-${index}`, (answer, to) => {
        caller.remotePort = Number(/m=audio (\d+)/.exec(answer)?.[1])
        tags[index] = to
        sip.send(request('ACK', index, to, 1, ''), sipPort, HOST)
        resolve()
      })
    })
    sip.send(request('INVITE', index, `<sip:drachtio@${HOST}>`, 1, sdp), sipPort, HOST)
    await answered
  }
  return async () => {
    for (const [index] of callers.entries()) sip.send(request('BYE', index, tags[index] ?? '', 2, ''), sipPort, HOST)
    await new Promise(resolve => setTimeout(resolve, 300))
    sip.close()
    control.close()
    for (const caller of callers) caller.socket.close()
  }
}
