import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { stat } from 'node:fs/promises'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import t from 'tap'
import type { ClosedRecording } from '../../../media/recordings/recording-file-writer.ts'
import { readIndex, readPcm } from '../../../media/recordings/recording-reader.ts'
import { newDataKey } from '../../../media/recordings/sealed-audio.ts'
import { collect, ID, sourceOf, startThread, tempFolder } from './support.ts'

const PROGRAM = fileURLToPath(new URL('./full-disk-program.ts', import.meta.url))
/** Room for about six seconds of noise. */
const ROOM_BYTES = 200 * 1024

t.test('a disk that is full for a while delays a recording and loses nothing of it', { timeout: 280_000 }, async t => {
  const folder = await tempFolder(t)
  const key = newDataKey()
  // The kernel refuses to let the file grow, in the middle of a write, as a full disk does.
  const limited = `ulimit -S -f ${ROOM_BYTES / 1024}; exec "$@"`
  const recorder = spawn('bash', ['-c', limited, 'bash', process.execPath, PROGRAM, folder, key.toString('hex'), ID], {
    stdio: ['ignore', 'pipe', 'inherit']
  })
  const said: [string, unknown][] = []
  let wake: () => void = () => {}
  createInterface({ input: recorder.stdout }).on('line', line => {
    said.push(JSON.parse(line) as [string, unknown])
    wake()
  })
  const hears = async (word: string): Promise<unknown> => {
    for (;;) {
      const found = said.find(([one]) => one === word)
      if (found !== undefined) return found[1]
      await new Promise<void>(resolve => (wake = resolve))
    }
  }
  t.equal(await hears('trouble'), 'EFBIG')
  await hears('written')
  const { size } = await stat(join(folder, 'a.sealed'))
  t.ok(size <= ROOM_BYTES, 'only whole chunks are on the disk')
  t.notOk(
    said.some(([word]) => word === 'closed'),
    'it is not called safe'
  )
  await promisify(execFile)('prlimit', ['--pid', String(recorder.pid), '--fsize=unlimited'])
  const closed = (await hears('closed')) as ClosedRecording
  const words = said.map(([word]) => word)
  t.ok(words.indexOf('recovered') < words.indexOf('closed'), 'and it is called safe after that only')
  await once(recorder, 'exit')
  t.match(closed, { durationMs: 20_000, gaps: [] })
  const thread = startThread(t)
  const source = sourceOf(folder, 'a.sealed', closed, key, thread)
  const signal = new AbortController().signal
  const samples = await collect(readPcm(source, await readIndex(source, signal), { fromMs: 0, toMs: 20_000 }, signal))
  t.equal(samples.length, 20_000 * 16)
  t.same(source.damage, [])
  t.ok(samples.subarray(-1_000).some(one => one !== 0))
})
