import { createCipheriv, createDecipheriv, randomBytes } from 'node:crypto'
import { createReadStream } from 'node:fs'
import { type FileHandle, mkdir, open } from 'node:fs/promises'
import { dirname } from 'node:path'

/*
 * A sealed audio file: a run of chunks, each encrypted and authenticated by itself, so that a crash loses only the
 * chunk in memory and a damaged chunk leaves the rest playable.
 *
 *   0        4      5                     5+n        21+n
 *   | n (BE) | last |  ciphertext, n bytes |  GCM tag |
 *
 * Nonce: 12 bytes, the chunk's index from 0. Associated data: file id, index, last flag; so chunks cannot be moved
 * between files, reordered, or cut off unnoticed. One random key for each file (NIST SP 800-38D §8.2.1).
 */

const KEY_BYTES = 32
export const TAG_BYTES = 16
export const HEAD_BYTES = 5
export const MAX_CHUNK_BYTES = 1024 * 1024

export type SealedAudioErrorCode = 'CHUNK_DAMAGED' | 'FILE_TRUNCATED'

export class SealedAudioError extends Error {
  override readonly name = 'SealedAudioError'
  readonly code: SealedAudioErrorCode
  /** Index of the chunk, from 0. */
  readonly chunk: number

  constructor(code: SealedAudioErrorCode, chunk: number, options?: ErrorOptions) {
    super(code === 'CHUNK_DAMAGED' ? `chunk ${chunk} is damaged` : `the file ends within chunk ${chunk}`, options)
    this.code = code
    this.chunk = chunk
  }
}

export function newDataKey(): Buffer {
  return randomBytes(KEY_BYTES)
}

/** Writes audio as it arrives; what is on disk is never plain. */
export class SealedAudioWriter {
  readonly #file: FileHandle
  readonly #id: string
  readonly #key: Buffer
  readonly #chunkBytes: number
  #parts: Buffer[] = []
  #held = 0
  #index = 0
  #bytes = 0
  #writing: Promise<void> = Promise.resolve()
  #failure: unknown

  private constructor(file: FileHandle, id: string, key: Buffer, chunkBytes: number) {
    this.#file = file
    this.#id = id
    this.#key = key
    this.#chunkBytes = chunkBytes
  }

  /** `chunkBytes`: how much is sealed together, and so how much a crash may lose. Refuses to overwrite a file. */
  static async open(path: string, id: string, key: Buffer, chunkBytes: number): Promise<SealedAudioWriter> {
    await mkdir(dirname(path), { recursive: true })
    return new SealedAudioWriter(await open(path, 'wx', 0o600), id, key, chunkBytes)
  }

  /** Takes audio and returns at once; the disk follows. A failure is thrown by {@link close}. */
  write(audio: Buffer): void {
    this.#parts.push(audio)
    this.#held += audio.length
    if (this.#held >= this.#chunkBytes) this.#emit(false)
  }

  /** Seals what is left, waits for the disk and returns the size of the file in bytes. */
  async close(): Promise<number> {
    this.#emit(true)
    try {
      await this.#writing
      if (this.#failure !== undefined) throw this.#failure
      await this.#file.sync()
    } finally {
      await this.#file.close()
    }
    return this.#bytes
  }

  #emit(isLast: boolean): void {
    const chunk = sealChunk(this.#key, this.#id, this.#index, isLast, Buffer.concat(this.#parts))
    this.#index += 1
    this.#parts = []
    this.#held = 0
    this.#bytes += chunk.length
    this.#writing = this.#writing.then(async () => {
      if (this.#failure !== undefined) return
      try {
        await this.#file.write(chunk)
      } catch (err) {
        this.#failure = err
      }
    })
  }
}

/** Reads a sealed file chunk by chunk. Throws {@link SealedAudioError}. */
export async function* readSealedAudio(path: string, id: string, key: Buffer): AsyncGenerator<Buffer> {
  let buffered = Buffer.alloc(0)
  let index = 0
  for await (const part of createReadStream(path) as AsyncIterable<Buffer>) {
    buffered = Buffer.concat([buffered, part])
    for (;;) {
      if (buffered.length < HEAD_BYTES) break
      const length = buffered.readUInt32BE(0)
      if (length > MAX_CHUNK_BYTES) throw new SealedAudioError('CHUNK_DAMAGED', index)
      if (buffered.length < HEAD_BYTES + length + TAG_BYTES) break
      const isLast = buffered.readUInt8(4) === 1
      yield openChunk(key, id, index, isLast, buffered.subarray(0, HEAD_BYTES + length + TAG_BYTES))
      buffered = buffered.subarray(HEAD_BYTES + length + TAG_BYTES)
      index += 1
      if (isLast) return
    }
  }
  throw new SealedAudioError('FILE_TRUNCATED', index)
}

/** One chunk with its head, as it stands in a file. */
export function sealChunk(key: Buffer, id: string, index: number, isLast: boolean, plain: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, nonceOf(index)).setAAD(associated(id, index, isLast))
  const head = Buffer.alloc(HEAD_BYTES)
  head.writeUInt32BE(plain.length, 0)
  head.writeUInt8(isLast ? 1 : 0, 4)
  return Buffer.concat([head, cipher.update(plain), cipher.final(), cipher.getAuthTag()])
}

/** The plain content of a chunk, given with its head. Throws {@link SealedAudioError}. */
export function openChunk(key: Buffer, id: string, index: number, isLast: boolean, sealed: Buffer): Buffer {
  const decipher = createDecipheriv('aes-256-gcm', key, nonceOf(index), { authTagLength: TAG_BYTES })
  decipher.setAAD(associated(id, index, isLast)).setAuthTag(sealed.subarray(sealed.length - TAG_BYTES))
  try {
    return Buffer.concat([decipher.update(sealed.subarray(HEAD_BYTES, sealed.length - TAG_BYTES)), decipher.final()])
  } catch (cause) {
    throw new SealedAudioError('CHUNK_DAMAGED', index, { cause })
  }
}

function nonceOf(index: number): Buffer {
  const nonce = Buffer.alloc(12)
  nonce.writeUInt32BE(index, 8)
  return nonce
}

function associated(id: string, index: number, isLast: boolean): Buffer {
  return Buffer.from(`${id} ${index} ${isLast ? 'last' : 'more'}`)
}
