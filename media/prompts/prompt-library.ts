import { createHash, randomUUID } from 'node:crypto'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { composeHoldMusic } from '../audio/hold-music.ts'
import { parseWav, WavError, writeWav } from '../audio/wav.ts'
import { LINE_RATE_HZ } from './espeak-messages.ts'
import { PromptError, type Synthesizer } from './synthesizer.ts'

/** A prompt that can be made: words to speak, or the name of a recording. */
export type PromptRequest =
  | Readonly<{ kind: 'speech'; text: string; language: string; recorded?: string }>
  | Readonly<{ kind: 'file'; name: string; language: string }>

/** A prompt that the media server can play. */
export type ReadyPrompt = Readonly<{ source: string; origin: 'recorded' | 'cached' | 'made' }>

export type PromptLibraryOptions = Readonly<{
  synthesizer: Synthesizer
  /** Folder of made prompts, named by their content. */
  cacheDir: string
  /** Folder of recordings, `<language>/<name>.wav`. */
  recordedDir: string
  /** The path at which the media server sees `cacheDir`. */
  mediaDir: string
  onMade(origin: ReadyPrompt['origin'], tookMs: number): void
}>

/** Letters, digits, dots, dashes and folders; never a way out of the folder. */
const NAME_FORM = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/

/**
 * Finds or makes prompts. Recordings win over synthesis; both are kept under the hash of what they were made from, so
 * that the same words are made once and a changed recording is a new file.
 */
export class PromptLibrary {
  readonly #options: PromptLibraryOptions
  readonly #ready = new Map<string, string>()
  readonly #making = new Map<string, Promise<void>>()
  #music: string | undefined

  constructor(options: PromptLibraryOptions) {
    this.#options = options
  }

  /** Rejects with {@link PromptError} when the prompt cannot be made. */
  async prepare(prompt: PromptRequest, signal: AbortSignal): Promise<ReadyPrompt> {
    const startedAt = performance.now()
    const done = (source: string, origin: ReadyPrompt['origin']): ReadyPrompt => {
      this.#options.onMade(origin, performance.now() - startedAt)
      return { source, origin }
    }
    switch (prompt.kind) {
      case 'file': {
        const recorded = await this.#recording(prompt.name, prompt.language)
        if (recorded === null)
          throw new PromptError('RECORDING_MISSING', `there is no recording ${prompt.name} in ${prompt.language}`)
        return done(recorded, 'recorded')
      }
      case 'speech': {
        if (prompt.recorded !== undefined) {
          const recorded = await this.#recording(prompt.recorded, prompt.language)
          if (recorded !== null) return done(recorded, 'recorded')
        }
        return await this.#speech(prompt.text, prompt.language, signal, done)
      }
      default:
        return prompt satisfies never
    }
  }

  /** The source of the music that waiting and held parties hear: the recording `hold-music` if there is one. */
  async holdMusic(language: string): Promise<string> {
    return (await this.#recording('hold-music', language)) ?? (this.#music ??= await this.#storeMusic())
  }

  async #storeMusic(): Promise<string> {
    const wav = writeWav({ sampleRateHz: LINE_RATE_HZ, channels: 1, samples: composeHoldMusic() })
    const key = hashOf(wav)
    const file = this.#fileOf(key)
    if (!(await exists(file))) await writeWhole(file, wav)
    return this.#remember(key)
  }

