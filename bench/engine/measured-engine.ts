import { EventSocketClient } from './event-socket-client.ts'
import { MeasuredProcess, type Reading, readOutsideProcess } from './measured-process.ts'

const HOST = '127.0.0.1'
const SECRET = 'bench'
let nextLow = 20_000

/** A media server under measurement. */
export type Engine = AsyncDisposable &
  Readonly<{
    name: string
    sipPort: number
    eventSocketPort: number
    secret: string
    read(): Promise<Reading>
  }>

/** Starts the stand-in for FreeSWITCH in a process of its own. */
export async function standIn(): Promise<Engine> {
  const low = nextLow
  nextLow += 2_000
  const child = await MeasuredProcess.start(new URL('./engine-process.ts', import.meta.url), {
    eventSocket: { host: HOST, port: 0, secret: SECRET },
    sip: { host: HOST, port: 0 },
    rtp: { host: HOST, portRange: [low, low + 2_000] },
    logLevel: 'error'
  })
  const { sipPort, eventSocketPort } = child.ready as { sipPort: number; eventSocketPort: number }
  return {
    name: 'stand-in',
    sipPort,
    eventSocketPort,
    secret: SECRET,
    read: () => child.read(),
    [Symbol.asyncDispose]: () => child[Symbol.asyncDispose]()
  }
}

/** A FreeSWITCH that runs already; it is only measured, never stopped. */
export async function realEngine(
  where: Readonly<{ pid: number; sipPort: number; eventSocketPort: number; secret: string }>
): Promise<Engine> {
  await using control = await EventSocketClient.connect(where.eventSocketPort, where.secret)
  const version = /Version (\d+\.\d+\.\d+)/.exec(await control.api('version'))?.[1] ?? ''
  return {
    ...where,
    name: `FreeSWITCH ${version}`,
    read: () => readOutsideProcess(where.pid),
    async [Symbol.asyncDispose]() {}
  }
}
