import { readFile, stat } from 'node:fs/promises'
import { isAbsolute, join, normalize, sep } from 'node:path'
import { resample } from '../../../audio/resample.ts'
import { parseWav, toMono } from '../../../audio/wav.ts'
import { generateNoise } from '../../../audio/tone.ts'
import { type EncodedSound, encodeSound, SILENT_SECOND, soundBytes } from './encoded-sound.ts'
import { holdMusic } from './hold-music.ts'
import { parseToneScript } from './tone-stream.ts'

const RATE_HZ = 8_000
const FRAME = 160
const CACHE_BYTES = 64 << 20
const MAX_FILE_BYTES = 64 << 20
const DOWNLOAD_LIMIT_BYTES = 20 << 20
const DOWNLOAD_LIMIT_MS = 10_000
const DOWNLOAD_FRESH_MS = 60_000
const MAX_PARTS = 64

/** One part of what is played: a sound from one frame up to another, which may lie beyond its end when it repeats. */
export type PlayablePart = Readonly<{ sound: EncodedSound; startFrame: number; frames: number }>

/** What a file argument stands for, ready to be sent. `type` is the real server's file-type word, where it has one. */
export type Playable = Readonly<{ path: string; type: string | undefined; parts: readonly PlayablePart[] }>

/** The argument names nothing that can be played; the caller is told FILE NOT FOUND, `message` goes to the log. */
export class SoundNotFoundError extends Error {
  override readonly name = 'SoundNotFoundError'
  readonly code = 'SOUND_NOT_FOUND'
}

type CacheEntry = { sound: Promise<EncodedSound>; bytes: number; freshUntilMs: number; key: string }

/** Finds, converts and keeps sounds. Every sound is resampled and encoded once. */
export class SoundLibrary {
  readonly #soundsDir: string | undefined
  readonly #cache = new Map<string, CacheEntry>()
  #bytes = 0

  constructor(soundsDir: string | undefined) {
    this.#soundsDir = soundsDir
  }

  get cached(): number {
    return this.#cache.size
  }

  get cachedBytes(): number {
    return this.#bytes
  }

