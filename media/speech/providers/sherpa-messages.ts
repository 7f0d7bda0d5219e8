import type { OfflineResult } from './sherpa-library.ts'

/** What the process of a streaming model is asked; `id` names a stretch of speech. */
export type SherpaRequest =
  | Readonly<{ kind: 'open'; id: number }>
  /** 16-bit little-endian mono PCM at 8 kHz. */
  | Readonly<{ kind: 'audio'; id: number; pcm: Buffer }>
  | Readonly<{ kind: 'finish'; id: number }>
  /** Nobody wants the answer any more. */
  | Readonly<{ kind: 'close'; id: number }>

export type SherpaReply =
  | Readonly<{ kind: 'partial'; id: number; text: string }>
  /** `confidence` null where the model does not tell. */
  | Readonly<{ kind: 'finished'; id: number; text: string; confidence: number | null }>

/** What the process of a model for recordings is asked: 16-bit little-endian mono PCM at 8 kHz, a primary language tag. */
export type SherpaHearRequest = Readonly<{ id: number; language: string; pcm: Buffer }>

export type SherpaHearReply =
  | Readonly<{ kind: 'heard'; id: number; result: OfflineResult }>
  | Readonly<{ kind: 'failed'; id: number; reason: string }>

/** What the process of a voice is asked. */
export type SherpaSpeakRequest =
  | Readonly<{ kind: 'speak'; id: number; text: string; language: string }>
  /** Nobody listens any more. */
  | Readonly<{ kind: 'stop'; id: number }>

export type SherpaSpeakReply =
  /** 16-bit little-endian mono PCM at 8 kHz. */
  | Readonly<{ kind: 'piece'; id: number; pcm: Buffer }>
  /** Nothing more comes, also after a stop. */
  | Readonly<{ kind: 'spoken'; id: number }>
  | Readonly<{ kind: 'failed'; id: number; reason: string }>
