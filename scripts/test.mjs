// Lint, types and the whole suite. The last line reads "N passed, N failed".
import { spawnSync } from 'node:child_process'
import { existsSync, mkdtempSync, readdirSync, rmSync, statfsSync, statSync } from 'node:fs'
import { freemem } from 'node:os'
import { join, resolve } from 'node:path'
import { ensureDependencies, ensureNode, ensureWeb, environmentFor, fail, ROOT, say } from './runtime.mjs'

const SHARED_MEMORY_WANTED = 4 * 2 ** 30
const BACKENDS = ['embedded', 'real']
const backend = process.env.BACKEND ?? 'embedded'
if (!BACKENDS.includes(backend)) fail(`BACKEND must be one of ${BACKENDS.join(', ')}, not "${backend}"`)
const isCi = process.env.CI === 'true'

const node = ensureNode()
ensureDependencies(node)
ensureWeb(node)
const env = environmentFor(node)
const tool = (path, ...args) =>
  spawnSync(node, [join(ROOT, 'node_modules', path), ...args], { cwd: ROOT, env, stdio: 'inherit' }).status === 0

const files = process.argv.slice(2)
let passed = 0
let failed = 0
const check = (name, isRight) => {
  say(`${isRight ? 'ok' : 'FAILED'}  ${name}`)
  if (isRight) passed += 1
  else failed += 1
}

if (files.length === 0) {
  check('lint', tool('@biomejs/biome/bin/biome', 'check', '--diagnostic-level=warn', '.'))
  check('types', tool('typescript/bin/tsc', '-p', ROOT))
  check('types of the web desk', tool('typescript/bin/tsc', '-p', join(ROOT, 'web')))
}

// Tests that need other programs run when those are installed. CI installs them all, so there a missing one is a failure.
const PEERS = { sipp: 'sipp', baresip: 'baresip', chromium: 'chromium' }
// Filling a disk takes a small one of its own, which only root can mount.
const isPeerThere = peer => {
  if (peer === 'root') return process.getuid?.() === 0
  // A library and its model have no program of their own.
  if (peer === 'pocketsphinx') return existsSync('/usr/share/pocketsphinx/model/en-us')
  return isInstalled(PEERS[peer] ?? peer)
}
const wanted = files.length > 0 ? files : testFiles(join(ROOT, 'test'))
const chosen = wanted.filter(file => {
  const peer = /[\\/]peers[\\/]([a-z]+)[\\/]/.exec(file)?.[1]
  if (peer === undefined || isPeerThere(peer)) return true
  if (isCi) check(`${peer} is there`, false)
  else say(`not run: ${file} needs ${peer}, which is not there`)
  return false
})
if (process.env.PARLEY_TEST_DATABASE_URL === undefined) {
  if (isCi) check('PARLEY_TEST_DATABASE_URL names a PostgreSQL server', false)
  else say('not run: the suite on PostgreSQL, because PARLEY_TEST_DATABASE_URL is not set')
}

// Made here, so that no test's time limit has to hold them.
const templates = ['database-template', ...(process.env.PARLEY_TEST_DATABASE_URL ? ['postgres-database'] : [])]
for (const made of templates)
  spawnSync(node, ['-e', `import('${join(ROOT, `test/support/${made}.ts`)}').then(one => one.template())`], {
    cwd: ROOT,
    env,
    stdio: 'inherit'
  })
const { runSuite } = await import('./suite.mjs')
const suite = await runSuite(node, longestFirst(chosen), {
  root: ROOT,
  most: await filesThatPostgresBears(),
  env: { ...env, ...inMemory(), TAP: '1', TAP_TIMEOUT: '580' },
  tell: (name, seconds, isRight) => say(`${isRight ? 'ok' : 'FAILED'}  ${name}  ${seconds.toFixed(1)} s`)
})
passed += suite.passed
failed += suite.failed
for (const skipped of suite.skipped) say(`not run: ${skipped}`)
for (const failure of suite.failures) say(`FAILED  ${failure}`)
if (suite.passed + suite.failed === 0) {
  say('no test ran')
  failed += 1
}
process.exitCode = failed === 0 ? 0 : 1
say(`${passed} passed, ${failed} failed`)

function testFiles(folder) {
  return readdirSync(folder, { withFileTypes: true })
    .flatMap(entry => {
      const path = join(folder, entry.name)
      return entry.isDirectory() ? testFiles(path) : entry.name.endsWith('.test.ts') ? [path] : []
    })
    .sort()
}

function isInstalled(program) {
  return spawnSync('sh', ['-c', `command -v ${program}`], { stdio: 'ignore' }).status === 0
}

/** Long files begin first, so that none of them runs alone at the end; how much is written tells how long. */
function longestFirst(files) {
  return files.map(file => resolve(ROOT, file)).sort((one, other) => statSync(other).size - statSync(one).size)
}

/** Each server of a test has a folder with a database of hundreds of files: in memory, where there is enough of it. */
function inMemory() {
  const place = '/dev/shm'
  if (!existsSync(place)) return {}
  const { bavail, bsize } = statfsSync(place)
  if (bavail * bsize < SHARED_MEMORY_WANTED || freemem() < 2 * SHARED_MEMORY_WANTED) return {}
  const folder = mkdtempSync(join(place, 'parley-'))
  process.once('exit', () => rmSync(folder, { recursive: true, force: true }))
  return { TMPDIR: folder }
}

/** A file may have two servers at once, each with a dozen connections. */
async function filesThatPostgresBears() {
  const url = process.env.PARLEY_TEST_DATABASE_URL
  if (url === undefined) return undefined
  const { default: pg } = await import('pg')
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  const { rows } = await client.query('show max_connections')
  await client.end()
  return Math.max(1, Math.floor(Number(rows[0].max_connections) / 25))
}
