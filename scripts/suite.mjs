// Runs test files, each in a process of its own, and tells what they said. Plain JavaScript, like what calls it.
import { spawn } from 'node:child_process'
import { appendFileSync, mkdirSync, rmSync } from 'node:fs'
import { availableParallelism, cpus } from 'node:os'
import { join, relative } from 'node:path'

/** How many files run beside each other: as many as leave the processors some air, within these. */
const FEWEST = 2
const MOST = 3 * availableParallelism()
const LOOK_EVERY_MS = 2_000
/** What a file costs is not seen before it has loaded, started its servers and called. */
const LOOKS_AFTER_ONE_MORE = 5
/** A call that is heard late is a test that fails: more files only while a quarter of the processors' time is left. */
const ROOM_BELOW = 0.75
const FULL_ABOVE = 0.95
/** A browser fills a processor: these come first, one after the other, beside the others. */
const WITH_BROWSER = /[\\/](web|chromium)[\\/]/
/** For a file; a slow machine takes minutes for the longest. */
const LIMIT_MS = 600_000
const GRACE_MS = 5_000
const STDERR_KEPT = 8_000

/**
 * Runs each file by `node` and hears its TAP. tap's own runner would load four hooks into each process and into each that
 * those start, for coverage, mocks and source maps, which nothing here uses: a third of all the work.
 *
 * @param {string} node the Node that runs TypeScript
 * @param {readonly string[]} files whole paths; the first ones are started first
 * @param {{ root: string, env: NodeJS.ProcessEnv, most?: number, tell: (file: string, seconds: number, isRight: boolean) => void }} options
 * @returns {Promise<{ passed: number, failed: number, failures: readonly string[], skipped: readonly string[] }>} counted by asserts; a file that
 *   says nothing, or ends badly after it said only good, counts as one that failed
 */
export async function runSuite(node, files, { root, env, most = MOST, tell }) {
  const { Parser } = await import('tap-parser')
  const waiting = [...files]
  const running = new Set()
  const total = { passed: 0, failed: 0, failures: [], skipped: [] }
  const folder = join(root, '.tap')
  mkdirSync(folder, { recursive: true })
  const log = join(folder, 'results.tap')
  rmSync(log, { force: true })

  const one = file =>
    new Promise(resolve => {
      const name = relative(root, file)
      const began = performance.now()
      let text = ''
      let errors = ''
      let isLate = false
      const found = { passed: 0, failed: 0, failures: [], skipped: [] }
      const parser = new Parser()
      count(parser, name, found)
      // A group of its own, so that what a test left behind ends with it.
      const child = spawn(node, [file], { cwd: root, env, detached: true, stdio: ['ignore', 'pipe', 'pipe'] })
      running.add(child)
      child.stdout.setEncoding('utf8').on('data', piece => {
        text += piece
        parser.write(piece)
      })
      child.stderr.setEncoding('utf8').on('data', piece => {
        errors = (errors + piece).slice(-STDERR_KEPT)
      })
      const limit = setTimeout(() => {
        isLate = true
        // tap says which test was running, if it still can.
        signal(child, 'SIGTERM')
        setTimeout(() => signal(child, 'SIGKILL'), GRACE_MS)
      }, LIMIT_MS)
      const end = why => {
        clearTimeout(limit)
        running.delete(child)
        signal(child, 'SIGKILL')
        if (why !== null && found.failed === 0) {
          found.failed = 1
          found.failures.push(`${name} > ${why}`)
        }
        if (found.failed > 0 && errors !== '') found.failures.push(`${name} wrote to standard error:\n${errors}`)
        appendFileSync(log, `# ${name}\n${text}`)
        total.passed += found.passed
        total.failed += found.failed
        total.failures.push(...found.failures)
        total.skipped.push(...found.skipped)
        tell(name, (performance.now() - began) / 1000, found.failed === 0)
        resolve()
      }
      child.once('error', err => end(err.message))
      // Its pipes may be held open by what it left behind.
      child.once('exit', (code, sign) => {
        signal(child, 'SIGKILL')
        child.once('close', () => {
          parser.end()
          if (isLate) end(`did not end within ${LIMIT_MS / 1000} s`)
          else if (code !== 0) end(`ended with ${sign ?? `code ${code}`}`)
          else if (found.passed === 0) end('no assert was made')
          else end(parser.ok ? null : 'its TAP is not whole')
        })
      })
    })

  const stop = () => {
    for (const child of running) signal(child, 'SIGKILL')
    process.exit(130)
  }
  process.once('SIGINT', stop).once('SIGTERM', stop)

  const share = busyShare()
  let level = Math.min(most, Math.max(FEWEST, availableParallelism()))
  let rest = LOOKS_AFTER_ONE_MORE
  let browsers = 0
  const next = () => {
    const isTurn = file => WITH_BROWSER.test(file) === (browsers === 0)
    const index = Math.max(0, waiting.findIndex(isTurn))
    return waiting.splice(index, 1)[0]
  }
  await new Promise((resolve, reject) => {
    const start = () => {
      const file = next()
      const hasBrowser = WITH_BROWSER.test(file)
      if (hasBrowser) browsers += 1
      one(file).then(() => {
        if (hasBrowser) browsers -= 1
        fill()
      }, reject)
    }
    const fill = () => {
      while (running.size < level && waiting.length > 0) start()
      if (running.size === 0) resolve()
    }
    const look = setInterval(() => {
      const busy = share()
      rest -= 1
      if (busy > FULL_ABOVE) level = Math.max(FEWEST, Math.min(level, running.size) - 1)
      else if (busy < ROOM_BELOW && rest <= 0 && running.size >= level && level < Math.min(most, MOST)) {
        level += 1
        rest = LOOKS_AFTER_ONE_MORE
      }
      fill()
    }, LOOK_EVERY_MS)
    look.unref()
    fill()
  })
  process.off('SIGINT', stop).off('SIGTERM', stop)
  return total
}

