import { createSocket, type Socket } from 'node:dgram'
import { once } from 'node:events'
import { G711_SILENCE } from '../../media/audio/g711.ts'
import { writeRtpHeader } from '../../media/audio/rtp.ts'

const HOST = '127.0.0.1'
const PHASES = 5
const PHASE_MS = 4

/** One caller: a socket that sends silence every 20 ms and counts what comes. */
export class BenchCaller {
  readonly socket: Socket
  readonly #packet = Buffer.alloc(172, G711_SILENCE.PCMU)
  #sequence = 0
  #timestamp = 0
  remotePort = 0
  received = 0
  uuid = ''

  constructor(socket: Socket) {
    this.socket = socket
    socket.on('message', bytes => {
      // A neighbour's reports may arrive here, because ports are taken as they come.
      if (((bytes[1] as number) & 0x7f) === 0) this.received++
    })
  }

  get port(): number {
    return this.socket.address().port
  }

  send(): void {
    this.#sequence = (this.#sequence + 1) & 0xffff
    this.#timestamp += 160
    writeRtpHeader(this.#packet, 0, false, this.#sequence, this.#timestamp, 1)
    this.socket.send(this.#packet, this.remotePort, HOST)
  }
}

/** Sends for all callers, spread over each 20 ms, until stopped. */
export function pace(callers: readonly BenchCaller[]): () => void {
  let due = performance.now()
  let phase = 0
  let timer: NodeJS.Timeout
  const tick = () => {
    while (performance.now() >= due) {
      for (let index = phase; index < callers.length; index += PHASES) callers[index]?.send()
      phase = (phase + 1) % PHASES
      due += PHASE_MS
    }
    timer = setTimeout(tick, Math.max(1, Math.round(due - performance.now())))
  }
  tick()
  return () => clearTimeout(timer)
}

/** Callers' ports lie below those that media servers and the system hand out; each has the next one free for RTCP. */
const PORTS = [12_000, 19_998] as const
let nextPort: number = PORTS[0]

/** Binds sockets for callers; `isShared` lets another process listen on the same ports. */
export async function bindCallers(count: number, isShared = false): Promise<BenchCaller[]> {
  const callers: BenchCaller[] = []
  for (let tries = 0; callers.length < count; tries++) {
    if (tries > PORTS[1] - PORTS[0]) throw new Error('no ports are free for callers')
    const port = nextPort
    nextPort = port >= PORTS[1] ? PORTS[0] : port + 2
    const socket = await bindSocket(port, isShared)
    if (socket !== undefined) callers.push(new BenchCaller(socket))
  }
  return callers
}

/** Undefined when another process has the port. */
async function bindSocket(port: number, isShared: boolean): Promise<Socket | undefined> {
  const socket = createSocket({
    type: 'udp4',
    reusePort: isShared,
    lookup: (host, _options, callback) => callback(null, host, 4),
    recvBufferSize: 1 << 18
  })
  // With such a look-up a socket can be bound before bind() returns.
  const listening = once(socket, 'listening')
  socket.bind(port, HOST)
  try {
    await listening
    return socket
  } catch (err) {
    socket.close()
    if ((err as NodeJS.ErrnoException).code === 'EADDRINUSE') return undefined
    throw err
  }
}
