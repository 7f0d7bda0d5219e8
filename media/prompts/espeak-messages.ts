/** Rate of a telephone line with G.711, hertz. */
export const LINE_RATE_HZ = 8_000

export type SpeakRequest = Readonly<{ id: number; text: string; language: string }>

export type SpeakReply =
  | Readonly<{ kind: 'ready' }>
  /** 16-bit little-endian mono PCM at {@link LINE_RATE_HZ}. */
  | Readonly<{ kind: 'spoken'; id: number; pcm: Buffer }>
  | Readonly<{ kind: 'failed'; id: number; code: 'LANGUAGE_UNKNOWN'; reason: string }>
