import { open, type FileHandle } from 'node:fs/promises'
import { levelDbov } from '../../../audio/speech-energy.ts'
import { writeWav } from '../../../audio/wav.ts'
import { splitArguments } from '../arguments.ts'
import { isTrue } from '../bridge.ts'
import type { Channel } from '../channel.ts'
import type { Engine } from '../engine.ts'
import type { AppRun } from '../executor.ts'
import { FRAME_SAMPLES, type FrameTap, mixSamples } from '../rtp/frame.ts'
import { takeTerminator } from './playback.ts'

const HEADER_BYTES = 44
const FLUSH_FRAMES = 50
/** What may wait for a slow disk before the recording is given up. */
const MAX_WAITING_BYTES = 4 << 20

/** Writes what a tap hears to a 16-bit WAV file at 8 kHz; with two channels left is read, right is written. */
export class Recorder implements FrameTap {
  readonly wantsRead = true
  readonly wantsWrite: boolean
  readonly opened: Promise<FileHandle>
  readonly #channels: 1 | 2
  #pending: Buffer[] = []
  #waitingBytes = 0
  #writing: Promise<void>
  #frames = 0
  #isStopped = false
  #failure: unknown

  constructor(path: string, channels: 1 | 2, wantsWrite = true) {
    this.#channels = channels
    this.wantsWrite = wantsWrite
    this.opened = open(path, 'w')
    this.#writing = this.opened.then(
      async file => void (await file.write(writeWav({ sampleRateHz: 8_000, channels, samples: new Int16Array(0) }))),
      err => {
        this.#failure = err
      }
    )
  }

  get samples(): number {
    return this.#frames * FRAME_SAMPLES
  }

  get hasFailed(): boolean {
    return this.#failure !== undefined
  }

  onFrame(read: Int16Array | undefined, write: Int16Array | undefined): void {
    if (this.#isStopped || this.hasFailed) return
    const frame = Buffer.alloc(FRAME_SAMPLES * 2 * this.#channels)
    if (this.#channels === 2) {
      for (let index = 0; index < FRAME_SAMPLES; index++) {
        frame.writeInt16LE(read?.[index] ?? 0, index * 4)
        frame.writeInt16LE(write?.[index] ?? 0, index * 4 + 2)
      }
    } else {
      const mixed = new Int16Array(FRAME_SAMPLES)
      if (read !== undefined) mixSamples(mixed, read)
      if (write !== undefined) mixSamples(mixed, write)
      for (let index = 0; index < FRAME_SAMPLES; index++) frame.writeInt16LE(mixed[index] as number, index * 2)
    }
    this.#frames++
    this.#pending.push(frame)
    if (this.#pending.length >= FLUSH_FRAMES) this.#flush()
  }

  /** Completes the file. Rejects when it could not be written. */
  async stop(): Promise<void> {
    if (this.#isStopped) return
    this.#isStopped = true
    this.#flush()
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
    const file = await this.opened
    const dataBytes = this.#frames * FRAME_SAMPLES * 2 * this.#channels
    const sizes = Buffer.alloc(4)
    sizes.writeUInt32LE(HEADER_BYTES - 8 + dataBytes)
    await file.write(sizes, 0, 4, 4)
    sizes.writeUInt32LE(dataBytes)
    await file.write(sizes, 0, 4, HEADER_BYTES - 4)
    await file.close()
  }

  #flush(): void {
    const chunk = Buffer.concat(this.#pending)
    this.#pending = []
    if (this.#waitingBytes > MAX_WAITING_BYTES) this.#failure ??= new Error('the disk is too slow for the recording')
    this.#waitingBytes += chunk.length
    this.#writing = this.#writing.then(async () => {
      if (this.#failure !== undefined) return
      try {
        await (await this.opened).write(chunk)
      } catch (err) {
        this.#failure = err
      }
      this.#waitingBytes -= chunk.length
    })
  }
}

/** Starts recording a channel under the file's name; false when that file is already being written. */
export function startRecording(channel: Channel, path: string): boolean {
  const name = `record:${path}`
  if (path === '' || channel.bugs.has(name)) return false
  const recorder = new Recorder(path, isTrue(channel.get('RECORD_STEREO')) ? 2 : 1)
  recorder.opened.catch(err =>
    channel.engine.log.error({ err, path, uuid: channel.uuid }, 'recording cannot be written')
  )
  channel.media.addTap(recorder)
  channel.bugs.set(name, {
    kind: path,
    stop: () => {
      channel.bugs.delete(name)
      channel.media.removeTap(recorder)
      setRecordFigures(channel, recorder.samples)
      recorder
        .stop()
        .catch(err => channel.engine.log.error({ err, path, uuid: channel.uuid }, 'recording is incomplete'))
        .finally(() => channel.fire('RECORD_STOP', [['Record-File-Path', path]]))
    }
  })
  channel.fire('RECORD_START', [['Record-File-Path', path]])
  return true
}

/** Stops one recording, or all; false when there was none. */
export function stopRecording(channel: Channel, path: string): boolean {
  const chosen = [...channel.bugs].filter(([name]) =>
    path === 'all' ? name.startsWith('record:') : name === `record:${path}`
  )
  for (const [, bug] of chosen) bug.stop()
  return chosen.length > 0
}

function setRecordFigures(channel: Channel, samples: number): void {
  channel.set('record_samples', String(samples))
  channel.set('record_ms', String(Math.floor(samples / 8)))
  channel.set('record_seconds', String(Math.floor(samples / 8_000)))
}

/** `record_session <path>`. */
export function recordSession(run: AppRun): void {
  startRecording(run.channel, run.data.split(' ')[0] ?? '')
}

/** `stop_record_session <path|all>`. */
export function stopRecordSession(run: AppRun): void {
  stopRecording(run.channel, run.data.trim())
}

/** `uuid_record <uuid> start|stop <path>`. */
export function uuidRecord(engine: Engine, args: string): string {
  const [uuid, order, path = ''] = splitArguments(args)
  const channel = engine.channels.get(uuid ?? '')
  if (channel === undefined) return '-ERR Cannot locate session!\n'
  if (order === 'start') return startRecording(channel, path) ? '+OK Success\n' : '-ERR Cannot record session!\n'
  if (order === 'stop') return stopRecording(channel, path) ? '+OK Success\n' : '-ERR Cannot stop record session!\n'
  return '-USAGE: <uuid> [start|stop|mask|unmask] <path> [<limit>] [<recording_vars>]\n'
}

/** `record <path> [limit_s] [silence_level] [silence_s]`: what the caller says, until a key, the limit or silence. */
export async function record(run: AppRun): Promise<void> {
  const { channel } = run
  const [path = '', limitS = '0', level = '0', silenceS = '0'] = splitArguments(run.data)
  channel.set('playback_terminator_used', undefined)
  const recorder = new Recorder(path, 1, false)
  const quietFrames = Number(silenceS) > 0 ? Number(silenceS) * 50 : Number.POSITIVE_INFINITY
  // The level is a mean amplitude; 200 is usual.
  const quietDbov = Number(level) > 0 ? 20 * Math.log10(Number(level) / 32_768) : -45
  await new Promise<void>(resolve => {
    let quiet = 0
    let isDone = false
    const end = () => {
      if (isDone) return
      isDone = true
      clearTimeout(limit)
      channel.signal.removeEventListener('abort', end)
      channel.media.removeTap(tap)
      run.onBreak = undefined
      run.onDigits = undefined
      resolve()
    }
    const tap: FrameTap = {
      wantsRead: true,
      wantsWrite: false,
      onFrame: read => {
        recorder.onFrame(read, undefined)
        quiet = read !== undefined && levelDbov(read) > quietDbov ? 0 : quiet + 1
        if (quiet >= quietFrames || recorder.hasFailed) end()
      }
    }
    const limit = Number(limitS) > 0 ? setTimeout(end, Number(limitS) * 1000) : undefined
    channel.signal.addEventListener('abort', end)
    channel.media.addTap(tap)
    run.onBreak = end
    run.onDigits = () => {
      if (takeTerminator(channel)) end()
    }
    channel.fire('RECORD_START', [['Record-File-Path', path]])
    run.begun()
  })
  setRecordFigures(channel, recorder.samples)
  await recorder.stop().catch(err => {
    channel.engine.log.error({ err, path, uuid: channel.uuid }, 'recording is incomplete')
    run.respond('FILE NOT FOUND')
  })
  channel.fire('RECORD_STOP', [['Record-File-Path', path]])
}
