/** Rate of a telephone line with G.711, hertz. */
export const LINE_RATE_HZ = 8_000

/** `text` is the inside of an SSML document. `voice` is one of eSpeak NG's own names, instead of the language's. */
export type SpeakRequest = Readonly<{ id: number; text: string; language: string; voice?: string }>

export type SpeakReply =
  | Readonly<{ kind: 'ready' }>
  /** 16-bit little-endian mono PCM at {@link LINE_RATE_HZ}, the next piece. */
  | Readonly<{ kind: 'piece'; id: number; pcm: Buffer }>
  | Readonly<{ kind: 'spoken'; id: number }>
  | Readonly<{ kind: 'failed'; id: number; code: 'LANGUAGE_UNKNOWN'; reason: string }>
