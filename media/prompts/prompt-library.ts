import { createHash, randomUUID } from 'node:crypto'
import { existsSync } from 'node:fs'
import { access, mkdir, readFile, rename, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { composeHoldMusic } from '../audio/hold-music.ts'
import { parseWav, WavError, writeWav } from '../audio/wav.ts'
import { LINE_RATE_HZ } from './espeak-messages.ts'
import type { FallOver } from '../speech/recognizer.ts'
import { PassingFiles } from './passing-files.ts'
import { SharedSpeech } from './shared-speech.ts'
import type { SpokenText } from './spoken-text.ts'
import { StreamedSpeech } from './streamed-speech.ts'
import { PromptError } from './synthesizer.ts'
import type { SynthesizerChain, WholeSpeech } from './synthesizer-chain.ts'

/** A prompt that can be made: words to speak, or the name of a recording. */
export type PromptRequest =
  | Readonly<{ kind: 'speech'; text: string; language: string; recorded?: string }>
  | Readonly<{ kind: 'file'; name: string; language: string }>

/** A prompt that the media server can play. `changes`: voices that could not make it, and who spoke instead. */
export type ReadyPrompt = Readonly<{
  source: string
  origin: 'recorded' | 'cached' | 'made'
  changes?: readonly FallOver[]
}>

/** A prompt that can be played, whole or while it is made. Whoever plays it disposes a {@link StreamedSpeech}. */
export type PlayablePrompt = Readonly<{ source: string | StreamedSpeech; changes?: readonly FallOver[] }>

type Looked =
  | Readonly<{ found: ReadyPrompt }>
  | Readonly<{ found: null; wished: string; spoken: SpokenText; language: string }>

type Made = Readonly<{ key: string; changes: readonly FallOver[] }>

export type PromptLibraryOptions = Readonly<{
  voices: Pick<SynthesizerChain, 'idsFor' | 'speak' | 'stream'>
  /** How words are spoken that their spelling does not tell; by default as they are written. */
  pronounce?(text: string, language: string): SpokenText
  /** Folder of made prompts, named by their content. */
  cacheDir: string
  /** Folder of recordings, `<language>/<name>.wav`. */
  recordedDir: string
  /** The path at which the media server sees `cacheDir`. */
  mediaDir: string
  onMade(origin: ReadyPrompt['origin'], tookMs: number): void
  /** Another voice had to speak. */
  onFallOver?(change: FallOver): void
}>

/** Who makes prompts ready. */
export type PromptMaker = Pick<PromptLibrary, 'find' | 'prepare' | 'stream'>

/** How long a prompt may take that nobody hears before it is whole. */
const MAKE_LIMIT_MS = 15_000
/** One that is heard while it is made is given up for its pauses; this is for one that never ends. */
const STREAM_LIMIT_MS = 120_000

/** Letters, digits, dots, dashes and folders; never a way out of the folder. */
const NAME_FORM = /^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._/-]{0,199}$/

/**
 * Finds or makes prompts. Recordings win over synthesis; both are kept under the hash of what they were made from, so
 * that the same words are made once and a changed recording is a new file.
 */
export class PromptLibrary {
  readonly #options: PromptLibraryOptions
  /** The prompts being made, by the key that was wished for; each resolves with the key that it got. */
  readonly #making = new Map<string, Promise<Made>>()
  /** Those of them that are heard meanwhile. */
  readonly #growing = new Map<string, SharedSpeech>()
  /** The key of the music that was composed. */
  #music: string | undefined

  constructor(options: PromptLibraryOptions) {
    this.#options = options
  }

