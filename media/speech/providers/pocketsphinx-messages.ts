/**
 * What can be said: phrases of lower-case words with single spaces, or a grammar in JSGF whose words are written so.
 */
export type SphinxAsked = readonly string[] | string

/** What the process of PocketSphinx is asked. */
export type SphinxRequest =
  | Readonly<{ kind: 'prepare'; id: number; asked: SphinxAsked }>
  /** 16-bit little-endian mono PCM at 8 kHz, one whole stretch of speech. */
  | Readonly<{ kind: 'recognize'; id: number; asked: SphinxAsked; pcm: Buffer }>

export type SphinxReply =
  | Readonly<{ kind: 'ready' }>
  | Readonly<{ kind: 'prepared'; id: number }>
  | Readonly<{ kind: 'recognized'; id: number; text: string; confidence: number }>
  | Readonly<{ kind: 'failed'; id: number; code: 'SPEECH_PHRASE_UNKNOWN' | 'SPEECH_FAILED'; reason: string }>
  /** The library or its model is not there; the process ends. */
  | Readonly<{ kind: 'missing'; reason: string }>