  /** Resolves a file argument as `playback` takes it. Rejects with {@link SoundNotFoundError}. */
  async resolve(argument: string): Promise<Playable> {
    const path = argument.trim().replace(/^\{[^}]*\}\s*/, '')
    try {
      if (path.startsWith('file_string://')) return await this.#fileString(path)
      return await this.#single(path)
    } catch (err) {
      if (err instanceof SoundNotFoundError) throw err
      throw new SoundNotFoundError(`cannot play ${path}: ${(err as Error).message}`, { cause: err })
    }
  }

  async #fileString(path: string): Promise<Playable> {
    const names = path.slice('file_string://'.length).split('!')
    if (names.length > MAX_PARTS) throw new SoundNotFoundError('too many files in one string')
    const playables = await Promise.all(names.filter(name => name !== '').map(name => this.#single(name)))
    return { path, type: undefined, parts: playables.flatMap(playable => playable.parts) }
  }

  async #single(path: string): Promise<Playable> {
    const scheme = /^([a-z_]+):\/\//i.exec(path)?.[1]?.toLowerCase()
    const rest = scheme === undefined ? path : path.slice(scheme.length + 3)
    switch (scheme) {
      case undefined:
        if (path.startsWith('say:')) throw new SoundNotFoundError('no text-to-speech engine is part of this server')
        return path === 'silence' ? silence(path, 0) : this.#file(path)
      case 'tone_stream':
        return this.#tone(path, rest)
      case 'silence_stream':
        return silenceStream(path, rest)
      case 'local_stream':
        return {
          path,
          type: 'local_stream',
          parts: [{ sound: holdMusic(), startFrame: 0, frames: Number.POSITIVE_INFINITY }]
        }
      case 'http':
      case 'https':
        return this.#download(path)
      case 'http_cache':
        return this.#download(rest.startsWith('http') ? rest : `http://${rest}`)
      case 'file':
        return this.#file(rest)
      default:
        throw new SoundNotFoundError(`no player for ${scheme}://`)
    }
  }

  async #tone(path: string, script: string): Promise<Playable> {
    let loops = 1
    const sound = await this.#cached(`tone:${script}`, Number.POSITIVE_INFINITY, async () =>
      encodeSound(parseToneScript(script).pcm)
    )
    loops = parseToneLoops(script)
    return { path, type: 'tone_stream', parts: [{ sound, startFrame: 0, frames: sound.frames * loops }] }
  }

  async #file(argument: string): Promise<Playable> {
    const [name = '', offset] = argument.split('@@')
    const path = this.#locate(name)
    const stats = await stat(path)
    if (!stats.isFile() || stats.size > MAX_FILE_BYTES) throw new SoundNotFoundError(`${path} is no sound file`)
    const sound = await this.#cached(
      `file:${path}:${stats.mtimeMs}:${stats.size}`,
      Number.POSITIVE_INFINITY,
      async () => decodeSound(await readFile(path), path)
    )
    return wholeSound(argument, sound, offset)
  }

  /** Relative names lie in the sounds folder and cannot leave it. */
  #locate(name: string): string {
    if (isAbsolute(name)) return name
    if (this.#soundsDir === undefined) throw new SoundNotFoundError('there is no sounds folder for relative names')
    const path = normalize(join(this.#soundsDir, name))
    if (!path.startsWith(normalize(this.#soundsDir) + sep))
      throw new SoundNotFoundError('the name leaves the sounds folder')
    return path
  }

  async #download(argument: string): Promise<Playable> {
    const [url = '', offset] = argument.split('@@')
    const sound = await this.#cached(`url:${url}`, DOWNLOAD_FRESH_MS, async () =>
      decodeSound(await fetchLimited(url), url)
    )
    return wholeSound(argument, sound, offset)
  }

  async #cached(key: string, freshForMs: number, make: () => Promise<EncodedSound>): Promise<EncodedSound> {
    const known = this.#cache.get(key)
    if (known !== undefined && performance.now() < known.freshUntilMs) {
      // Re-inserting keeps the map in order of last use.
      this.#cache.delete(key)
      this.#cache.set(key, known)
      return known.sound
    }
    if (known !== undefined) this.#drop(known)
    const entry: CacheEntry = { sound: make(), bytes: 0, freshUntilMs: performance.now() + freshForMs, key }
    this.#cache.set(key, entry)
    try {
      const sound = await entry.sound
      if (this.#cache.get(key) === entry) {
        entry.bytes = soundBytes(sound)
        this.#bytes += entry.bytes
        this.#evict(entry)
      }
      return sound
    } catch (err) {
      this.#drop(entry)
      throw err
    }
  }

  #drop(entry: CacheEntry): void {
    if (this.#cache.get(entry.key) !== entry) return
    this.#cache.delete(entry.key)
    this.#bytes -= entry.bytes
  }

  #evict(keep: CacheEntry): void {
    for (const entry of this.#cache.values()) {
      if (this.#bytes <= CACHE_BYTES) return
      if (entry !== keep) this.#drop(entry)
    }
  }
}

function parseToneLoops(script: string): number {
  const loops = Number(/(?:^|;)\s*l(?:oops)?=(-?\d+)/i.exec(script)?.[1] ?? 1)
  return loops < 0 ? Number.POSITIVE_INFINITY : Math.max(1, Math.min(10_000, loops))
}

function wholeSound(path: string, sound: EncodedSound, offset: string | undefined): Playable {
  const startFrame = Math.min(sound.frames, Math.max(0, Math.floor(Number(offset ?? 0) / FRAME) || 0))
  return { path, type: undefined, parts: [{ sound, startFrame, frames: sound.frames - startFrame }] }
}

function silence(path: string, frames: number): Playable {
  return { path, type: undefined, parts: [{ sound: SILENT_SECOND, startFrame: 0, frames }] }
}

/** `silence_stream://<ms>[,<noise divisor>]`; a negative length never ends. */
function silenceStream(path: string, rest: string): Playable {
  const [lengthMs = Number.NaN, divisor = 0] = rest.split(',').map(Number)
  if (Number.isNaN(lengthMs)) throw new SoundNotFoundError('a silence needs a length')
  const frames = lengthMs < 0 ? Number.POSITIVE_INFINITY : Math.ceil(lengthMs / 20)
  const sound = divisor > 0 ? encodeSound(generateNoise(RATE_HZ, Math.min(8_000, 32_767 / divisor))) : SILENT_SECOND
  return { path, type: undefined, parts: [{ sound, startFrame: 0, frames }] }
}

function decodeSound(bytes: Buffer, name: string): EncodedSound {
  const raw = /\.r(8|16|24|32|48|64)$/.exec(name)
  if (raw !== null) return encodeSound(resample(rawSamples(bytes), Number(raw[1]) * 1000, RATE_HZ))
  const wav = parseWav(bytes)
  return encodeSound(resample(toMono(wav), wav.sampleRateHz, RATE_HZ))
}

function rawSamples(bytes: Buffer): Int16Array {
  return Int16Array.from({ length: bytes.length >> 1 }, (_, index) => bytes.readInt16LE(index * 2))
}

async function fetchLimited(url: string): Promise<Buffer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(DOWNLOAD_LIMIT_MS), redirect: 'follow' })
  if (!response.ok || response.body === null) throw new SoundNotFoundError(`${url} answered ${response.status}`)
  const chunks: Uint8Array[] = []
  let size = 0
  for await (const chunk of response.body) {
    size += chunk.length
    if (size > DOWNLOAD_LIMIT_BYTES) throw new SoundNotFoundError(`${url} is larger than ${DOWNLOAD_LIMIT_BYTES} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}