  /** What is there already: a recording, or words that were made before. Rejects with {@link PromptError}. */
  async find(prompt: PromptRequest): Promise<ReadyPrompt | null> {
    return (await this.#look(prompt)).found
  }

  /** Rejects with {@link PromptError} when the prompt cannot be made. */
  async prepare(prompt: PromptRequest, signal: AbortSignal): Promise<ReadyPrompt> {
    const startedAtMs = performance.now()
    const looked = await this.#look(prompt)
    if (looked.found !== null) return looked.found
    const { wished, spoken, language } = looked
    const { key, changes } = await abortable(
      this.#once(wished, () => this.#make(spoken, language)),
      signal
    )
    return { ...this.#done(this.#sourceOf(key), 'made', startedAtMs), changes }
  }

  /**
   * The same, but words that nobody has said yet are ready as soon as there is sound to hear, also for others who want them meanwhile.
   * They are kept when they are whole, and not at all when they never are. `onFallOver` hears of voices that have failed, also while
   * it plays.
   */
  async stream(
    prompt: PromptRequest,
    signal: AbortSignal,
    onFallOver: (change: FallOver) => void
  ): Promise<PlayablePrompt> {
    const looked = await this.#look(prompt)
    if (looked.found !== null) return looked.found
    const { wished, spoken, language } = looked
    const growing = this.#growing.get(wished)
    // What is made for nobody to hear yet is waited for until it is whole.
    if (growing === undefined && this.#making.has(wished)) return await this.prepare(prompt, signal)
    const startedAtMs = performance.now()
    const shared = growing ?? this.#grow(wished, spoken, language)
    const files = new PassingFiles(this.#options)
    const beginning = StreamedSpeech.begin(files, () => shared.listen(onFallOver))
    // Told below, unless the caller has gone.
    beginning.catch(() => {})
    try {
      const source = await abortable(beginning, signal)
      this.#options.onMade('made', performance.now() - startedAtMs)
      return { source }
    } catch (err) {
      await files[Symbol.asyncDispose]()
      throw err
    }
  }

  /** Makes words that are heard meanwhile. The end of a call does not stop it: the next caller will want them. */
  #grow(wished: string, spoken: SpokenText, language: string): SharedSpeech {
    const { voices, onFallOver } = this.#options
    const shared = new SharedSpeech(told =>
      voices.stream(spoken, language, AbortSignal.timeout(STREAM_LIMIT_MS), change => {
        told(change)
        onFallOver?.(change)
      })
    )
    this.#growing.set(wished, shared)
    void this.#once(wished, async () => {
      try {
        return { key: await this.#store(await shared.whole, spoken, language), changes: shared.changes }
      } finally {
        this.#growing.delete(wished)
      }
    })
    return shared
  }

  /** The source of the music that waiting and held parties hear: the recording `hold-music` if there is one. */
  async holdMusic(language: string): Promise<string> {
    return (await this.#recording('hold-music', language)) ?? (await this.#storedMusic())
  }

  async #storedMusic(): Promise<string> {
    if (this.#music !== undefined && (await exists(this.#fileOf(this.#music)))) return this.#sourceOf(this.#music)
    const wav = writeWav({ sampleRateHz: LINE_RATE_HZ, channels: 1, samples: composeHoldMusic() })
    const key = hashOf(wav)
    this.#music = key
    const file = this.#fileOf(key)
    if (!(await exists(file))) await writeWhole(file, wav)
    return this.#sourceOf(key)
  }

  /** What is there, or what is to be spoken and the name under which it is being made. */
  async #look(prompt: PromptRequest): Promise<Looked> {
    const startedAtMs = performance.now()
    const { language } = prompt
    const name = prompt.kind === 'file' ? prompt.name : prompt.recorded
    const recorded = name === undefined ? null : await this.#recording(name, language)
    if (recorded !== null) return { found: this.#done(recorded, 'recorded', startedAtMs) }
    if (prompt.kind === 'file')
      throw new PromptError('RECORDING_MISSING', `there is no recording ${prompt.name} in ${language}`)
    const { text } = prompt
    const spoken = this.#options.pronounce?.(text, language) ?? text
    const keys = this.#options.voices.idsFor(language).map(id => keyOf(id, language, spoken))
    // Looked for each time: a file that somebody has removed would be played as silence.
    for (const key of keys)
      if (await exists(this.#fileOf(key))) return { found: this.#done(this.#sourceOf(key), 'cached', startedAtMs) }
    // Made while we looked; without a wait, so that whoever is making it now is still known to.
    const made = keys.find(key => existsSync(this.#fileOf(key)))
    if (made !== undefined) return { found: this.#done(this.#sourceOf(made), 'cached', startedAtMs) }
    return { found: null, wished: `${keys.join()} ${language}\n${text}`, spoken, language }
  }

  #done(source: string, origin: ReadyPrompt['origin'], startedAtMs: number): ReadyPrompt {
    this.#options.onMade(origin, performance.now() - startedAtMs)
    return { source, origin }
  }

  /** The same words are made once, however many callers wait for them. */
  #once(wished: string, make: () => Promise<Made>): Promise<Made> {
    const known = this.#making.get(wished)
    if (known !== undefined) return known
    const making = make().finally(() => this.#making.delete(wished))
    // Whoever gave up waiting leaves nobody to hear of a failure.
    making.catch(() => {})
    this.#making.set(wished, making)
    return making
  }

  /** Runs to its end although the caller who asked may have gone: the next one will want it. Resolves with its key. */
  async #make(text: SpokenText, language: string): Promise<Made> {
    const { voices, onFallOver } = this.#options
    const changes: FallOver[] = []
    const made = await voices.speak(text, language, AbortSignal.timeout(MAKE_LIMIT_MS), change => {
      changes.push(change)
      onFallOver?.(change)
    })
    return { key: await this.#store(made, text, language), changes }
  }

  async #store({ id, samples }: WholeSpeech, text: SpokenText, language: string): Promise<string> {
    const key = keyOf(id, language, text)
    await writeWhole(this.#fileOf(key), writeWav({ sampleRateHz: LINE_RATE_HZ, channels: 1, samples }))
    return key
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
      const file = this.#fileOf(key)
      if (await exists(file)) return this.#sourceOf(key)
      try {
        parseWav(bytes)
      } catch (err) {
        if (!(err instanceof WavError)) throw err
        throw new PromptError('RECORDING_UNREADABLE', `the recording ${name} is not a WAV file that can be played`, {
          cause: err
        })
      }
      await writeWhole(file, bytes)
      return this.#sourceOf(key)
    }
    return null
  }

  #fileOf(key: string): string {
    return join(this.#options.cacheDir, key.slice(0, 2), `${key}.wav`)
  }

  #sourceOf(key: string): string {
    return join(this.#options.mediaDir, key.slice(0, 2), `${key}.wav`)
  }
}

/** `de-AT` → `de-AT`, `de`. */
function fallbacksOf(language: string): readonly string[] {
  const parts = language.split('-')
  return parts.map((_, index) => parts.slice(0, parts.length - index).join('-'))
}

function keyOf(voiceId: string, language: string, text: SpokenText): string {
  return hashOf(`${voiceId}\n${language}\n${typeof text === 'string' ? text : JSON.stringify(text)}`)
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
