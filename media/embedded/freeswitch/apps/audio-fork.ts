import { rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { WebSocket } from 'ws'
import { StreamResampler } from '../../../audio/resample.ts'
import { splitArguments } from '../arguments.ts'
import { isTrue } from '../bridge.ts'
import type { Channel } from '../channel.ts'
import type { Engine } from '../engine.ts'
import { FRAME_SAMPLES, type FrameOverlay, type FrameTap, mixSamples } from '../rtp/frame.ts'

const SUBPROTOCOL = 'audio.drachtio.org'
const DEFAULT_NAME = 'audio_fork'
const CONNECT_LIMIT_MS = 5_000
/** How much audio may wait for a slow listener, in seconds; more is dropped and counted. */
const BUFFER_S = 2
const MAX_TEXT_BYTES = 16 << 20
const MAX_PLAYBACK_SAMPLES = 8_000 * 60
const RATE_HZ = 8_000
/** Says in the upgrade request that a message of the listener may ask for several frames in one. */
const ABLE_TO_GATHER = { 'X-Audio-Fork': 'gather' }
/** A second in one message at most. */
const MAX_GATHERED = 50
const SILENT = new Int16Array(FRAME_SAMPLES)

/** Which side goes into the stream. */
export type ForkMix = 'mono' | 'mixed' | 'stereo'

type ForkOptions = Readonly<{
  name: string
  url: string
  mix: ForkMix
  rateHz: number
  metadata: string
  /** Whether binary frames from the far end are played to the caller, and at which rate they come. */
  playbackHz: number | undefined
}>

let playCount = 0

/** Streams a channel's audio over a WebSocket, 20 ms a frame, and takes messages and audio back. */
class AudioFork implements FrameTap, FrameOverlay {
  readonly wantsRead = true
  readonly wantsWrite: boolean
  readonly #channel: Channel
  readonly #options: ForkOptions
  readonly #socket: WebSocket
  readonly #resamplers: readonly StreamResampler[] | undefined
  readonly #maxWaiting: number
  readonly #files: string[] = []
  readonly #backResampler: StreamResampler | undefined
  #played: Int16Array[] = []
  #playedAt = 0
  #waitingSamples = 0
  #isConnected = false
  #isClosing = false
  #pause: 'no' | 'blank' | 'silence' = 'no'
  #isShuttingDown = false
  #hasToldOverrun = false
  /** How many frames leave in one message, and those that wait for the others. */
  #perMessage = 1
  #gathered: Buffer[] = []

  constructor(channel: Channel, options: ForkOptions) {
    this.#channel = channel
    this.#options = options
    this.wantsWrite = options.mix !== 'mono'
    const channels = options.mix === 'stereo' ? 2 : 1
    this.#maxWaiting = options.rateHz * 2 * channels * BUFFER_S
    if (options.rateHz !== RATE_HZ) {
      this.#resamplers = Array.from({ length: channels }, () => new StreamResampler(RATE_HZ, options.rateHz))
    }
    if (options.playbackHz !== undefined && options.playbackHz !== RATE_HZ) {
      this.#backResampler = new StreamResampler(options.playbackHz, RATE_HZ)
    }
    const user = channel.get('MOD_AUDIO_BASIC_AUTH_USERNAME')
    const password = channel.get('MOD_AUDIO_BASIC_AUTH_PASSWORD') ?? ''
    const authorization =
      user === undefined ? {} : { Authorization: `Basic ${Buffer.from(`${user}:${password}`).toString('base64')}` }
    this.#socket = new WebSocket(options.url.replace(/^http/i, 'ws'), SUBPROTOCOL, {
      perMessageDeflate: false,
      handshakeTimeout: CONNECT_LIMIT_MS,
      maxPayload: MAX_TEXT_BYTES,
      headers: { ...ABLE_TO_GATHER, ...authorization },
      rejectUnauthorized: !isTrue(channel.get('MOD_AUDIO_FORK_ALLOW_SELFSIGNED'))
    })
    this.#socket.on('open', () => this.#onOpen())
    this.#socket.on('message', (data, isBinary) => this.#onMessage(data as Buffer, isBinary))
    this.#socket.on('close', () => this.#onClose())
    this.#socket.on('error', err => this.#onError(err))
  }

  onFrame(read: Int16Array | undefined, write: Int16Array | undefined): void {
    if (!this.#isConnected || this.#isShuttingDown || this.#pause === 'blank') return
    if (this.#socket.bufferedAmount > this.#maxWaiting) {
      this.#channel.engine.forkFramesDropped++
      if (!this.#hasToldOverrun) {
        this.#hasToldOverrun = true
        this.#fire('buffer_overrun')
      }
      return
    }
    const isSilent = this.#pause === 'silence'
    const heard = isSilent ? SILENT : (read ?? SILENT)
    const said = isSilent ? SILENT : (write ?? SILENT)
    this.#gathered.push(this.#frame(heard, said))
    if (this.#gathered.length >= this.#perMessage) this.#sendGathered()
  }

  mixInto(pcm: Int16Array): boolean {
    const block = this.#played[0]
    if (block === undefined) return false
    const frame = new Int16Array(FRAME_SAMPLES)
    let filled = 0
    while (filled < FRAME_SAMPLES) {
      const current = this.#played[0]
      if (current === undefined) break
      const part = current.subarray(this.#playedAt, this.#playedAt + FRAME_SAMPLES - filled)
      frame.set(part, filled)
      filled += part.length
      this.#playedAt += part.length
      if (this.#playedAt < current.length) continue
      this.#played.shift()
      this.#playedAt = 0
    }
    this.#waitingSamples -= filled
    mixSamples(pcm, frame)
    return true
  }

  /** Sends a text frame, now or as soon as the connection stands. */
  sendText(text: string): void {
    if (this.#isConnected) this.#socket.send(text)
  }

  pause(how: 'blank' | 'silence'): void {
    this.#sendGathered()
    this.#pause = how
  }

  resume(): void {
    this.#pause = 'no'
  }

  /** Sends no more audio, tells the far end so by an empty frame, and waits for it to close. */
  shutDownGracefully(): void {
    this.#sendGathered()
    this.#isShuttingDown = true
    if (this.#isConnected) this.#socket.send(Buffer.alloc(0), { binary: true })
  }

  /** Drops what has been streamed back and not been heard yet. */
  stopPlayback(): void {
    this.#played = []
    this.#playedAt = 0
    this.#waitingSamples = 0
  }

  close(finalText: string | undefined): void {
    if (this.#isClosing) return
    this.#isClosing = true
    this.#sendGathered()
    if (finalText !== undefined) this.sendText(finalText)
    if (this.#isConnected) this.#socket.close(1000)
    else this.#socket.terminate()
    for (const file of this.#files) void rm(file, { force: true })
  }

  /** From now on so many frames in one message; what waits leaves at once. */
  #gather(frames: unknown): void {
    const wanted = Math.trunc(Number(frames))
    if (!(wanted >= 1 && wanted <= MAX_GATHERED)) return
    this.#perMessage = wanted
    this.#sendGathered()
  }

  #sendGathered(): void {
    const [only, ...others] = this.#gathered
    if (only === undefined) return
    this.#gathered = []
    if (this.#isConnected) this.#socket.send(others.length === 0 ? only : Buffer.concat([only, ...others]))
  }

  #frame(read: Int16Array, write: Int16Array): Buffer {
    switch (this.#options.mix) {
      case 'mono':
        return toBytes([this.#rated(read, 0)])
      case 'mixed': {
        const mixed = Int16Array.from(read)
        mixSamples(mixed, write)
        return toBytes([this.#rated(mixed, 0)])
      }
      case 'stereo':
        return toBytes([this.#rated(read, 0), this.#rated(write, 1)])
      default:
        return this.#options.mix satisfies never
    }
  }

  #rated(pcm: Int16Array, side: number): Int16Array {
    return this.#resamplers?.[side]?.process(pcm) ?? pcm
  }

  #onOpen(): void {
    this.#isConnected = true
    this.#fire('connect')
    if (this.#options.metadata !== '') this.#socket.send(this.#options.metadata)
  }

  #onError(err: Error): void {
    if (this.#isConnected || this.#isClosing) return
    this.#channel.engine.log.warn({ err, uuid: this.#channel.uuid }, 'audio fork could not connect')
    this.#isClosing = true
    this.#fire('connect_failed', JSON.stringify({ reason: 'Unable to connect' }))
  }

  #onClose(): void {
    const wasConnected = this.#isConnected
    this.#isConnected = false
    if (wasConnected && !this.#isClosing && !this.#isShuttingDown) this.#fire('disconnect')
  }

  #onMessage(data: Buffer, isBinary: boolean): void {
    if (isBinary) this.#onAudio(data)
    else this.#onText(data.toString('utf8'))
  }

  #onAudio(data: Buffer): void {
    if (this.#options.playbackHz === undefined) return
    const pcm = Int16Array.from({ length: data.length >> 1 }, (_, index) => data.readInt16LE(index * 2))
    const rated = this.#backResampler?.process(pcm) ?? pcm
    if (this.#waitingSamples + rated.length > MAX_PLAYBACK_SAMPLES) return
    this.#waitingSamples += rated.length
    if (rated.length > 0) this.#played.push(rated)
  }

  #onText(text: string): void {
    const message = parseObject(text)
    if (message === undefined) return
    const data = message['data'] as Record<string, unknown> | undefined
    const body = data === undefined ? undefined : JSON.stringify(data)
    switch (message['type']) {
      case 'playAudio':
        if (typeof data === 'object' && data !== null) void this.#onPlayAudio(data)
        break
      case 'killAudio':
        this.#fire('kill_audio')
        this.stopPlayback()
        this.#channel.executor.break(true)
        break
      case 'gather':
        this.#gather(message['frames'])
        break
      case 'transcription':
      case 'transfer':
      case 'disconnect':
      case 'error':
        this.#fire(message['type'], body)
        break
      case 'json':
        this.#fire('json', JSON.stringify(message))
        break
      default:
        this.#channel.engine.log.debug({ uuid: this.#channel.uuid }, 'audio fork got an unknown message')
    }
  }

  /** The audio goes to a file; the application that is told may play it. */
  async #onPlayAudio(data: Record<string, unknown>): Promise<void> {
    const { audioContent, ...rest } = data
    const type = data['audioContentType']
    const isWave = type === 'wave' || type === 'wav'
    if (typeof audioContent !== 'string' || (!isWave && type !== 'raw')) {
      this.#fire('play_audio', JSON.stringify(rest))
      return
    }
    const rate = Number(data['sampleRate'])
    const extension = isWave
      ? 'wav'
      : `r${[8_000, 16_000, 24_000, 32_000, 48_000, 64_000].includes(rate) ? rate / 1000 : 16}`
    const file = join(tmpdir(), `${this.#channel.uuid}_${playCount++}.tmp.${extension}`)
    try {
      await writeFile(file, Buffer.from(audioContent, 'base64'), { mode: 0o600 })
      if (this.#isClosing) await rm(file, { force: true })
      else this.#files.push(file)
      this.#fire('play_audio', JSON.stringify({ ...rest, file }))
    } catch (err) {
      this.#channel.engine.log.error({ err, uuid: this.#channel.uuid }, 'audio from the fork could not be kept')
      this.#fire('error', JSON.stringify({ reason: 'audio could not be stored' }))
    }
  }

  #fire(what: string, body?: string): void {
    this.#channel.fire('CUSTOM', [], body, `mod_audio_fork::${what}`)
  }
}

function toBytes(sides: readonly Int16Array[]): Buffer {
  const [left = SILENT, right] = sides
  const out = new Int16Array(left.length * sides.length)
  if (right === undefined) out.set(left)
  else {
    for (let index = 0; index < left.length; index++) {
      out[index * 2] = left[index] as number
      out[index * 2 + 1] = right[index] as number
    }
  }
  // The host is little-endian wherever Node runs.
  return Buffer.from(out.buffer)
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : undefined
  } catch {
    return undefined
  }
}

const forks = new WeakMap<Channel, Map<string, AudioFork>>()

function forksOf(channel: Channel): Map<string, AudioFork> {
  const known = forks.get(channel) ?? new Map<string, AudioFork>()
  forks.set(channel, known)
  return known
}

const USAGE =
  '-USAGE: <uuid> [start | stop | send_text | pause | resume | graceful-shutdown ] [wss-url | path] [mono | mixed | stereo] [8000 | 16000 | 24000 | 32000 | 64000] [bugname] [metadata]\n'
const FAILED = '-ERR Operation Failed\n'
const DONE = '+OK Success\n'

/** `uuid_audio_fork <uuid> start|stop|send_text|pause|resume|graceful-shutdown …`. */
export function uuidAudioFork(engine: Engine, text: string): string {
  const args = splitArguments(text)
  const [uuid, order = ''] = args
  if (args.length < 2 || (order === 'start' && args.length < 4)) return USAGE
  const channel = engine.channels.get(uuid ?? '')
  if (channel === undefined) return FAILED
  if (order.toLowerCase() === 'start') return start(channel, args)
  const isText = (word: string | undefined) => word?.startsWith('{') === true || word?.startsWith('[') === true
  const name = args.length > 2 && !isText(args[2]) ? (args[2] as string) : DEFAULT_NAME
  const final = isText(args[2]) && args.length === 3 ? args[2] : args[3]
  const fork = forksOf(channel).get(name)
  if (fork === undefined) return FAILED
  switch (order.toLowerCase()) {
    case 'stop':
      stop(channel, name, final)
      return DONE
    case 'send_text':
      if (final === undefined) return FAILED
      fork.sendText(final)
      return DONE
    case 'pause':
      fork.pause(args[3] === 'silence' ? 'silence' : 'blank')
      return DONE
    case 'resume':
      fork.resume()
      return DONE
    case 'graceful-shutdown':
      fork.shutDownGracefully()
      return DONE
    case 'stop_play':
      fork.stopPlayback()
      return DONE
    default:
      return FAILED
  }
}

function start(channel: Channel, args: readonly string[]): string {
  const [, , url = '', mix = '', rate = '', ...rest] = args
  const options = forkOptions(url, mix, rate, rest)
  if (options === undefined || forksOf(channel).has(options.name)) return FAILED
  const fork = new AudioFork(channel, options)
  forksOf(channel).set(options.name, fork)
  channel.media.addTap(fork)
  if (options.playbackHz !== undefined) channel.media.addOverlay(fork)
  channel.engine.forks++
  channel.bugs.set(`fork:${options.name}`, { kind: url, stop: () => stop(channel, options.name, undefined) })
  return DONE
}

function stop(channel: Channel, name: string, final: string | undefined): void {
  const fork = forksOf(channel).get(name)
  if (fork === undefined) return
  forksOf(channel).delete(name)
  channel.bugs.delete(`fork:${name}`)
  channel.media.removeTap(fork)
  channel.media.removeOverlay(fork)
  channel.engine.forks--
  fork.close(final)
}

function forkOptions(url: string, mix: string, rate: string, rest: readonly string[]): ForkOptions | undefined {
  if (mix !== 'mono' && mix !== 'mixed' && mix !== 'stereo') return undefined
  const rateHz = rate === '8k' ? 8_000 : rate === '16k' ? 16_000 : Number(rate || RATE_HZ)
  if (!/^(wss?|https?):\/\/\S+$/i.test(url) || !URL.canParse(url)) return undefined
  if (!(rateHz >= 8_000 && rateHz <= 64_000 && rateHz % 8_000 === 0)) return undefined
  const [first = '', second = '', , isStreaming, playbackRate] = rest
  // With one word it is the metadata if it looks like JSON, else the name; with two the name comes first.
  const isOnlyMetadata = rest.length === 1 && /^[[{]/.test(first)
  const playbackHz = isTrue(isStreaming) ? Number(playbackRate || RATE_HZ) : undefined
  if (playbackHz !== undefined && !(playbackHz >= 8_000 && playbackHz <= 48_000)) return undefined
  return {
    name: isOnlyMetadata || rest.length === 0 ? DEFAULT_NAME : first,
    url,
    mix,
    rateHz,
    metadata: isOnlyMetadata ? first : second,
    playbackHz
  }
}
