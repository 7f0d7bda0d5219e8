import { createReadStream } from 'node:fs'
import type { Readable } from 'node:stream'
import {
  DeleteObjectCommand,
  GetObjectCommand,
  HeadObjectCommand,
  NoSuchKey,
  NotFound,
  S3Client
} from '@aws-sdk/client-s3'
import { Upload } from '@aws-sdk/lib-storage'
import { checkedKey, type ObjectStore, StoreError } from './object-store.ts'

export type S3StoreOptions = Readonly<{
  name: string
  bucket: string
  region: string
  /** Of an S3-compatible server; null for Amazon's own. */
  endpoint: string | null
  /** Bucket in the path instead of the host name, as most compatible servers want it. */
  isPathStyle: boolean
  /** In front of every key, such as `parley/`. */
  prefix: string
  /** Null: as the AWS SDK finds them (environment, profile, role). */
  credentials: Readonly<{ accessKeyId: string; secretAccessKey: string }> | null
}>

/** The least that S3 takes as a part is 5 MiB; a recording of an hour is some 60 MB. */
const PART_BYTES = 8 * 1024 * 1024
const CONNECT_MS = 5_000
const REQUEST_MS = 60_000

/** Recordings in a bucket: streamed in parts, read in ranges. Only sealed bytes ever leave. */
export function openS3Store(options: S3StoreOptions): ObjectStore {
  const { name, bucket, prefix, credentials } = options
  const client = new S3Client({
    region: options.region,
    forcePathStyle: options.isPathStyle,
    ...(options.endpoint !== null && { endpoint: options.endpoint }),
    ...(credentials !== null && { credentials }),
    // Compatible servers do not know Amazon's newer trailing checksums; chunks are authenticated by themselves.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { connectionTimeout: CONNECT_MS, requestTimeout: REQUEST_MS },
    maxAttempts: 2
  })
  const at = (key: string) => ({ Bucket: bucket, Key: prefix + checkedKey(key) })
  const unavailable = (what: string, cause: unknown, signal: AbortSignal): StoreError => {
    signal.throwIfAborted()
    if (cause instanceof StoreError) return cause
    return new StoreError('STORE_UNAVAILABLE', `the store ${name} ${what}`, { cause })
  }
  return {
    name,
    async put(key, path, signal) {
      const file = createReadStream(path)
      const upload = new Upload({
        client,
        params: { ...at(key), Body: file, ContentType: 'application/octet-stream' },
        partSize: PART_BYTES,
        queueSize: 2,
        leavePartsOnError: false
      })
      const stop = () => void upload.abort()
      signal.addEventListener('abort', stop, { once: true })
      try {
        signal.throwIfAborted()
        await upload.done()
      } catch (err) {
        throw unavailable('cannot be written', err, signal)
      } finally {
        signal.removeEventListener('abort', stop)
        file.destroy()
      }
    },
    async size(key, signal) {
      try {
        return (await client.send(new HeadObjectCommand(at(key)), { abortSignal: signal })).ContentLength ?? null
      } catch (err) {
        if (err instanceof NotFound || statusOf(err) === 404) return null
        throw unavailable('cannot be asked', err, signal)
      }
    },
    async *read(key, { first, last }, signal) {
      try {
        const { Body } = await client.send(new GetObjectCommand({ ...at(key), Range: `bytes=${first}-${last}` }), {
          abortSignal: signal
        })
        for await (const part of Body as Readable) yield part as Buffer
      } catch (err) {
        if (err instanceof NoSuchKey || statusOf(err) === 404)
          throw new StoreError('OBJECT_MISSING', `the store ${name} has no such object`, { cause: err })
        throw unavailable('cannot be read', err, signal)
      }
    },
    async delete(key, signal) {
      try {
        await client.send(new DeleteObjectCommand(at(key)), { abortSignal: signal })
      } catch (err) {
        throw unavailable('cannot delete', err, signal)
      }
    },
    async [Symbol.asyncDispose]() {
      client.destroy()
    }
  }
}

function statusOf(err: unknown): number | undefined {
  return (err as { $metadata?: { httpStatusCode?: number } }).$metadata?.httpStatusCode
}
