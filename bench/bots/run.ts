/**
 * How soon a bot speaks when a caller has finished: from the end of the caller's voice to the first sound of the answer, both
 * read from the tap's two channels, less the pause that ends a question, which is a setting. The providers are immediate: a
 * recogniser of tones, articles from the database, prompts of eSpeak NG.
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { meanSquare } from '../../media/audio/goertzel.ts'
import { DEFAULT_ENDPOINTS } from '../../server/bots/turn-taking.ts'
import { botFlow, botRecognizers, publishReturns, SAID } from '../../test/bots/support.ts'
import { TestParley } from '../../test/support/parley.ts'
import { printFigures } from '../figures.ts'

const { values } = parseArgs({
  strict: false,
  options: {
    calls: { type: 'string', default: '50' },
    questions: { type: 'string', default: '3' },
    database: { type: 'string', default: 'pglite' }
  }
})
const NUMBER = '+12025550111'
const FRAME_MS = 20
/** Root mean squares of 16-bit samples: well above a line's noise, well below any voice. */
const LOUD = 300
/** A caller's question lasts longer than this. */
const LEAST_QUESTION_MS = 100

type Heard = { left: boolean[]; right: boolean[] }
const heard = new Map<string, Heard>()

await using server = await TestParley.start({
  recognizers: botRecognizers(),
  database: values.database === 'postgres' ? 'postgres' : 'pglite'
})
await publishReturns(server)
await server.publish(botFlow())
await server.addNumber(NUMBER, 'bot')
const watching = setInterval(listenToNewCalls, 20)

await callers(1, 1)
heard.clear()
const cpuBefore = process.cpuUsage()
const startedAtMs = performance.now()
const failed = await callers(Number(values.calls), Number(values.questions))
const cpu = process.cpuUsage(cpuBefore)
clearInterval(watching)

const waits = [...heard.values()].flatMap(answersIn).sort((a, b) => a - b)
const shares = waits.map(wait => wait - DEFAULT_ENDPOINTS.open)
const at = (share: number) => `${shares[Math.min(shares.length - 1, Math.floor(shares.length * share))]} ms`
printFigures([
  row('calls at once, failed', `${values.calls}, ${failed}`, `${values.calls}, 0`),
  row('questions answered', `${waits.length}`, `${Number(values.calls) * Number(values.questions)}`),
  row('pause that ends a question (a setting)', `${DEFAULT_ENDPOINTS.open} ms`, ''),
  row('end of the voice to first sound, less that pause: median', at(0.5), '≤ 60 ms'),
  row('the same, p95', at(0.95), '≤ 120 ms'),
  row(
    'CPU of server and stand-ins, of one core',
    `${Math.round(((cpu.user + cpu.system) / 1_000 / (performance.now() - startedAtMs)) * 100)} %`,
    ''
  )
])

async function callers(calls: number, questions: number): Promise<number> {
  const file = fileURLToPath(new URL('./callers.ts', import.meta.url))
  const { host, port } = server.sip
  const words = [host, port, NUMBER, calls, questions, SAID.returns].map(String)
  const child = spawn(process.execPath, [file, ...words], { stdio: ['ignore', 'pipe', 'inherit'] })
  let output = ''
  child.stdout.on('data', chunk => {
    output += String(chunk)
  })
  await once(child, 'exit')
  return (JSON.parse(output) as { failed: number }).failed
}

function listenToNewCalls(): void {
  for (const call of server.parley.liveCalls.values()) {
    if (heard.has(call.id) || call.tap === null) continue
    const sides: Heard = { left: [], right: [] }
    heard.set(call.id, sides)
    call.tap.attach({
      name: 'bench',
      onFrame({ leftAndRight }) {
        const side = (from: 0 | 1) =>
          Int16Array.from({ length: leftAndRight.length >> 2 }, (_, index) =>
            leftAndRight.readInt16LE(index * 4 + from * 2)
          )
        sides.left.push(Math.sqrt(meanSquare(side(0))) > LOUD)
        sides.right.push(Math.sqrt(meanSquare(side(1))) > LOUD)
      }
    })
  }
}

/** Milliseconds from the end of each question to the first sound after it. */
function answersIn({ left, right }: Heard): readonly number[] {
  const found: number[] = []
  let spokenMs = 0
  for (const [index, isLoud] of left.entries()) {
    if (isLoud) {
      spokenMs += FRAME_MS
      continue
    }
    if (spokenMs >= LEAST_QUESTION_MS) {
      const first = right.indexOf(true, index)
      if (first >= 0) found.push((first - index) * FRAME_MS)
    }
    spokenMs = 0
  }
  return found
}

function row(what: string, measured: string, wanted: string) {
  return { what, measured, wanted }
}
