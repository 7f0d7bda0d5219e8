import { createHash } from 'node:crypto'
import { open, rename } from 'node:fs/promises'
import { setImmediate } from 'node:timers/promises'
import { BLOCKS, NumberSet, type Page } from './number-set.ts'

/** A stored set is damaged or of another form; the version before stays in use. */
export class SetFileError extends Error {
  override readonly name = 'SetFileError'
  readonly code = 'DNC_FILE_BROKEN'
}

const MAGIC = 'PDNC1\n\0\0'
const HEADER_BYTES = 16
const ROW_BYTES = 32
const DENSE = 1
const SPARSE = 2
const PIECE_BYTES = 1024 * 1024
/** After so many pages calls have their turn. */
const PAGES_AT_ONCE = 64

/**
 * Writes a set so that a crash leaves either the old file or the new one. Returns the sha256 of the file.
 *
 *     magic 8 | pages uint32 | 0 uint32 | page table: rows of 32 bytes | data of each page, at multiples of 4
 *     row: page float64 | kind uint32 | count uint32 | offset float64 | bytes of data uint32 | 0 uint32
 */
export async function writeSetFile(path: string, set: NumberSet): Promise<string> {
  const keys = [...set.pages.keys()].sort((a, b) => a - b)
  const table = Buffer.alloc(HEADER_BYTES + keys.length * ROW_BYTES)
  table.write(MAGIC, 'latin1')
  table.writeUInt32LE(keys.length, 8)
  let offset = table.length
  const parts: Uint8Array[] = []
  for (const [index, key] of keys.entries()) {
    const page = set.pages.get(key)
    if (page === undefined) continue
    const data = page.kind === 'dense' ? [bytesOf(page.starts), page.bytes] : [bytesOf(page.list)]
    const length = data.reduce((sum, one) => sum + one.byteLength, 0)
    const row = HEADER_BYTES + index * ROW_BYTES
    table.writeDoubleLE(key, row)
    table.writeUInt32LE(page.kind === 'dense' ? DENSE : SPARSE, row + 8)
    table.writeUInt32LE(page.count, row + 12)
    table.writeDoubleLE(offset, row + 16)
    table.writeUInt32LE(length, row + 24)
    const padding = (4 - (length % 4)) % 4
    parts.push(...data, new Uint8Array(padding))
    offset += length + padding
  }
  const hash = createHash('sha256')
  const file = await open(`${path}.part`, 'w', 0o600)
  try {
    for (const part of [table, ...parts]) {
      hash.update(part)
      await file.write(part)
    }
    await file.sync()
  } finally {
    await file.close()
  }
  await rename(`${path}.part`, path)
  return hash.digest('hex')
}

/** Reads a set; its pages are views on the one buffer that was read. Throws SetFileError. */
export async function readSetFile(path: string, sha256: string | null): Promise<NumberSet> {
  const { buffer, hash } = await readHashed(path)
  if (sha256 !== null && hash !== sha256) throw new SetFileError(`${path} is not the file that was written`)
  if (buffer.length < HEADER_BYTES || buffer.toString('latin1', 0, 8) !== MAGIC)
    throw new SetFileError(`${path} is not a stored set`)
  const pages = new Map<number, Page>()
  let size = 0
  const count = buffer.readUInt32LE(8)
  if (HEADER_BYTES + count * ROW_BYTES > buffer.length) throw new SetFileError(`${path} is cut short`)
  for (let index = 0; index < count; index += 1) {
    if (index % PAGES_AT_ONCE === 0) await setImmediate()
    const row = HEADER_BYTES + index * ROW_BYTES
    const offset = buffer.readDoubleLE(row + 16)
    const length = buffer.readUInt32LE(row + 24)
    if (offset + length > buffer.length) throw new SetFileError(`${path} is cut short`)
    const start = buffer.byteOffset + offset
    const numbers = buffer.readUInt32LE(row + 12)
    const page: Page =
      buffer.readUInt32LE(row + 8) === DENSE
        ? {
            kind: 'dense',
            count: numbers,
            // Copied: the set has its own array of them, and this one goes when it is made anew.
            starts: new Uint32Array(buffer.buffer, start, BLOCKS).slice(),
            bytes: new Uint8Array(buffer.buffer, start + BLOCKS * 4, length - BLOCKS * 4)
          }
        : { kind: 'sparse', count: numbers, list: new Uint32Array(buffer.buffer, start, length / 4) }
    pages.set(buffer.readDoubleLE(row), page)
    size += numbers
  }
  return new NumberSet(pages, size)
}

/** Reads a whole file piece by piece: hashing that of a national registry at once would stop every call meanwhile. */
async function readHashed(path: string): Promise<Readonly<{ buffer: Buffer; hash: string }>> {
  const file = await open(path)
  try {
    const buffer = Buffer.allocUnsafeSlow((await file.stat()).size)
    const hash = createHash('sha256')
    let used = 0
    while (used < buffer.length) {
      const { bytesRead } = await file.read(buffer, used, Math.min(PIECE_BYTES, buffer.length - used))
      if (bytesRead === 0) throw new SetFileError(`${path} is cut short`)
      hash.update(buffer.subarray(used, used + bytesRead))
      used += bytesRead
    }
    return { buffer, hash: hash.digest('hex') }
  } finally {
    await file.close()
  }
}

function bytesOf(words: Uint32Array): Uint8Array {
  return new Uint8Array(words.buffer, words.byteOffset, words.byteLength)
}
