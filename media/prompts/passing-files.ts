import { randomUUID } from 'node:crypto'
import { mkdir, rm, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { writeWav } from '../audio/wav.ts'
import { LINE_RATE_HZ } from './espeak-messages.ts'
import { PromptError } from './synthesizer.ts'

/** In the folder of prompts: what is played once and kept for nobody. */
export const PASSING_FOLDER = 'passing'

/** Files that the media server can play until this is disposed; after that nothing is written. */
export class PassingFiles implements AsyncDisposable {
  readonly #folders: Readonly<{ cacheDir: string; mediaDir: string }>
  readonly #files: string[] = []
  #isDisposed = false

  /** `mediaDir` is the path at which the media server sees `cacheDir`. */
  constructor(folders: Readonly<{ cacheDir: string; mediaDir: string }>) {
    this.#folders = folders
  }

  /** Resolves with the media server's source. Rejects with {@link PromptError}. */
  async write(samples: Int16Array): Promise<string> {
    const name = join(PASSING_FOLDER, `${randomUUID()}.wav`)
    const source = join(this.#folders.mediaDir, name)
    if (this.#isDisposed) return source
    const file = join(this.#folders.cacheDir, name)
    this.#files.push(file)
    try {
      await mkdir(dirname(file), { recursive: true })
      await writeFile(file, writeWav({ sampleRateHz: LINE_RATE_HZ, channels: 1, samples }))
    } catch (cause) {
      throw new PromptError('SYNTHESIS_FAILED', 'the prompt cannot be written to disk', { cause })
    }
    // Nobody plays it any more, and whoever threw the others away did not see it.
    if (this.#isDisposed) await rm(file, { force: true })
    return source
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isDisposed = true
    for (const file of this.#files) await rm(file, { force: true })
  }
}