  async #speech(
    text: string,
    language: string,
    signal: AbortSignal,
    done: (source: string, origin: ReadyPrompt['origin']) => ReadyPrompt
  ): Promise<ReadyPrompt> {
    const key = hashOf(`${this.#options.synthesizer.id}\n${language}\n${text}`)
    const known = this.#ready.get(key)
    if (known !== undefined) return done(known, 'cached')
    const file = this.#fileOf(key)
    if (await exists(file)) return done(this.#remember(key), 'cached')
    let making = this.#making.get(key)
    if (making === undefined) {
      making = this.#make(file, text, language).finally(() => this.#making.delete(key))
      // Whoever gave up waiting leaves nobody to hear of a failure.
      making.catch(() => {})
      this.#making.set(key, making)
    }
    await abortable(making, signal)
    return done(this.#remember(key), 'made')
  }

  /** Runs to its end although the caller who asked may have gone: the next one will want it. */
  async #make(file: string, text: string, language: string): Promise<void> {
    const samples = await this.#options.synthesizer.synthesize(text, language, AbortSignal.timeout(15_000))
    await writeWhole(file, writeWav({ sampleRateHz: LINE_RATE_HZ, channels: 1, samples }))
  }

  /** Copies a recording into the cache under its content's hash, checked, so that the media server sees one folder. */
  async #recording(name: string, language: string): Promise<string | null> {
    if (!NAME_FORM.test(name)) throw new PromptError('NAME_NOT_ALLOWED', `${name} is not a name of a recording`)
    const withSuffix = name.endsWith('.wav') ? name : `${name}.wav`
    for (const tag of fallbacksOf(language)) {
      let bytes: Buffer
      try {
        bytes = await readFile(join(this.#options.recordedDir, tag, withSuffix))
      } catch (err) {
        if (isMissing(err)) continue
        throw new PromptError('RECORDING_UNREADABLE', `the recording ${name} cannot be read`, { cause: err })
      }
      const key = hashOf(bytes)
      if (this.#ready.has(key)) return this.#remember(key)
      try {
        parseWav(bytes)
      } catch (err) {
        if (!(err instanceof WavError)) throw err
        throw new PromptError('RECORDING_UNREADABLE', `the recording ${name} is not a WAV file that can be played`, {
          cause: err
        })
      }
      const file = this.#fileOf(key)
      if (!(await exists(file))) await writeWhole(file, bytes)
      return this.#remember(key)
    }
    return null
  }

  #fileOf(key: string): string {
    return join(this.#options.cacheDir, key.slice(0, 2), `${key}.wav`)
  }

  #remember(key: string): string {
    const source = join(this.#options.mediaDir, key.slice(0, 2), `${key}.wav`)
    this.#ready.set(key, source)
    return source
  }
}

/** `de-AT` → `de-AT`, `de`. */
function fallbacksOf(language: string): readonly string[] {
  const parts = language.split('-')
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'))
}

function hashOf(content: string | Buffer): string {
  return createHash('sha256').update(content).digest('hex')
}

async function exists(file: string): Promise<boolean> {
  try {
    await access(file)
    return true
  } catch (err) {
    if (isMissing(err)) return false
    throw new PromptError('SYNTHESIS_FAILED', 'the folder of prompts cannot be read', { cause: err })
  }
}

/** Another process never sees half a file: it is written beside and renamed. */
async function writeWhole(file: string, bytes: Buffer): Promise<void> {
  const partial = `${file}.${randomUUID()}.part`
  try {
    await mkdir(dirname(file), { recursive: true })
    await writeFile(partial, bytes)
    await rename(partial, file)
  } catch (err) {
    // What stood in the way of writing may stand in the way of tidying up too; the first error is the one that counts.
    await rm(partial, { force: true }).catch(() => {})
    throw new PromptError('SYNTHESIS_FAILED', 'the prompt cannot be written to disk', { cause: err })
  }
}

function isMissing(err: unknown): boolean {
  const code = (err as NodeJS.ErrnoException).code
  return code === 'ENOENT' || code === 'ENOTDIR'
}

async function abortable<T>(running: Promise<T>, signal: AbortSignal): Promise<T> {
  signal.throwIfAborted()
  let onAbort: () => void = () => {}
  try {
    return await Promise.race([
      running,
      new Promise<never>((_, reject) => {
        onAbort = () => reject(signal.reason)
        signal.addEventListener('abort', onAbort, { once: true })
      })
    ])
  } finally {
    signal.removeEventListener('abort', onAbort)
  }
}
