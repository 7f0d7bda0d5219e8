import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { encodeG711 } from '../../media/audio/g711.ts'
import { SpeechDetector } from '../../media/audio/speech-energy.ts'
import type { Endpoint } from '../../media/endpoint.ts'
import { newDataKey, SealedAudioWriter } from '../../media/recordings/sealed-audio.ts'
import type { TapServer } from '../../media/tap/tap-server.ts'
import type { Db } from '../../sql/database.ts'
import { insertVoicemail } from '../../sql/queries/calls.ts'
import { newId } from '../ids.ts'
import type { Logger } from '../log.ts'
import { seal } from '../seal.ts'
import type { LegAudio } from './leg-audio.ts'

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

/**
 * Takes a message after the beep. The caller was told by the prompt before, and speaking after the beep is the
 * consent; nothing is kept from before it. Only encrypted audio reaches the disk.
 * A caller who hangs up leaves what was said until then.
 */
export async function recordVoicemail(
  parts: VoicemailParts,
  endpoint: Endpoint,
  audio: LegAudio,
  options: VoicemailOptions,
  signal: AbortSignal
): Promise<VoicemailResult> {
  const { log } = parts
  if (options.beep) await audio.play([BEEP], false, signal)
  const id = newId()
  const key = newDataKey()
  const file = join('voicemails', id.slice(0, 8), `${id}.sealed`)
  const path = join(parts.dataDir, file)
  const writer = await SealedAudioWriter.open(path, id, key, CHUNK_BYTES)
  const detector = new SpeechDetector()
  const done = new AbortController()
  const g711 = (pcm: Int16Array) => {
    const out = Buffer.alloc(pcm.length)
    encodeG711('PCMU', pcm, out)
    return out
  }
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
    writer.write(g711(pcm))
    if (samples >= (options.maxMs * RATE_HZ) / 1000 || silentSamples >= (options.silenceMs * RATE_HZ) / 1000)
      done.abort()
  })
  const forget = endpoint.onDigit(digit => {
    if (options.finishKeys.includes(digit)) done.abort()
  })
  try {
    await endpoint.startFork({ url: tap.url, mix: 'mono', name: 'voicemail' })
    await tap.connected
    await Promise.race([aborted(AbortSignal.any([done.signal, signal, endpoint.lost])), tap.ended])
  } finally {
    forget()
    done.abort()
    // A leg that goes away at this moment takes its fork with it.
    if (!signal.aborted && !endpoint.lost.aborted)
      await endpoint.stopFork('voicemail').catch(err => log.warn({ err }, 'a voicemail fork could not be stopped'))
  }
  const bytes = await writer.close()
  if (speechSamples < (MIN_SPEECH_MS * RATE_HZ) / 1000) {
    await rm(path, { force: true })
    signal.throwIfAborted()
    return { kind: 'empty' }
  }
  const durationMs = Math.round((samples / RATE_HZ) * 1000)
  await insertVoicemail(parts.db, {
    id,
    call_id: options.callId,
    mailbox: options.mailbox,
    language: options.language,
    file,
    sealed_key: seal(parts.secretKey, VOICEMAIL_KEY_PURPOSE, key),
    duration_ms: durationMs,
    bytes,
    heard_at: null
  })
  return { kind: 'recorded', id, durationMs }
}

async function aborted(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return
  await new Promise<void>(resolve => signal.addEventListener('abort', () => resolve(), { once: true }))
}
