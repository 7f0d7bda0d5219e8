import type { GapMark } from './recording-format.ts'
import type { ClosedRecording } from './recording-file-writer.ts'

/** What the recording thread is told. Audio is handed over, not copied. */
export type ToRecordingThread =
  | Readonly<{ kind: 'open'; file: number; path: string; id: string; key: Uint8Array; isResumed: boolean }>
  | Readonly<{ kind: 'audio'; file: number; atMs: number; samples: Int16Array }>
  | Readonly<{ kind: 'mark'; file: number; mark: GapMark }>
  | Readonly<{ kind: 'close'; file: number; durationMs: number }>
  | Readonly<{ kind: 'abandon'; file: number }>
  | Readonly<{ kind: 'decode'; request: number; flac: Uint8Array }>
  | Readonly<{ kind: 'flacStart'; stream: number; perChannel: number }>
  /** `samples` null ends the stream. */
  | Readonly<{ kind: 'flacPush'; request: number; stream: number; samples: Int16Array | null }>
  | Readonly<{ kind: 'flacAbandon'; stream: number }>
  | Readonly<{ kind: 'cpu'; request: number }>
  | Readonly<{ kind: 'stop' }>

export type FromRecordingThread =
  | Readonly<{ kind: 'ready' }>
  /** `pieces` of audio of this file have been taken. */
  | Readonly<{ kind: 'taken'; file: number; pieces: number }>
  | Readonly<{ kind: 'trouble'; file: number; code: string; message: string }>
  | Readonly<{ kind: 'recovered'; file: number }>
  | Readonly<{ kind: 'closed'; file: number; closed: ClosedRecording }>
  | Readonly<{ kind: 'abandoned'; file: number }>
  | Readonly<{ kind: 'failed'; file: number; code: string; message: string }>
  | Readonly<{ kind: 'done'; request: number; result: Int16Array | Uint8Array | number }>
  | Readonly<{ kind: 'refused'; request: number; message: string }>
