/** Runs the benches one after the other and prints their tables. Ratios count; milliseconds are of this machine. */
import { spawnSync } from 'node:child_process'
import { cpus, totalmem } from 'node:os'
import { fileURLToPath } from 'node:url'

const BENCHES = [
  'engine/run.ts',
  'calls/run.ts',
  'compliance/run.ts',
  'webrtc/run.ts',
  'queues/run.ts',
  'recordings/run.ts',
  'pacing/run.ts',
  'campaigns/run.ts'
] as const

const [processor] = cpus()
console.log(
  `${processor?.model ?? 'unknown processor'}, ${cpus().length} cores, ${Math.round(totalmem() / 1e9)} GB, Node ${process.versions.node}`
)
for (const bench of BENCHES) {
  console.log(`\n${bench}`)
  const { status } = spawnSync(process.execPath, [fileURLToPath(new URL(bench, import.meta.url))], {
    stdio: 'inherit'
  })
  if (status !== 0) process.exitCode = 1
}
