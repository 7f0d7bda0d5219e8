import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createReadStream, createWriteStream } from 'node:fs'
import { mkdir, readdir, rm, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { Readable, Transform } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { newId } from '../ids.ts'
import { ContactFileError } from './contact-error.ts'
import type { ByteSource } from './read-xlsx.ts'

export type UploadFormat = 'csv' | 'xlsx'
export type Upload = ByteSource & Readonly<{ id: string; name: string; format: UploadFormat; addedAt: Date }>

const KEEP_MS = 3_600_000
const BLOCK = 16

/**
 * Files between upload and import. They lie encrypted with a key that only this process knows (AES-256 in counter mode,
 * so that any part can be read), and are thrown away after the import, after an hour, or with the process.
 */
export class Uploads implements AsyncDisposable {
  readonly #folder: string
  readonly #uploads = new Map<string, { upload: Upload; timer: NodeJS.Timeout }>()

  private constructor(folder: string) {
    this.#folder = folder
  }

  static async open(dataDir: string): Promise<Uploads> {
    const all = join(dataDir, 'uploads')
    await mkdir(all, { recursive: true, mode: 0o700 })
    // What an earlier process has left can be read by nobody; another one may be using the same folder just now.
    for (const name of await readdir(all)) {
      const { mtimeMs } = await stat(join(all, name))
      if (Date.now() - mtimeMs > 2 * KEEP_MS) await rm(join(all, name), { recursive: true, force: true })
    }
    const folder = join(all, newId())
    await mkdir(folder, { mode: 0o700 })
    return new Uploads(folder)
  }

  get(id: string): Upload | undefined {
    return this.#uploads.get(id)?.upload
  }

  /** Takes a file in; rejects with ContactFileError when it is empty or longer than `maxBytes`. */
  async add(body: Readable, name: string, maxBytes: number): Promise<Upload> {
    const id = newId()
    const path = join(this.#folder, id)
    const key = randomBytes(32)
    const iv = randomBytes(BLOCK)
    let bytes = 0
    const start: Buffer[] = []
    const counting = new Transform({
      transform(chunk: Buffer, _encoding, done) {
        if (bytes < 4) start.push(chunk.subarray(0, 4))
        bytes += chunk.length
        if (bytes > maxBytes)
          done(
            new ContactFileError('FILE_TOO_LARGE', `The file is larger than ${Math.round(maxBytes / 1024 ** 2)} MB.`)
          )
        else done(null, chunk)
      }
    })
    try {
      await pipeline(body, counting, createCipheriv('aes-256-ctr', key, iv), createWriteStream(path, { mode: 0o600 }))
    } catch (err) {
      await rm(path, { force: true })
      throw err
    }
    if (bytes === 0) {
      await rm(path, { force: true })
      throw new ContactFileError('FILE_EMPTY', 'The file is empty.')
    }
    const head = Buffer.concat(start)
    // APPNOTE.TXT §4.3.7: a ZIP archive, which a workbook is, begins with "PK".
    const format: UploadFormat = head.subarray(0, 4).toString('latin1') === 'PK\u0003\u0004' ? 'xlsx' : 'csv'
    if (head.subarray(0, 4).equals(Buffer.from([0xd0, 0xcf, 0x11, 0xe0]))) {
      await rm(path, { force: true })
      throw new ContactFileError('FILE_UNREADABLE', 'This is an old or encrypted Excel file. Save it as .xlsx or CSV.')
    }
    const upload: Upload = {
      id,
      name,
      format,
      bytes,
      addedAt: new Date(),
      read: (from, to) => readDecrypted(path, key, iv, from, to)
    }
    this.#uploads.set(id, { upload, timer: setTimeout(() => void this.remove(id), KEEP_MS).unref() })
    return upload
  }

  async remove(id: string): Promise<void> {
    const found = this.#uploads.get(id)
    if (found === undefined) return
    clearTimeout(found.timer)
    this.#uploads.delete(id)
    await rm(join(this.#folder, id), { force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const { timer } of this.#uploads.values()) clearTimeout(timer)
    this.#uploads.clear()
    await rm(this.#folder, { recursive: true, force: true })
  }
}

/** Counter mode: block n is encrypted with the counter iv + n, so reading begins at any block. */
function readDecrypted(path: string, key: Buffer, iv: Buffer, from: number, to: number): Readable {
  if (to <= from) return Readable.from([])
  const firstBlock = Math.floor(from / BLOCK)
  const decipher = createDecipheriv('aes-256-ctr', key, addToCounter(iv, firstBlock))
  const file = createReadStream(path, { start: firstBlock * BLOCK, end: to - 1, highWaterMark: 256 * 1024 })
  let skip = from - firstBlock * BLOCK
  const cut = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      const part = skip === 0 ? chunk : chunk.subarray(Math.min(skip, chunk.length))
      skip -= chunk.length - part.length
      done(null, part)
    }
  })
  file.once('error', err => cut.destroy(err))
  cut.once('close', () => file.destroy())
  return file.pipe(decipher).pipe(cut)
}

function addToCounter(iv: Buffer, blocks: number): Buffer {
  const counter = (BigInt(`0x${iv.toString('hex')}`) + BigInt(blocks)) & ((1n << 128n) - 1n)
  return Buffer.from(counter.toString(16).padStart(32, '0'), 'hex')
}

/** The first bytes of an upload. */
export async function startOf(upload: ByteSource, bytes: number): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of upload.read(0, Math.min(bytes, upload.bytes))) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}
