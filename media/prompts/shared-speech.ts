import { joinSamples } from '../audio/pcm.ts'
import type { FallOver } from '../speech/recognizer.ts'
import type { SpeechPiece, WholeSpeech } from './synthesizer-chain.ts'

type Told = (change: FallOver) => void

/**
 * Speech that is made once, for everybody who wants it while it is made: each hears it from its beginning, as fast as it comes. It is made to
 * its end, whoever listens.
 */
export class SharedSpeech {
  readonly #whole: Promise<WholeSpeech>
  readonly #changes: FallOver[] = []
  readonly #told: Told[] = []
  /** Since the voice that speaks now began. */
  #pieces: SpeechPiece[] = []
  #end: Readonly<{ err: unknown }> | 'whole' | null = null
  #grown = Promise.withResolvers<void>()

  /** `make` is called once, with whom to tell of voices that fail. */
  constructor(make: (told: Told) => AsyncIterable<SpeechPiece>) {
    this.#whole = this.#take(make)
    // Listeners are told by what they hear.
    this.#whole.catch(() => {})
  }

  /** Everything, by one voice. Rejects as the voices do. */
  get whole(): Promise<WholeSpeech> {
    return this.#whole
  }

  /** Voices that failed so far, and who spoke instead. */
  get changes(): readonly FallOver[] {
    return this.#changes
  }

  /** From the beginning of what is said now. Whoever listens when a voice breaks off hears the next from its beginning (`isAnew`). */
  async *listen(told: Told): AsyncGenerator<SpeechPiece> {
    for (const change of this.#changes) told(change)
    this.#told.push(told)
    let pieces = this.#pieces
    for (let at = 0; ; ) {
      if (pieces !== this.#pieces) [pieces, at] = [this.#pieces, 0]
      const piece = pieces[at]
      if (piece !== undefined) {
        at += 1
        yield piece
      } else if (this.#end === null) await this.#grown.promise
      else if (this.#end === 'whole') return
      else throw this.#end.err
    }
  }

  async #take(make: (told: Told) => AsyncIterable<SpeechPiece>): Promise<WholeSpeech> {
    let id = ''
    try {
      for await (const piece of make(change => this.#tell(change))) {
        id = piece.id
        if (piece.isAnew) this.#pieces = []
        this.#pieces.push(piece)
        this.#wake()
      }
      this.#end = 'whole'
      return { id, samples: joinSamples(this.#pieces.map(one => one.samples)) }
    } catch (err) {
      this.#end = { err }
      throw err
    } finally {
      this.#wake()
    }
  }

  #tell(change: FallOver): void {
    this.#changes.push(change)
    for (const told of this.#told) told(change)
  }

  #wake(): void {
    const { resolve } = this.#grown
    this.#grown = Promise.withResolvers()
    resolve()
  }
}
