/** Records 20 s of noise into the folder that is named; for a test that limits how much this process may write. */
import { randomFillSync } from 'node:crypto'
import { join } from 'node:path'
import { pino } from 'pino'
import { RecordingThread } from '../../../media/recordings/recording-thread.ts'

const [folder = '', key = '', id = ''] = process.argv.slice(2)
const say = (word: string, data: unknown = null) => process.stdout.write(`${JSON.stringify([word, data])}\n`)
// Whoever exceeds the limit gets this signal, which ends a program that does not take it, and then EFBIG.
process.on('SIGXFSZ', () => {})

const thread = new RecordingThread(pino({ level: 'silent' }))
const sink = thread.open({
  path: join(folder, 'a.sealed'),
  id,
  key: Buffer.from(key, 'hex'),
  onTrouble: code => say('trouble', code),
  onRecovered: () => say('recovered')
})
const frame = Buffer.alloc(640)
for (let atMs = 0; atMs < 20_000; atMs += 20) {
  randomFillSync(frame)
  sink.write(Buffer.from(Uint8Array.from(frame).buffer), atMs)
}
say('written')
say('closed', await sink.close(20_000))
await thread[Symbol.asyncDispose]()
