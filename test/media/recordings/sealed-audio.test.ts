import { mkdtemp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { newDataKey, readSealedAudio, SealedAudioWriter } from '../../../media/recordings/sealed-audio.ts'

async function folder(t: { teardown(fn: () => unknown): void }): Promise<string> {
  const path = await mkdtemp(join(tmpdir(), 'parley-'))
  t.teardown(() => rm(path, { recursive: true, force: true }))
  return path
}

async function readAll(path: string, id: string, key: Buffer): Promise<Buffer> {
  const parts: Buffer[] = []
  for await (const part of readSealedAudio(path, id, key)) parts.push(part)
  return Buffer.concat(parts)
}

t.test('what is written comes back, and the disk never sees it plain', async t => {
  const path = join(await folder(t), 'a.sealed')
  const key = newDataKey()
  const writer = await SealedAudioWriter.open(path, 'id1', key, 1000)
  const audio = Buffer.from('voice'.repeat(1000))
  for (let at = 0; at < audio.length; at += 160) writer.write(audio.subarray(at, at + 160))
  const bytes = await writer.close()
  t.ok((await readAll(path, 'id1', key)).equals(audio))
  const disk = await readFile(path)
  t.equal(disk.length, bytes)
  t.notOk(disk.includes('voice'))
})

t.test('a wrong key, another file’s name and a flipped bit are found, with the chunk', async t => {
  const path = join(await folder(t), 'a.sealed')
  const key = newDataKey()
  const writer = await SealedAudioWriter.open(path, 'id1', key, 100)
  for (let n = 0; n < 5; n++) writer.write(Buffer.alloc(100, n))
  await writer.close()
  await t.rejects(readAll(path, 'id1', newDataKey()), { code: 'CHUNK_DAMAGED', chunk: 0 })
  await t.rejects(readAll(path, 'id2', key), { code: 'CHUNK_DAMAGED', chunk: 0 })
  const disk = await readFile(path)
  disk[(100 + 21) * 2 + 50]! ^= 1
  await writeFile(path, disk)
  await t.rejects(readAll(path, 'id1', key), { code: 'CHUNK_DAMAGED', chunk: 2 })
})

t.test('a file that a crash cut short gives what is whole and says where it ends', async t => {
  const path = join(await folder(t), 'a.sealed')
  const key = newDataKey()
  const writer = await SealedAudioWriter.open(path, 'id1', key, 100)
  for (let n = 0; n < 5; n++) writer.write(Buffer.alloc(100, n))
  await writer.close()
  await truncate(path, (100 + 21) * 3 + 40)
  const got: Buffer[] = []
  await t.rejects(
    async () => {
      for await (const part of readSealedAudio(path, 'id1', key)) got.push(part)
    },
    { code: 'FILE_TRUNCATED', chunk: 3 }
  )
  t.equal(got.length, 3)
})

t.test('a file is never overwritten', async t => {
  const path = join(await folder(t), 'a.sealed')
  const first = await SealedAudioWriter.open(path, 'id1', newDataKey(), 100)
  await t.rejects(SealedAudioWriter.open(path, 'id1', newDataKey(), 100), { code: 'EEXIST' })
  await first.close()
})
