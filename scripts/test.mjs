// Lint, types and the whole suite. The last line reads "N passed, N failed".
import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { ensureDependencies, ensureNode, ensureWeb, environmentFor, fail, ROOT, say } from './runtime.mjs'

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

const results = join(ROOT, '.tap', 'results.tap')
mkdirSync(join(ROOT, '.tap'), { recursive: true })
rmSync(results, { force: true })
spawnSync(node, [join(ROOT, 'node_modules', 'tap', 'dist', 'esm', 'run.mjs'), 'build'], {
  cwd: ROOT,
  env,
  stdio: 'ignore'
})
// Made here, so that no test's time limit has to hold it.
spawnSync(node, ['-e', `import('${join(ROOT, 'test/support/database-template.ts')}').then(made => made.template())`], {
  cwd: ROOT,
  env,
  stdio: 'inherit'
})
const suite = tool('tap/dist/esm/run.mjs', 'run', '--reporter=terse', `--output-file=${results}`, ...chosen)
const totals = countAsserts(results)
passed += totals.passed
failed += totals.failed
if (!suite && totals.failed === 0) failed += 1
if (totals.passed + totals.failed === 0) {
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

/** The run's own totals: the last comment of the form `# { total: 2, pass: 2 }`. */
function countAsserts(file) {
  let text = ''
  try {
    text = readFileSync(file, 'utf8')
  } catch (err) {
    if (err.code !== 'ENOENT') throw err
  }
  const last = [...text.matchAll(/^# \{ (total: [^}]*)\}/gm)].at(-1)?.[1] ?? ''
  const number = name => Number(new RegExp(`${name}: (\\d+)`).exec(last)?.[1] ?? 0)
  return { passed: number('pass'), failed: number('fail') }
}
