import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeG711 } from '../../media/audio/g711.ts'
import { SpeechDetector } from '../../media/audio/speech-energy.ts'
import { type Endpoint, MediaError } from '../../media/endpoint.ts'
import { newDataKey, SealedAudioWriter } from '../../media/recordings/sealed-audio.ts'
import type { TapServer } from '../../media/tap/tap-server.ts'
import type { Db } from '../../sql/database.ts'
import { insertVoicemail } from '../../sql/queries/calls.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { seal } from '../seal.ts'
import { aborted } from './aborted.ts'
import type { LegAudio } from './leg-audio.ts'
import { storeSurely } from './store-surely.ts'

/** What binds a voicemail's data key to voicemails. */
export const VOICEMAIL_KEY_PURPOSE = 'voicemail data key'

const RATE_HZ = 8_000
/** Five seconds of G.711: what a crash may lose. */
const CHUNK_BYTES = 5 * RATE_HZ
/** A message with less speech than this is an empty one. */
const MIN_SPEECH_MS = 400
const BEEP = 'tone_stream://%(400,100,1000)'

export type VoicemailParts = Readonly<{ db: Db; taps: TapServer; dataDir: string; secretKey: Buffer; log: Logger }>

export type VoicemailOptions = Readonly<{
  callId: string
  mailbox: string
  language: string | null
  maxMs: number
  /** This much silence ends the message. */
  silenceMs: number
  finishKeys: string
  beep: boolean
}>

export type VoicemailResult =
  | Readonly<{ kind: 'recorded'; id: string; durationMs: number }>
  | Readonly<{ kind: 'empty' }>
  | Readonly<{ kind: 'failed'; code: 'VOICEMAIL_NOT_STORED'; reason: string }>

type Message = Readonly<{ id: string; key: Buffer; file: string; bytes: number; durationMs: number; isEmpty: boolean }>

/**
 * Takes a message after the beep. The caller was told by the prompt before, and speaking after the beep is the
 * consent; nothing is kept from before it. Only encrypted audio reaches the disk.
 * A caller who hangs up leaves what was said until then. Trouble with the disk, the fork or the database is `failed`.
 * Rejects with the signal's reason, or with MediaError when the caller's leg is lost, only before the message began.
 */
export async function recordVoicemail(
  parts: VoicemailParts,
  endpoint: Endpoint,
  audio: LegAudio,
  options: VoicemailOptions,
  signal: AbortSignal
): Promise<VoicemailResult> {
  if (options.beep) await audio.play([BEEP], false, signal)
  signal.throwIfAborted()
  try {
    const message = await takeMessage(parts, endpoint, audio, options, signal)
    if (message.isEmpty) return { kind: 'empty' }
    const row = {
      id: message.id,
      call_id: options.callId,
      mailbox: options.mailbox,
      language: options.language,
      file: message.file,
      sealed_key: seal(parts.secretKey, VOICEMAIL_KEY_PURPOSE, message.key),
      duration_ms: message.durationMs,
      bytes: message.bytes,
      heard_at: null
    }
    await storeSurely(() => insertVoicemail(parts.db, row), parts.log, 'a voicemail')
    return { kind: 'recorded', id: message.id, durationMs: message.durationMs }
  } catch (err) {
    // A caller who left before the message could begin has left none.
    if (err instanceof MediaError) signal.throwIfAborted()
    parts.log.error({ err, callId: options.callId }, 'a voicemail could not be kept')
    return { kind: 'failed', code: 'VOICEMAIL_NOT_STORED', reason: 'The message could not be kept.' }
  }
}

async function takeMessage(
  parts: VoicemailParts,
  endpoint: Endpoint,
  audio: LegAudio,
  options: VoicemailOptions,
  signal: AbortSignal
): Promise<Message> {
  const { log } = parts
  const id = newId()
  const key = newDataKey()
  const file = join('voicemails', id.slice(0, 8), `${id}.sealed`)
  const path = join(parts.dataDir, file)
  const writer = await SealedAudioWriter.open(path, id, key, CHUNK_BYTES)
  const detector = new SpeechDetector()
  const done = new AbortController()
  let samples = 0
  let speechSamples = 0
  let silentSamples = 0

  using tap = parts.taps.expect(frame => {
    if (done.signal.aborted) return
    const pcm = new Int16Array(frame.buffer.slice(frame.byteOffset, frame.byteOffset + (frame.length & ~1)))
    detector.push(pcm)
    samples += pcm.length
    if (detector.isSpeaking) {
      speechSamples += pcm.length
      silentSamples = 0
    } else silentSamples += pcm.length
    writer.write(toG711(pcm))
    if (samples >= (options.maxMs * RATE_HZ) / 1000 || silentSamples >= (options.silenceMs * RATE_HZ) / 1000)
      done.abort()
  })
  const forget = audio.takeDigits(digit => {
    if (options.finishKeys.includes(digit)) done.abort()
  })
  let bytes: number
  try {
    try {
      await endpoint.startFork({ url: tap.url, mix: 'mono', name: 'voicemail' })
      const over = aborted(AbortSignal.any([done.signal, signal, endpoint.lost]))
      await Promise.race([over, tap.connected])
      await Promise.race([over, tap.ended])
    } finally {
      forget()
      done.abort()
      // A leg that goes away at this moment takes its fork with it.
      if (!signal.aborted && !endpoint.lost.aborted)
        await endpoint.stopFork('voicemail').catch(err => log.warn({ err }, 'a voicemail fork could not be stopped'))
      bytes = await writer.close()
    }
  } catch (err) {
    await rm(path, { force: true })
    throw err
  }
  const isEmpty = speechSamples < (MIN_SPEECH_MS * RATE_HZ) / 1000
  if (isEmpty) await rm(path, { force: true })
  return { id, key, file, bytes, durationMs: Math.round((samples / RATE_HZ) * 1000), isEmpty }
}

function toG711(pcm: Int16Array): Buffer {
  const out = Buffer.alloc(pcm.length)
  encodeG711('PCMU', pcm, out)
  return out
}
