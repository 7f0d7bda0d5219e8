/** What the process of sherpa-onnx is asked; `id` names a stretch of speech. */
export type SherpaRequest =
  | Readonly<{ kind: 'open'; id: number }>
  /** 16-bit little-endian mono PCM at 8 kHz. */
  | Readonly<{ kind: 'audio'; id: number; pcm: Buffer }>
  | Readonly<{ kind: 'finish'; id: number }>
  /** Nobody wants the answer any more. */
  | Readonly<{ kind: 'close'; id: number }>

export type SherpaReply =
  | Readonly<{ kind: 'ready' }>
  /** The library or the model does not work; the process ends. */
  | Readonly<{ kind: 'missing'; reason: string }>
  | Readonly<{ kind: 'partial'; id: number; text: string }>
  /** `confidence` null where the model does not tell. */
  | Readonly<{ kind: 'finished'; id: number; text: string; confidence: number | null }>
