import { createReadStream } from 'node:fs'
import { copyFile, mkdir, open, rename, rm, stat } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { checkedKey, type ObjectStore, StoreError } from './object-store.ts'

/** Recordings as files in a folder. */
export function openFolderStore(name: string, folder: string): ObjectStore {
  const pathOf = (key: string) => join(folder, checkedKey(key))
  return {
    name,
    async put(key, path) {
      const target = pathOf(key)
      const partial = `${target}.part`
      try {
        await mkdir(dirname(target), { recursive: true, mode: 0o700 })
        // Never under its own name before it is whole and on the disk.
        await copyFile(path, partial)
        const file = await open(partial, 'r+')
        try {
          await file.sync()
        } finally {
          await file.close()
        }
        await rename(partial, target)
      } catch (cause) {
        await rm(partial, { force: true }).catch(() => {
          // Where nothing could be written there is nothing to take away; the first fault is the one to tell.
        })
        throw new StoreError('STORE_UNAVAILABLE', `the store ${name} cannot be written`, { cause })
      }
    },
    async size(key) {
      try {
        return (await stat(pathOf(key))).size
      } catch (cause) {
        if (isMissing(cause)) return null
        throw new StoreError('STORE_UNAVAILABLE', `the store ${name} cannot be read`, { cause })
      }
    },
    async *read(key, { first, last }, signal) {
      const stream = createReadStream(pathOf(key), { start: first, end: last, signal })
      try {
        for await (const part of stream as AsyncIterable<Buffer>) yield part
      } catch (cause) {
        signal.throwIfAborted()
        if (isMissing(cause)) throw new StoreError('OBJECT_MISSING', `the store ${name} has no such object`, { cause })
        throw new StoreError('STORE_UNAVAILABLE', `the store ${name} cannot be read`, { cause })
      }
    },
    async delete(key) {
      try {
        await rm(pathOf(key), { force: true })
      } catch (cause) {
        throw new StoreError('STORE_UNAVAILABLE', `the store ${name} cannot delete`, { cause })
      }
    },
    async [Symbol.asyncDispose]() {}
  }
}

function isMissing(err: unknown): boolean {
  return (err as { code?: unknown }).code === 'ENOENT'
}
