import type { RouterOptions, SfuRouter } from './router-api.ts'

export type MediasoupOutcome =
  | Readonly<{ kind: 'open'; router: SfuRouter }>
  | Readonly<{ kind: 'not-available'; reason: string; cause: unknown }>

export async function openMediasoupRouter(_options: RouterOptions): Promise<MediasoupOutcome> {
  return { kind: 'not-available', reason: 'mediasoup is not installed', cause: undefined }
}
