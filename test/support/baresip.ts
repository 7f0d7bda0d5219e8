import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { type AddressInfo, connect, createServer, type Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { parseWav } from '../../media/audio/wav.ts'
import { writeWav } from '../../media/audio/wav.ts'

type BaresipEvent = Readonly<{ type?: string; event?: boolean; param?: string }>

/** baresip, a phone that we did not write, driven over its control port. What it hears is kept as a WAV file. */
export class Baresip implements AsyncDisposable {
  readonly #folder: string
  readonly #socket: Socket
  readonly #exited: Promise<unknown>
  readonly #kill: () => void
  readonly #events: BaresipEvent[] = []
  #received = ''
  #said = 0

  private constructor(folder: string, socket: Socket, exited: Promise<unknown>, kill: () => void) {
    this.#folder = folder
    this.#socket = socket
    this.#exited = exited
    this.#kill = kill
    socket.on('data', chunk => this.#take(chunk.toString('utf8')))
  }

  /** Starts the phone; it says `says` (8 kHz) in its calls. */
  static async start(says: Int16Array): Promise<Baresip> {
    const folder = await mkdtemp(join(tmpdir(), 'parley-baresip-'))
    const port = await freePort()
    await writeFile(join(folder, 'says.wav'), writeWav({ sampleRateHz: 8_000, channels: 1, samples: says }))
    await writeFile(join(folder, 'accounts'), '<sip:tester@127.0.0.1>;regint=0\n')
    await writeFile(
      join(folder, 'config'),
      [
        'sip_listen 127.0.0.1:0',
        'audio_player aubridge,x',
        `audio_source aufile,${join(folder, 'says.wav')}`,
        'ausrc_srate 8000',
        'auplay_srate 8000',
        'module_path /usr/lib/baresip/modules',
        ...['g711', 'aufile', 'aubridge', 'sndfile', 'auconv', 'auresamp'].map(name => `module ${name}.so`),
        'module_tmp uuid.so',
        'module_tmp account.so',
        'module_app menu.so',
        'module_app ctrl_tcp.so',
        `ctrl_tcp_listen 127.0.0.1:${port}`,
        `snd_path ${folder}`,
        ''
      ].join('\n')
    )
    const child = spawn('baresip', ['-f', folder], { stdio: 'ignore' })
    const exited = once(child, 'exit')
    for (let tries = 0; ; tries++) {
      try {
        const socket = connect(port, '127.0.0.1')
        await once(socket, 'connect')
        return new Baresip(folder, socket, exited, () => child.kill('SIGKILL'))
      } catch (err) {
        if (tries === 50) {
          child.kill('SIGKILL')
          throw err
        }
        await delay(100)
      }
    }
  }

  /** Says this (8 kHz) from now on instead of what it says; quiet in the end is to be longer than the call. */
  async say(samples: Int16Array): Promise<void> {
    const file = join(this.#folder, `says-${++this.#said}.wav`)
    await writeFile(file, writeWav({ sampleRateHz: 8_000, channels: 1, samples }))
    this.command('ausrc', `aufile,${file}`)
  }

  command(command: string, params = ''): void {
    const text = JSON.stringify({ command, params })
    this.#socket.write(`${Buffer.byteLength(text)}:${text},`)
  }

  has(type: string): boolean {
    return this.#events.some(event => event.type === type)
  }

  /** Resolves with the first event of this type, also one that has come already. */
  async event(type: string, limitMs = 40_000): Promise<BaresipEvent> {
    const limit = AbortSignal.timeout(limitMs)
    for (;;) {
      const found = this.#events.find(event => event.type === type)
      if (found !== undefined) return found
      limit.throwIfAborted()
      await delay(20)
    }
  }

  /** Everything that the phone heard in its call, once the call is over. */
  async heard(): Promise<Int16Array> {
    const file = (await readdir(this.#folder)).find(name => name.endsWith('-dec.wav'))
    if (file === undefined) throw new Error('baresip heard nothing')
    return parseWav(await readFile(join(this.#folder, file))).samples
  }

  /** Waits until what the phone heard in the last 200 ms is as wanted; the file grows while the call runs. */
  async untilHeard(isWanted: (samples: Int16Array) => boolean, limitMs = 40_000): Promise<void> {
    const limit = AbortSignal.timeout(limitMs)
    while (!isWanted(await this.#lastHeard())) {
      limit.throwIfAborted()
      await delay(50)
    }
  }

  /** 200 ms of silence while nothing was heard. The header is only right at the end, so samples are read as they are. */
  async #lastHeard(): Promise<Int16Array> {
    const last = new Int16Array(1_600)
    const name = (await readdir(this.#folder)).find(one => one.endsWith('-dec.wav'))
    if (name === undefined) return last
    const bytes = (await readFile(join(this.#folder, name))).subarray(44)
    const from = Math.max(0, Math.floor(bytes.length / 2) - last.length)
    for (let index = 0; index < last.length && (from + index) * 2 + 1 < bytes.length; index++)
      last[index] = bytes.readInt16LE((from + index) * 2)
    return last
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.command('quit')
    const limit = setTimeout(this.#kill, 3_000)
    await this.#exited
    clearTimeout(limit)
    this.#socket.destroy()
    await rm(this.#folder, { recursive: true, force: true })
  }

  #take(text: string): void {
    this.#received += text
    for (;;) {
      const length = /^(\d+):/.exec(this.#received)
      if (length === null) return
      const start = length[0].length
      const end = start + Number(length[1])
      if (this.#received.length <= end) return
      this.#events.push(JSON.parse(this.#received.slice(start, end)) as BaresipEvent)
      this.#received = this.#received.slice(end + 1)
    }
  }
}

async function freePort(): Promise<number> {
  const server = createServer()
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}
