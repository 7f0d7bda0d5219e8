// Plain JavaScript, because the Node that runs it may be too old to run TypeScript.
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { delimiter, dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = dirname(dirname(fileURLToPath(import.meta.url)))
const WANTED_MAJOR = 24
const RUNTIME = join(ROOT, '.runtime')

/**
 * A Node that runs TypeScript directly: this one when it is new enough, otherwise one from the npm package `node`,
 * installed once into `.runtime/`.
 */
export function ensureNode() {
  if (Number(process.versions.node.split('.')[0]) >= WANTED_MAJOR) return process.execPath
  const packaged = join(RUNTIME, 'node_modules', 'node', 'bin', process.platform === 'win32' ? 'node.exe' : 'node')
  if (existsSync(packaged)) return packaged
  say(`Node ${process.versions.node} is too old; installing Node ${WANTED_MAJOR} into .runtime/`)
  mkdirSync(RUNTIME, { recursive: true })
  writeFileSync(join(RUNTIME, 'package.json'), '{ "private": true }\n')
  npm(process.execPath, ['install', '--no-save', '--no-fund', '--no-audit', `node@${WANTED_MAJOR}`], RUNTIME)
  if (!existsSync(packaged)) fail('Node could not be installed; see the messages above')
  return packaged
}

/** Installs the packages of package-lock.json when they are not what is there. */
export function ensureDependencies(node) {
  const stamp = join(ROOT, 'node_modules', '.parley-lock')
  const lock = readFileSync(join(ROOT, 'package-lock.json'), 'utf8')
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === lock) return
  say('Installing packages')
  npm(node, ['ci', '--no-fund', '--no-audit'], ROOT)
  writeFileSync(stamp, lock)
}

/** Builds the desk into web/dist when it is not what the sources say. */
export function ensureWeb(node) {
  const stamp = join(ROOT, 'web', 'dist', '.sources')
  const wanted = hashOfSources()
  if (existsSync(stamp) && readFileSync(stamp, 'utf8') === wanted) return
  say('Building the web desk')
  const vite = join(ROOT, 'node_modules', 'vite', 'bin', 'vite.js')
  const done = spawnSync(node, [vite, 'build', 'web', '--logLevel', 'warn'], {
    cwd: ROOT,
    env: environmentFor(node),
    stdio: ['ignore', 'inherit', 'inherit']
  })
  if (done.status !== 0) fail('The web desk could not be built; see the messages above')
  writeFileSync(stamp, wanted)
}

function hashOfSources() {
  const hash = createHash('sha256')
  const web = join(ROOT, 'web')
  const files = readdirSync(web, { recursive: true, withFileTypes: true })
    .filter(entry => entry.isFile())
    .map(entry => join(entry.parentPath, entry.name))
    .filter(file => !/[\\/](node_modules|dist)[\\/]/.test(file))
  for (const file of [...files, join(ROOT, 'package-lock.json')].sort())
    hash.update(relative(ROOT, file)).update('\0').update(readFileSync(file)).update('\0')
  return hash.digest('hex')
}

/**
 * The environment in which `node` is found first, for tools that start `node` by name. Few malloc arenas, because
 * every thread of a server would keep tens of megabytes in one of its own; and what is freed goes back at a fixed size, not at
 * one that has grown with the largest piece ever freed. Compiled code is kept, which halves the time that loading takes.
 */
export function environmentFor(node) {
  return {
    MALLOC_ARENA_MAX: '2',
    MALLOC_TRIM_THRESHOLD_: '131072',
    NODE_COMPILE_CACHE: join(ROOT, 'node_modules', '.cache', 'compiled'),
    ...process.env,
    PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}`
  }
}

/**
 * Options for a Node that serves calls: what dies young is collected often and in small pieces, and a heap that may
 * reach one gigabyte, not a quarter of the machine, is kept small. `NODE_OPTIONS` of the operator's win.
 */
export const NODE_OPTIONS = ['--max-semi-space-size=4', '--max-old-space-size=1024'].filter(
  option => !process.env.NODE_OPTIONS?.includes(option.split('=')[0])
)

function npm(node, args, cwd) {
  const cli = process.env.npm_execpath
  const env = environmentFor(node)
  const done = cli?.endsWith('.js')
    ? spawnSync(node, [cli, ...args], { cwd, env, stdio: ['ignore', 'inherit', 'inherit'] })
    : spawnSync('npm', args, { cwd, env, stdio: ['ignore', 'inherit', 'inherit'], shell: process.platform === 'win32' })
  if (done.status !== 0) fail(`npm ${args[0]} failed`)
}

export function say(text) {
  process.stdout.write(`${text}\n`)
}

export function fail(text) {
  process.stderr.write(`${text}\n`)
  process.exit(1)
}
