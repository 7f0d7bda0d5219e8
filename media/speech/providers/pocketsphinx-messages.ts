/** What the process of PocketSphinx is asked; `phrases` are lower-case words with single spaces. */
export type SphinxRequest =
  | Readonly<{ kind: 'prepare'; id: number; phrases: readonly string[] }>
  /** 16-bit little-endian mono PCM at 8 kHz, one whole stretch of speech. */
  | Readonly<{ kind: 'recognize'; id: number; phrases: readonly string[]; pcm: Buffer }>

export type SphinxReply =
  | Readonly<{ kind: 'ready' }>
  | Readonly<{ kind: 'prepared'; id: number }>
  | Readonly<{ kind: 'recognized'; id: number; text: string; confidence: number }>
  | Readonly<{ kind: 'failed'; id: number; code: 'SPEECH_PHRASE_UNKNOWN' | 'SPEECH_FAILED'; reason: string }>
  /** The library or its model is not there; the process ends. */
  | Readonly<{ kind: 'missing'; reason: string }>
