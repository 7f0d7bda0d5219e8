import { open, readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t, { type Test } from 'tap'
import { toneShare } from '../../../media/audio/goertzel.ts'
import { gapsOf, spreadPeaks } from '../../../media/recordings/recording-format.ts'
import { damagedSpans, readIndex, readPcm } from '../../../media/recordings/recording-reader.ts'
import { newDataKey } from '../../../media/recordings/sealed-audio.ts'
import { collect, ID, side, sourceOf, startThread, tempFolder, toneFrame } from './support.ts'

const FILE = 'a.sealed'
const signal = new AbortController().signal

/** Ten seconds: 1 s before anything, audio to 5 s, a pause of 2 s, audio to 10 s. */
async function record(t: Test) {
  const folder = await tempFolder(t)
  const thread = startThread(t)
  const key = newDataKey()
  const path = join(folder, FILE)
  const sink = thread.open({ path, id: ID, key })
  sink.mark({ kind: 'beforeConsent', fromMs: 0, toMs: 1_000 })
  for (let atMs = 1_000; atMs < 5_000; atMs += 20) sink.write(toneFrame(atMs, 440, 880), atMs)
  sink.mark({ kind: 'pause', fromMs: 5_000, toMs: null })
  sink.mark({ kind: 'pause', fromMs: 5_000, toMs: 7_000 })
  for (let atMs = 7_000; atMs < 10_000; atMs += 20) sink.write(toneFrame(atMs, 440, 880), atMs)
  const closed = await sink.close(10_000)
  return { folder, thread, key, path, closed, source: sourceOf(folder, FILE, closed, key, thread) }
}

t.test('what was recorded is read back, both sides apart, in its place, with gaps as silence', async t => {
  const { closed, source, path } = await record(t)
  t.equal(closed.durationMs, 10_000)
  t.same(closed.gaps, [
    { kind: 'beforeConsent', fromMs: 0, toMs: 1_000 },
    { kind: 'pause', fromMs: 5_000, toMs: 7_000 }
  ])
  t.equal((await stat(path)).size, closed.bytes)
  t.equal((await stat(path)).mode & 0o777, 0o600)
  const index = await readIndex(source, signal)
  const whole = await collect(readPcm(source, index, { fromMs: 0, toMs: 10_000 }, signal))
  t.equal(whole.length, 10_000 * 16)
  const part = (fromMs: number, toMs: number) => whole.subarray(fromMs * 16, toMs * 16)
  for (const [fromMs, toMs] of [
    [1_000, 5_000],
    [7_000, 10_000]
  ] as const) {
    t.ok(toneShare(side(part(fromMs, toMs), 0), 440) > 0.99)
    t.ok(toneShare(side(part(fromMs, toMs), 1), 880) > 0.99)
  }
  t.ok(
    part(5_000, 7_000).every(one => one === 0),
    'the pause is silent'
  )
  const exact = await collect(readPcm(source, index, { fromMs: 3_333, toMs: 3_777 }, signal))
  t.same(exact, part(3_333, 3_777), 'any span can be read by itself')
  t.equal(source.damage.length, 0)
})

t.test('peaks tell loud from silent on both sides', async t => {
  const { source } = await record(t)
  const peaks = spreadPeaks(await readIndex(source, signal))
  t.equal(peaks.length, 10 * 20 * 2)
  const at = (ms: number) => [peaks[(ms / 50) * 2], peaks[(ms / 50) * 2 + 1]]
  t.same(at(500), [0, 0])
  t.same(
    at(3_000),
    [8_000 >> 7, 6_000 >> 7].map(one => one)
  )
  t.same(at(6_000), [0, 0])
})

t.test('neither the file nor its chunks hold anything plain', async t => {
  const { path } = await record(t)
  const bytes = await readFile(path)
  t.notOk(bytes.includes('fLaC'))
  t.notOk(bytes.includes(toneFrame(2_000, 440, 880).subarray(0, 16)))
})

t.test('a damaged chunk is silent and named; the rest plays', async t => {
  const { path, source, closed } = await record(t)
  const index = await readIndex(source, signal)
  const file = await open(path, 'r+')
  await file.write(Buffer.from([0xff]), 0, 1, (index.entries[1]?.offset ?? 0) + 100)
  await file.close()
  const whole = await collect(readPcm(source, index, { fromMs: 0, toMs: closed.durationMs }, signal))
  t.equal(whole.length, 10_000 * 16)
  t.same(source.damage, [{ fromMs: 3_000, toMs: 5_000 }])
  t.ok(whole.subarray(3_000 * 16, 5_000 * 16).every(one => one === 0))
  t.ok(toneShare(side(whole.subarray(7_000 * 16), 0), 440) > 0.99)
  t.same(await damagedSpans(source, index, signal), [{ fromMs: 3_000, toMs: 5_000 }])
})

t.test('another key opens nothing', async t => {
  const { source } = await record(t)
  await t.rejects(readIndex({ ...source, key: newDataKey() }, signal), { code: 'CHUNK_DAMAGED' })
})

t.test('a file that was cut off in mid-call is finished: what was written plays', async t => {
  const { folder, thread, key, path, closed } = await record(t)
  const bytes = await readFile(path)
  // As a crash leaves it: no index, and half a chunk at the end.
  const cut = join(folder, 'cut.sealed')
  await writeFile(cut, bytes.subarray(0, closed.indexOffset - 2_000))
  const sink = thread.open({ path: cut, id: ID, key, isResumed: true })
  const finished = await sink.close(0)
  t.ok(finished.durationMs >= 8_000 && finished.durationMs < 10_000, `${finished.durationMs} ms`)
  t.match(finished.gaps, [{ kind: 'beforeConsent' }, { kind: 'pause', fromMs: 5_000, toMs: 7_000 }])
  const source = sourceOf(folder, 'cut.sealed', finished, key, thread)
  const index = await readIndex(source, signal)
  const whole = await collect(readPcm(source, index, { fromMs: 7_000, toMs: finished.durationMs }, signal))
  t.ok(toneShare(side(whole, 1), 880) > 0.99)
})

t.test('a file is never overwritten, and one that is not ours is not resumed', async t => {
  const { folder, thread, path } = await record(t)
  const again = thread.open({ path, id: ID, key: newDataKey() })
  await t.rejects(again.close(1), { code: 'EEXIST' })
  const wrong = thread.open({ path, id: ID, key: newDataKey(), isResumed: true })
  await t.rejects(wrong.close(1), { code: 'CHUNK_DAMAGED' })
  const nowhere = thread.open({ path: join(folder, 'no', 'such', 'folder'), id: ID, key: newDataKey() })
  await t.rejects(nowhere.close(1), { code: 'ENOENT' })
})

t.test('what nobody declared is a loss', async t => {
  const entries = [
    { startMs: 0, samples: 8_000 },
    { startMs: 2_000, samples: 8_000 }
  ]
  t.same(gapsOf(entries, [], 3_050), [{ kind: 'lost', fromMs: 1_000, toMs: 2_000 }])
  t.same(gapsOf(entries, [{ kind: 'card', fromMs: 1_000, toMs: 2_000 }], 3_000), [
    { kind: 'card', fromMs: 1_000, toMs: 2_000 }
  ])
  t.same(gapsOf(entries, [{ kind: 'withdrawn', fromMs: 3_000, toMs: null }], 9_000), [
    { kind: 'lost', fromMs: 1_000, toMs: 2_000 },
    { kind: 'withdrawn', fromMs: 3_000, toMs: 9_000 }
  ])
})
