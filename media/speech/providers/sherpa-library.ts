import { createRequire } from 'node:module'
import { SpeechError } from '../recognizer.ts'

/** A stretch of sound for the library: samples from -1 to 1. */
export type SherpaWave = Readonly<{ samples: Float32Array; sampleRate: number }>

export type OnlineStream = { acceptWaveform(audio: SherpaWave): void; inputFinished(): void }
export type OnlineEngine = {
  createStream(): OnlineStream
  isReady(stream: OnlineStream): boolean
  decode(stream: OnlineStream): void
  getResult(stream: OnlineStream): { text: string; ys_probs?: readonly number[] }
}

export type OfflineStream = { acceptWaveform(audio: SherpaWave): void }
/** `timestamps` and `durations` in seconds, one for each token; empty where the model does not tell. */
export type OfflineResult = Readonly<{
  text: string
  tokens?: readonly string[]
  timestamps?: readonly number[]
  durations?: readonly number[]
  ys_log_probs?: readonly number[]
}>
export type OfflineEngine = {
  createStream(): OfflineStream
  decode(stream: OfflineStream): void
  getResult(stream: OfflineStream): OfflineResult
}

export type TtsEngine = {
  readonly numSpeakers: number
  readonly sampleRate: number
  generateAsync(
    request: Readonly<{
      text: string
      sid: number
      speed: number
      enableExternalBuffer: boolean
      /** Called with each sentence; a false answer ends the work. */
      onProgress(piece: Readonly<{ samples: Float32Array }>): boolean
    }>
  ): Promise<unknown>
}

type Library = Readonly<{
  OnlineRecognizer: new (config: unknown) => OnlineEngine
  OfflineRecognizer: new (config: unknown) => OfflineEngine
  OfflineTts: new (config: unknown) => TtsEngine
}>

// Optional, and without types of its own.
const PACKAGE: string = 'sherpa-onnx-node'

/** Only for processes of their own: its calls are synchronous, and a fault in it ends its process. */
export async function loadSherpa(): Promise<Library> {
  const { default: library } = (await import(PACKAGE)) as { default: Library }
  return library
}

/** The version that is installed; null without the package. */
export function sherpaVersion(): string | null {
  try {
    return (createRequire(import.meta.url)(`${PACKAGE}/package.json`) as { version: string }).version
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'MODULE_NOT_FOUND') return null
    throw new SpeechError('SPEECH_MISSING', `${PACKAGE} is not whole`, { cause: err })
  }
}
