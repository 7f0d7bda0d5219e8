import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { PASSING_FOLDER, PassingFiles } from '../../media/prompts/passing-files.ts'
import type { SpokenText } from '../../media/prompts/spoken-text.ts'
import { StreamedSpeech } from '../../media/prompts/streamed-speech.ts'
import type { SynthesizerChain } from '../../media/prompts/synthesizer-chain.ts'
import type { FallOver } from '../../media/speech/recognizer.ts'
import type { PromptFolders } from './disclosure.ts'

/** What a control plane that died has left behind is older than any call. */
const LEFT_BEHIND_MS = 6 * 3_600_000

/**
 * Makes prompts that speak of one caller: the state of an order, a number. Other prompts are kept for the next caller who
 * hears the same words; these are gone when the call is.
 */
export class PassingPrompts {
  readonly #voices: Pick<SynthesizerChain, 'stream'>
  readonly #pronounce: (text: string, language: string) => SpokenText
  readonly #folders: PromptFolders

  private constructor(
    voices: Pick<SynthesizerChain, 'stream'>,
    pronounce: (text: string, language: string) => SpokenText,
    folders: PromptFolders
  ) {
    this.#voices = voices
    this.#pronounce = pronounce
    this.#folders = folders
  }

  /** Also throws away what a crash has left. */
  static async open(
    voices: Pick<SynthesizerChain, 'stream'>,
    pronounce: (text: string, language: string) => SpokenText,
    folders: PromptFolders
  ): Promise<PassingPrompts> {
    const folder = join(folders.cacheDir, PASSING_FOLDER)
    await mkdir(folder, { recursive: true })
    for (const name of await readdir(folder)) {
      const file = join(folder, name)
      const found = await stat(file).catch(() => null)
      if (found !== null && Date.now() - found.mtimeMs > LEFT_BEHIND_MS) await rm(file, { force: true })
    }
    return new PassingPrompts(voices, pronounce, folders)
  }

  /** Resolves as soon as there is sound to hear. Rejects with PromptError, or with the signal's reason. */
  async make(
    text: string,
    language: string,
    signal: AbortSignal,
    onFallOver: (change: FallOver) => void
  ): Promise<StreamedSpeech> {
    const spoken = this.#pronounce(text, language)
    return await StreamedSpeech.begin(new PassingFiles(this.#folders), stop =>
      this.#voices.stream(spoken, language, AbortSignal.any([signal, stop]), onFallOver)
    )
  }
}
