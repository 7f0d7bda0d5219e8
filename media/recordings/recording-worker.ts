/** Compresses, seals and writes the recordings of all calls in one thread, away from the one that carries calls. */
import { setPriority } from 'node:os'
import { parentPort } from 'node:worker_threads'
import { type FlacStream, loadFlac } from './flac.ts'
import { RecordingFileWriter } from './recording-file-writer.ts'
import type { FromRecordingThread, ToRecordingThread } from './recording-messages.ts'

const RETRY_MS = 1_000
/** A little below the threads that carry voice (setpriority(2)); lowering needs no right. */
const AFTER_VOICE = 5

type OpenFile = { readonly writer: RecordingFileWriter; isInTrouble: boolean; pieces: number; closing: number | null }

const port = parentPort
if (port === null) throw new Error('this file runs in a worker thread only')
const tell = (message: FromRecordingThread, transfer: ArrayBuffer[] = []) => port.postMessage(message, transfer)
const files = new Map<number, OpenFile>()
const streams = new Map<number, FlacStream>()
// Voice goes first: what is recorded may wait a moment, up to a minute. Linux keeps the priority for each thread.
setPriority(0, AFTER_VOICE)
const flac = await loadFlac()
const retry = setInterval(() => {
  for (const [id, file] of files) if (file.closing !== null) close(id, file, file.closing)
}, RETRY_MS)

port.on('message', (message: ToRecordingThread) => {
  switch (message.kind) {
    case 'open':
      open(message)
      break
    case 'audio': {
      const file = files.get(message.file)
      if (file === undefined) break
      attempt(message.file, file, () => file.writer.add(message.atMs, message.samples))
      file.pieces += 1
      tell({ kind: 'taken', file: message.file, pieces: file.pieces })
      break
    }
    case 'mark': {
      const file = files.get(message.file)
      if (file !== undefined) attempt(message.file, file, () => file.writer.mark(message.mark))
      break
    }
    case 'close': {
      const file = files.get(message.file)
      if (file !== undefined) close(message.file, file, message.durationMs)
      break
    }
    case 'abandon':
      files.get(message.file)?.writer.abandon()
      files.delete(message.file)
      tell({ kind: 'abandoned', file: message.file })
      break
    case 'decode':
      answer(message.request, () => flac.decode(message.flac))
      break
    case 'flacStart':
      streams.set(message.stream, flac.startStream(message.perChannel))
      break
    case 'flacPush':
      answer(message.request, () => pushFlac(message.stream, message.samples))
      break
    case 'flacAbandon':
      streams.get(message.stream)?.abandon()
      streams.delete(message.stream)
      break
    case 'cpu': {
      const { user, system } = process.threadCpuUsage()
      tell({ kind: 'done', request: message.request, result: (user + system) / 1000 })
      break
    }
    case 'stop':
      clearInterval(retry)
      for (const file of files.values()) file.writer.abandon()
      port.close()
      break
    default:
      message satisfies never
  }
})

tell({ kind: 'ready' })

function open(message: Extract<ToRecordingThread, { kind: 'open' }>): void {
  const { file, path, id } = message
  const key = Buffer.from(message.key)
  try {
    const writer = message.isResumed
      ? RecordingFileWriter.resume(path, id, key, flac)
      : RecordingFileWriter.create(path, id, key, flac)
    files.set(file, { writer, isInTrouble: false, pieces: 0, closing: null })
  } catch (err) {
    tell({ kind: 'failed', file, ...describe(err) })
  }
}

/** The writer keeps what the disk refuses; the other side hears of it once, and once when it is over. */
function attempt(id: number, file: OpenFile, write: () => void): boolean {
  try {
    write()
    if (file.isInTrouble) tell({ kind: 'recovered', file: id })
    file.isInTrouble = false
    return true
  } catch (err) {
    if (!file.isInTrouble) tell({ kind: 'trouble', file: id, ...describe(err) })
    file.isInTrouble = true
    return false
  }
}

function close(id: number, file: OpenFile, durationMs: number): void {
  file.closing = durationMs
  const isDone = attempt(id, file, () => tell({ kind: 'closed', file: id, closed: file.writer.close(durationMs) }))
  if (isDone) files.delete(id)
}

function pushFlac(id: number, samples: Int16Array | null): Uint8Array {
  const stream = streams.get(id)
  if (stream === undefined) throw new Error('there is no such stream')
  try {
    if (samples !== null) return Uint8Array.from(stream.push(samples))
    streams.delete(id)
    return Uint8Array.from(stream.end())
  } catch (err) {
    // A stream that failed has released itself.
    streams.delete(id)
    throw err
  }
}

function answer(request: number, work: () => Int16Array | Uint8Array): void {
  try {
    const result = work()
    tell({ kind: 'done', request, result }, [result.buffer as ArrayBuffer])
  } catch (err) {
    tell({ kind: 'refused', request, message: err instanceof Error ? err.message : String(err) })
  }
}

function describe(err: unknown): { code: string; message: string } {
  const code = (err as { code?: unknown }).code
  return {
    code: typeof code === 'string' ? code : 'UNKNOWN',
    message: err instanceof Error ? err.message : String(err)
  }
}