/** Counts what was asserted, not the tests around it; a test that failed without a failed assert in it counts itself. */
function count(parser, path, found) {
  let failedBelow = 0
  parser.on('child', child => {
    const before = found.failed
    count(child, `${path} > ${child.name}`, found)
    child.on('complete', () => {
      failedBelow += found.failed - before
    })
  })
  parser.on('assert', result => {
    if (result.skip || result.todo) {
      found.skipped.push(`${path} > ${result.name}`)
      return
    }
    if (result.closingTestPoint) {
      const isExplained = failedBelow > 0
      failedBelow = 0
      if (result.ok || isExplained) return
    }
    if (result.ok) {
      found.passed += 1
      return
    }
    found.failed += 1
    found.failures.push(`${path} > ${result.name}${explained(result.diag)}`)
  })
}

function explained(diag) {
  if (!diag) return ''
  return `\n${JSON.stringify(diag, null, 2).replaceAll('\\n', '\n      ').split('\n').slice(0, 40).join('\n')}`
}

function signal(child, name) {
  if (child.pid === undefined) return
  try {
    process.kill(-child.pid, name)
  } catch (err) {
    // All of the group have ended.
    if (err.code !== 'ESRCH') throw err
  }
}

/** Asked again and again: the share of all processors' time since the last time that was used and not given away. */
function busyShare() {
  const now = () =>
    cpus().reduce(
      (sum, { times }) => ({
        all: sum.all + times.user + times.nice + times.sys + times.idle + times.irq,
        // What runs with a lower priority gives way.
        idle: sum.idle + times.idle + times.nice
      }),
      { all: 0, idle: 0 }
    )
  let last = now()
  return () => {
    const next = now()
    const all = next.all - last.all
    const idle = next.idle - last.idle
    last = next
    return all === 0 ? 1 : 1 - idle / all
  }
}
