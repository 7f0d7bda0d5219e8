import { readFile } from 'node:fs/promises'
import { parseArgs } from 'node:util'
import { differences, PRODUCT_SETTINGS, type ReplaySettings, replayTurn, type StoredTurn } from './turn-replay.ts'
import { DEFAULT_ENDPOINTS, type Expectation } from './turn-taking.ts'

const USAGE = `Plays the turns of stored calls again with other settings, and says what would have changed.

  node server/bots/turn-replay-cli.ts [--hold ms] [--endpoint kind=ms]... call.json...

Each file holds a call with its events, as GET /api/v1/calls/{id} gives it. Kinds of endpoints:
${Object.keys(DEFAULT_ENDPOINTS).join(', ')}.
`

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: { hold: { type: 'string' }, endpoint: { type: 'string', multiple: true }, help: { type: 'boolean' } }
})

if (values.help === true || positionals.length === 0) {
  process.stdout.write(USAGE)
  process.exitCode = values.help === true ? 0 : 2
} else await replayFiles(positionals, readSettings())

function readSettings(): ReplaySettings {
  const endpoints = { ...DEFAULT_ENDPOINTS }
  for (const one of values.endpoint ?? []) {
    const [kind = '', ms = ''] = one.split('=')
    if (!Object.hasOwn(endpoints, kind)) throw new Error(`“${kind}” is no kind of endpoint`)
    endpoints[kind as Expectation] = milliseconds(ms)
  }
  return { endpoints, holdMs: values.hold === undefined ? null : milliseconds(values.hold) }
}

function milliseconds(written: string): number {
  if (!/^\d{1,6}$/.test(written)) throw new Error(`“${written}” is not a number of milliseconds`)
  return Number(written)
}

async function replayFiles(files: readonly string[], settings: ReplaySettings): Promise<void> {
  let turns = 0
  let changed = 0
  for (const file of files) {
    const { events } = JSON.parse(await readFile(file, 'utf8')) as {
      events: readonly Readonly<{ kind: string; data: unknown }>[]
    }
    for (const [index, event] of events.entries()) {
      if (event.kind !== 'turnHeard') continue
      turns += 1
      const stored = event.data as StoredTurn
      const found = differences(replayTurn(stored, PRODUCT_SETTINGS), replayTurn(stored, settings))
      if (found.length > 0) changed += 1
      for (const one of found) process.stdout.write(`${file}: event ${index + 1} (${stored.expects}): ${one}\n`)
    }
  }
  process.stdout.write(`${turns} turns, ${changed} would have gone otherwise\n`)
}
