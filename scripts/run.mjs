// Runs a TypeScript program of this repository on a Node that can: `node scripts/run.mjs server/main.ts`.
import { spawn } from 'node:child_process'
import { join } from 'node:path'
import { ensureDependencies, ensureNode, ensureWeb, environmentFor, NODE_OPTIONS, ROOT } from './runtime.mjs'

const [program, ...args] = process.argv.slice(2)
const node = ensureNode()
ensureDependencies(node)
if (program === 'server/main.ts') ensureWeb(node)
const child = spawn(node, [...NODE_OPTIONS, join(ROOT, program), ...args], {
  cwd: process.cwd(),
  env: environmentFor(node),
  stdio: 'inherit'
})
// Ctrl-C reaches the whole group by itself; a signal sent to this process alone has to be passed on.
for (const name of ['SIGINT', 'SIGTERM']) process.on(name, () => child.kill(name))
child.on('exit', (code, signal) => {
  process.exitCode = code ?? (signal === null ? 1 : 128)
})
