import { join } from 'node:path'
import type { Selectable } from 'kysely'
import { decodeG711 } from '../../media/audio/g711.ts'
import { writeWav } from '../../media/audio/wav.ts'
import { readSealedAudio, SealedAudioError } from '../../media/recordings/sealed-audio.ts'
import type { Db } from '../../sql/database.ts'
import { findVoicemail } from '../../sql/queries/calls.ts'
import type { VoicemailsTable } from '../../sql/tables.ts'
import type { Logger } from '../log.ts'
import { unseal } from '../seal.ts'
import type { RecordingLibrary } from './recording-library.ts'

const RATE_HZ = 8_000
const READ_LIMIT_MS = 60_000

export type VoicemailAudioParts = Readonly<{
  db: Db
  library: Pick<RecordingLibrary, 'readPcm'>
  dataDir: string
  secretKey: Buffer
  log: Pick<Logger, 'error'>
}>

/**
 * A message as WAV, 8 kHz mono; null when there is none with this id. A damaged one is silent where it is damaged.
 * Rejects with AppError or SealedAudioError when nothing of it can be read.
 */
export async function readVoicemail(parts: VoicemailAudioParts, id: string): Promise<Buffer | null> {
  const row = await findVoicemail(parts.db, id)
  if (row === undefined) return null
  const samples = row.recording_id === null ? await readOld(parts, row) : await readLeft(parts, row, row.recording_id)
  return Buffer.from(writeWav({ sampleRateHz: RATE_HZ, channels: 1, samples }))
}

/** What the customer said, without what the customer heard meanwhile. */
async function readLeft(
  { library }: VoicemailAudioParts,
  row: Selectable<VoicemailsTable>,
  recordingId: string
): Promise<Int16Array> {
  const span = { fromMs: row.from_ms ?? 0 }
  const read = await Array.fromAsync(library.readPcm(recordingId, span, AbortSignal.timeout(READ_LIMIT_MS)))
  const stereo = Buffer.concat(read)
  return Int16Array.from({ length: stereo.length >> 2 }, (_, at) => stereo.readInt16LE(at * 4))
}

/** Messages from before they were recordings: G.711 in a sealed file of the data folder. */
async function readOld(
  { dataDir, secretKey, log }: VoicemailAudioParts,
  row: Selectable<VoicemailsTable>
): Promise<Int16Array> {
  const key = unseal(secretKey, 'voicemail data key', row.sealed_key ?? '')
  const read: Buffer[] = []
  try {
    for await (const part of readSealedAudio(join(dataDir, row.file ?? ''), row.id, key)) read.push(part)
  } catch (err) {
    if (!(err instanceof SealedAudioError) || read.length === 0) throw err
    log.error({ err, voicemailId: row.id }, 'a voicemail is damaged; what is whole is played')
  }
  const coded = Buffer.concat(read)
  const samples = new Int16Array(coded.length)
  decodeG711('PCMU', coded, 0, coded.length, samples)
  return samples
}
