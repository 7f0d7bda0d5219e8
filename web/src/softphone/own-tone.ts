import { audioContext } from './audio-context.ts'
import { SoftphoneError } from './softphone-error.ts'

const DATABASE = 'parley'
const STORE = 'tones'
const KEY = 'own'
const MAX_BYTES = 2_000_000
const MAX_SECONDS = 30

/** Keeps a sound file of the person as ring tone in this browser. Rejects with `TONE_UNREADABLE`. */
export async function keepOwnTone(file: Blob): Promise<void> {
  if (file.size > MAX_BYTES) throw new SoftphoneError('TONE_UNREADABLE')
  const bytes = await file.arrayBuffer()
  await decode(bytes.slice(0))
  await inStore('readwrite', store => store.put(bytes, KEY))
}

/** The kept file as sound; null when there is none. */
export async function loadOwnTone(): Promise<AudioBuffer | null> {
  const bytes = await inStore<ArrayBuffer | undefined>('readonly', store => store.get(KEY))
  return bytes === undefined ? null : await decode(bytes)
}

async function decode(bytes: ArrayBuffer): Promise<AudioBuffer> {
  try {
    const buffer = await audioContext().decodeAudioData(bytes)
    if (buffer.duration <= MAX_SECONDS) return buffer
  } catch (err) {
    throw new SoftphoneError('TONE_UNREADABLE', '', { cause: err })
  }
  throw new SoftphoneError('TONE_UNREADABLE')
}

async function inStore<T>(mode: IDBTransactionMode, work: (store: IDBObjectStore) => IDBRequest): Promise<T> {
  const opening = indexedDB.open(DATABASE, 1)
  opening.onupgradeneeded = () => opening.result.createObjectStore(STORE)
  const database = await settled<IDBDatabase>(opening)
  try {
    return await settled<T>(work(database.transaction(STORE, mode).objectStore(STORE)))
  } finally {
    database.close()
  }
}

function settled<T>(request: IDBRequest): Promise<T> {
  return new Promise((resolve, reject) => {
    request.onsuccess = () => resolve(request.result as T)
    request.onerror = () => reject(request.error)
  })
}
