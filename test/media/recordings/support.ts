import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Test } from 'tap'
import { openFolderStore } from '../../../media/recordings/folder-store.ts'
import type { ClosedRecording } from '../../../media/recordings/recording-file-writer.ts'
import type { RecordingSource } from '../../../media/recordings/recording-reader.ts'
import { RecordingThread } from '../../../media/recordings/recording-thread.ts'

export const log = pino({ level: 'silent' })
export const ID = '0192f0c1-0000-7000-8000-000000000001'

export async function tempFolder(t: Test): Promise<string> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-recordings-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  return folder
}

export function startThread(t: Test): RecordingThread {
  const thread = new RecordingThread(log)
  t.teardown(() => thread[Symbol.asyncDispose]())
  return thread
}

/** 20 ms of a tone on each side, in step with the clock. */
export function toneFrame(atMs: number, leftHz: number, rightHz: number): Buffer {
  const frame = Buffer.alloc(640)
  for (let index = 0; index < 160; index += 1) {
    const seconds = (atMs * 8 + index) / 8_000
    frame.writeInt16LE(Math.round(8_000 * Math.sin(2 * Math.PI * leftHz * seconds)), index * 4)
    frame.writeInt16LE(Math.round(6_000 * Math.sin(2 * Math.PI * rightHz * seconds)), index * 4 + 2)
  }
  return frame
}

/** A file in a folder, ready to be read. */
export function sourceOf(
  folder: string,
  objectKey: string,
  closed: Pick<ClosedRecording, 'bytes' | 'indexOffset'>,
  key: Buffer,
  thread: RecordingThread
): RecordingSource & { damage: { fromMs: number; toMs: number }[] } {
  const store = openFolderStore('test', folder)
  const damage: { fromMs: number; toMs: number }[] = []
  return {
    id: ID,
    key,
    ...closed,
    damage,
    read: (range, signal) => store.read(objectKey, range, signal),
    decode: flac => thread.decode(flac),
    onDamage: span => void damage.push(span)
  }
}

export async function collect(parts: AsyncIterable<Buffer>): Promise<Int16Array> {
  const all: Buffer[] = []
  for await (const part of parts) all.push(part)
  const bytes = Uint8Array.from(Buffer.concat(all))
  return new Int16Array(bytes.buffer)
}

export function side(samples: Int16Array, which: 0 | 1): Int16Array {
  return samples.filter((_, index) => index % 2 === which)
}
