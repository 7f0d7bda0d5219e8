import { randomBytes } from 'node:crypto'
import { rm } from 'node:fs/promises'
import { join } from 'node:path'
import { SealedAudioError, SealedAudioWriter } from '../../media/recordings/sealed-audio.ts'
import { proofsOfPerson, recordingIdsOf, usageOf } from '../../sql/queries/privacy/people.ts'
import type { RequestRow } from '../../sql/queries/privacy/requests.ts'
import { AppError } from '../errors.ts'
import { SealError } from '../seal.ts'
import { readVoicemail } from '../recordings/voicemail-audio.ts'
import type { PrivacyParts } from './privacy-service.ts'
import type { Certificate } from './request-facts.ts'
import { hashesOf } from './request-stores.ts'
import { STORES, type StoreItem } from './stores.ts'
import type { Subject } from './subject.ts'
import { ZipWriter } from './zip.ts'

const CHUNK_BYTES = 256 * 1024
const AUDIO_LIMIT_MS = 120_000

export type MadeCopy = Readonly<{
  /** Below the data folder. */
  file: string
  key: Buffer
  stores: Certificate['stores']
}>

/** Writes everything about a person into one sealed ZIP: all stores as JSON, calls as CSV, sound, and who has used it. */
export async function makeCopy(parts: PrivacyParts, row: RequestRow, subject: Subject): Promise<MadeCopy> {
  const { db, dataDir } = parts
  const found = new Map<string, readonly string[]>()
  const key = randomBytes(32)
  const file = join('exports', `${row.id}-${Date.now()}.sealed`)
  const writer = await SealedAudioWriter.open(join(dataDir, file), row.id, key, CHUNK_BYTES)
  const zip = new ZipWriter()
  const stores: Certificate['stores'][number][] = []
  const unreadable: { store: string; id: string }[] = []
  try {
    const everything: Record<string, unknown[]> = {}
    for (const store of STORES) {
      const items = await store.find(parts, subject)
      found.set(
        store.name,
        items.map(item => item.id)
      )
      const read: unknown[] = []
      for (const item of items) read.push({ at: item.at.toISOString(), ...(await store.read(parts, item, subject)) })
      everything[store.name] = read
      stores.push({
        store: store.name,
        found: items.length,
        erased: 0,
        kept: items.length,
        method: 'copied',
        at: new Date().toISOString()
      })
      for (const item of items) {
        try {
          const sound = await soundOf(parts, store.name, item)
          if (sound !== null) writer.write(zip.file(sound.name, sound.bytes, false))
        } catch (err) {
          if (!isUnreadable(err)) throw err
          parts.quality.log.error({ err, store: store.name, itemId: item.id }, 'a sound is damaged; the copy says so')
          unreadable.push({ store: store.name, id: item.id })
        }
      }
    }
    const numberHashes = hashesOf(parts, { numbers: subject.numbers, emails: [] })
    const proofs = await proofsOfPerson(db, { numberHashes, callIds: subject.callIds })
    // Of what is kept as proof the person gets a copy too.
    everything['callDecisions'] = [...proofs.decisions]
    everything['consentProofs'] = [...proofs.consents]
    everything['recordingConsents'] = [...proofs.recordingConsents]
    everything['doNotCallMarks'] = [...proofs.stops]
    const text = (value: unknown) => Buffer.from(`${JSON.stringify(value, null, 2)}\n`)
    writer.write(
      zip.file(
        'data.json',
        text({ request: row.reference, madeAt: new Date().toISOString(), stores: everything, unreadable }),
        true
      )
    )
    writer.write(zip.file('usage.json', text(await usage(parts, subject, numberHashes, found)), true))
    writer.write(zip.file('calls.csv', Buffer.from(toCsv(everything['calls'] ?? [])), true))
    writer.write(zip.end())
  } catch (err) {
    await writer.close()
    // Nobody can ever open it: its key is known here only.
    await rm(join(dataDir, file), { force: true })
    throw err
  }
  await writer.close()
  return { file, key, stores }
}

/** Nothing of it can be heard, now or later; a store that is away is something else. */
function isUnreadable(err: unknown): boolean {
  return (
    err instanceof SealedAudioError ||
    err instanceof SealError ||
    (err instanceof AppError && err.code === 'RECORDING_UNREADABLE')
  )
}

/** What can be heard of an item; null for what makes no sound. */
async function soundOf(
  { quality, db, dataDir, secretKey }: PrivacyParts,
  store: string,
  { id }: StoreItem
): Promise<Readonly<{ name: string; bytes: Buffer }> | null> {
  switch (store) {
    case 'recordings': {
      const { library } = quality.recordings
      const sound = await library.readFile(id, 'flac', null, AbortSignal.timeout(AUDIO_LIMIT_MS))
      return { name: `audio/${id}.flac`, bytes: Buffer.concat(await Array.fromAsync(sound.body)) }
    }
    case 'voicemails': {
      const bytes = await readVoicemail(
        { db, library: quality.recordings.library, dataDir, secretKey, log: quality.log },
        id
      )
      return bytes === null ? null : { name: `audio/${id}.wav`, bytes }
    }
    default:
      return null
  }
}

/** What was done with this person's calls, recordings, messages, contacts and requests, and by what kind of user. */
async function usage(
  { db }: PrivacyParts,
  subject: Subject,
  numberHashes: readonly string[],
  found: ReadonlyMap<string, readonly string[]>
): Promise<readonly Readonly<Record<string, unknown>>[]> {
  const of = (store: string) => found.get(store) ?? []
  const rows = await usageOf(db, [
    { kind: 'call', ids: subject.callIds },
    { kind: 'recording', ids: await recordingIdsOf(db, subject.callIds) },
    { kind: 'voicemail', ids: of('voicemails') },
    { kind: 'clip', ids: of('clips') },
    { kind: 'comment', ids: of('comments') },
    { kind: 'contact', ids: subject.contactIds },
    { kind: 'number', ids: numberHashes },
    { kind: 'privacy-request', ids: [...of('requests'), ...of('exports')] }
  ])
  return rows.map(row => ({
    at: row.at.toISOString(),
    who: row.who,
    what: row.what,
    of: row.of,
    // A hash that only this installation can make is of no use to the person.
    ...(row.of !== 'number' && { id: row.id }),
    ...(row.of === 'call' && { callId: row.id })
  }))
}

/** RFC 4180; values that a spreadsheet would run as formulas begin with a quote mark. */
function toCsv(rows: readonly unknown[]): string {
  const records = rows as readonly Readonly<Record<string, unknown>>[]
  const columns = [...new Set(records.flatMap(row => Object.keys(row)))]
  const cell = (value: unknown) => {
    const text =
      value === null || value === undefined
        ? ''
        : value instanceof Date
          ? value.toISOString()
          : typeof value === 'object'
            ? JSON.stringify(value)
            : String(value)
    const safe = /^[=+\-@\t\r]/.test(text) && !/^\+\d+$/.test(text) ? `'${text}` : text
    return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
  }
  return [columns.join(','), ...records.map(row => columns.map(column => cell(row[column])).join(','))].join('\r\n')
}
