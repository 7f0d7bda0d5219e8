/**
 * Runs the benches one after the other, or those that are named (`npm run bench -- calls bots`), and prints their tables.
 * Ratios count; milliseconds are of this machine. Ends with an error when one fails or misses an aim that it states.
 */
import { spawnSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const BENCHES = [
  'engine/run.ts',
  'calls/run.ts',
  'compliance/run.ts',
  'webrtc/run.ts',
  'agents/run.ts',
  'queues/run.ts',
  'recordings/run.ts',
  'quality/run.ts',
  'pacing/run.ts',
  'campaigns/run.ts',
  'bots/run.ts',
  'speech/answering-machines.ts',
  'speech/barge-in.ts',
  'speech/voices.ts'
] as const

const named = process.argv.slice(2)
const benches = named.length === 0 ? BENCHES : BENCHES.filter(bench => named.some(name => bench.startsWith(name)))
if (benches.length === 0) throw new Error(`there is no such bench; there are ${BENCHES.join(', ')}`)

const [processor] = cpus()
console.log(
  `${processor?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 1e9)} GB, Node ${process.versions.node}`
)
for (const bench of benches) {
  console.log(`\n${bench}`)
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(bench, import.meta.url))], {
    stdio: 'inherit'
  })
  if (status !== 0) process.exitCode = 1
}
