import { randomBytes } from 'node:crypto'
import { readdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { openFolderStore } from '../../../media/recordings/folder-store.ts'
import type { ObjectStore } from '../../../media/recordings/object-store.ts'
import { openS3Store } from '../../../media/recordings/s3-store.ts'
import { S3_KEYS, S3Server } from '../../support/s3-server.ts'
import { tempFolder } from './support.ts'

const signal = new AbortController().signal

async function startS3(t: Test, credentials = S3_KEYS as { accessKeyId: string; secretAccessKey: string }) {
  const server = await S3Server.start()
  t.teardown(() => server[Symbol.asyncDispose]())
  const store = openS3Store({
    name: 'eu',
    bucket: 'calls',
    region: 'eu-central-1',
    endpoint: server.url,
    isPathStyle: true,
    prefix: 'parley/',
    credentials
  })
  t.teardown(() => store[Symbol.asyncDispose]())
  return { server, store }
}

async function read(store: ObjectStore, key: string, first: number, last: number): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of store.read(key, { first, last }, signal)) parts.push(part)
  return Buffer.concat(parts)
}

const KINDS: Readonly<Record<string, (t: Test) => Promise<ObjectStore>>> = {
  folder: async t => openFolderStore('local', join(await tempFolder(t), 'store')),
  S3: async t => (await startS3(t)).store
}

for (const [kind, open] of Object.entries(KINDS))
  t.test(`a recording in a store comes back in any range, ${kind}`, { timeout: 280_000 }, async t => {
    const store = await open(t)
    const bytes = randomBytes(100_000)
    const path = join(await tempFolder(t), 'file')
    await writeFile(path, bytes)
    t.equal(await store.size('eu/2026-11-28/a.sealed', signal), null)
    await store.put('eu/2026-11-28/a.sealed', path, signal)
    t.equal(await store.size('eu/2026-11-28/a.sealed', signal), 100_000)
    t.ok((await read(store, 'eu/2026-11-28/a.sealed', 0, 99_999)).equals(bytes))
    t.ok((await read(store, 'eu/2026-11-28/a.sealed', 12_345, 54_321)).equals(bytes.subarray(12_345, 54_322)))
    await t.rejects(read(store, 'eu/none.sealed', 0, 9), { code: 'OBJECT_MISSING' })
    await store.delete('eu/2026-11-28/a.sealed', signal)
    await store.delete('eu/2026-11-28/a.sealed', signal)
    t.equal(await store.size('eu/2026-11-28/a.sealed', signal), null)
    for (const trick of [
      '../secret.key',
      '/etc/passwd',
      'a/../../b',
      'a//b',
      '.hidden',
      'a/.',
      '',
      'a\\b',
      'a\0b',
      'é'
    ])
      await t.rejects(store.put(trick, path, signal), { code: 'OBJECT_KEY_INVALID' }, JSON.stringify(trick))
  })

t.test('a long recording goes to S3 in parts, streamed and in order', { timeout: 280_000 }, async t => {
  const { server, store } = await startS3(t)
  const bytes = randomBytes(20 * 1024 * 1024 + 17)
  const path = join(await tempFolder(t), 'file')
  await writeFile(path, bytes)
  await store.put('long.sealed', path, signal)
  t.ok(server.objects.get('calls/parley/long.sealed')?.equals(bytes))
  t.equal(server.requests.filter(one => one.includes('part')).length, 3)
  t.equal(server.openUploads, 0)
})

t.test(
  'a store that cannot be reached or does not know us says so, and leaves no half object',
  { timeout: 280_000 },
  async t => {
    const { server, store } = await startS3(t)
    const path = join(await tempFolder(t), 'file')
    await writeFile(path, randomBytes(1_000))
    server.isDown = true
    await t.rejects(store.put('a.sealed', path, signal), { code: 'STORE_UNAVAILABLE' })
    await t.rejects(store.size('a.sealed', signal), { code: 'STORE_UNAVAILABLE' })
    server.isDown = false
    t.equal(await store.size('a.sealed', signal), null)
    const wrong = await startS3(t, { ...S3_KEYS, secretAccessKey: 'another' })
    await t.rejects(wrong.store.put('a.sealed', path, signal), { code: 'STORE_UNAVAILABLE' })
    t.equal(wrong.server.objects.size, 0)
  }
)

t.test('a folder that cannot be written says so, and leaves nothing behind', async t => {
  const folder = await tempFolder(t)
  await writeFile(join(folder, 'store'), 'a file where a folder should be')
  const store = openFolderStore('local', join(folder, 'store'))
  const path = join(folder, 'file')
  await writeFile(path, 'x')
  await t.rejects(store.put('eu/a.sealed', path, signal), { code: 'STORE_UNAVAILABLE' })
  t.same((await readdir(folder)).toSorted(), ['file', 'store'])
})
