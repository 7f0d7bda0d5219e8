/**
 * How well it is told who answers: a confusion matrix over a labelled set made with synthesised speech, noise, codecs and
 * loss. Machines that are only told by their beep, and assistants that ask for the caller's name and wait, are classes of their
 * own.
 */
import { pino } from 'pino'
import { amdSettings, AnsweringMachineDetector, type AmdResult } from '../../media/audio/amd.ts'
import { generateNoise, generateTone } from '../../media/audio/tone.ts'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { tellMissed } from '../figures.ts'
import { type Answerer, LEADS_MS, LINES, SPOKEN } from './labelled-answers.ts'
import { throughLine } from './telephone-line.ts'

const RESULTS: readonly (AmdResult | 'beep')[] = ['human', 'machine', 'beep', 'screening', 'fax', 'network', 'unknown']

type Case = Readonly<{ who: Answerer; country: string | null; sound: Int16Array; seed: number }>
type Heard = Readonly<{ result: AmdResult | 'beep'; lateMs: number }>

await using speech = createEspeak(pino({ level: 'silent' }))
const quiet = (ms: number) => generateNoise(ms * 8, 30)
const tone = (hz: number, ms: number) => generateTone({ frequenciesHz: [hz], durationMs: ms, amplitude: 8_000 })

const bases: Readonly<{ who: Answerer; country: string | null; sound: Int16Array }>[] = []
for (const [index, { who, country, language, text }] of SPOKEN.entries()) {
  const words = await speech.synthesize(text, language, AbortSignal.timeout(30_000))
  // Machines beep at once or after a while.
  const beforeBeepMs = index % 2 === 0 ? 500 : 1_300
  const after =
    who === 'machine'
      ? [quiet(beforeBeepMs), tone(1_000, 400), quiet(2_000)]
      : who === 'beep'
        ? [quiet(250), tone(1_400, 300), quiet(2_000)]
        : [quiet(4_000)]
  const before = who === 'network' ? [tone(950, 330), tone(1_400, 330), tone(1_800, 330)] : []
  bases.push({ who, country, sound: join(...before, words, ...after) })
}
bases.push({ who: 'fax', country: null, sound: join(tone(1_100, 500), quiet(3_000), tone(1_100, 500), quiet(3_000)) })
bases.push({ who: 'fax', country: null, sound: join(tone(2_100, 3_300), quiet(2_000)) })
const voices = join(...bases.filter(one => one.who === 'machine').map(one => one.sound))

const matrix = new Map<string, number>()
const lateness = new Map<Answerer, number[]>()
const wrongByLine = new Map<string, Readonly<{ wrong: number; all: number }>>()
let seed = 1
for (const base of bases)
  for (const leadMs of LEADS_MS)
    for (const line of LINES) {
      seed += 1
      const sound = throughLine(join(quiet(leadMs), base.sound), line, voices, seed)
      const { result, lateMs } = hear({ ...base, sound, seed })
      count(matrix, `${base.who} ${result}`)
      lateness.set(base.who, [...(lateness.get(base.who) ?? []), lateMs])
      const isRight = result === expected(base.who) || (base.who === 'beep' && result === 'machine')
      const { wrong, all } = wrongByLine.get(line.name) ?? { wrong: 0, all: 0 }
      wrongByLine.set(line.name, { wrong: wrong + (isRight ? 0 : 1), all: all + 1 })
    }

const who: readonly Answerer[] = ['human', 'machine', 'beep', 'fax', 'network', 'assistant']
console.log('Who answers (rows) and what was heard (columns):')
console.table(
  Object.fromEntries(
    who.map(one => {
      const all = RESULTS.reduce((sum, result) => sum + (matrix.get(`${one} ${result}`) ?? 0), 0)
      const cells = RESULTS.map(result => [result, matrix.get(`${one} ${result}`) ?? 0] as const)
      const times = (lateness.get(one) ?? []).sort((a, b) => a - b)
      return [
        one,
        {
          ...Object.fromEntries(cells),
          'right, %': ((100 * (matrix.get(`${one} ${expected(one)}`) ?? 0)) / all).toFixed(1),
          'verdict, median ms': times[times.length >> 1]
        }
      ]
    })
  )
)
console.log('Wrong by line:')
console.table(
  Object.fromEntries(
    [...wrongByLine].map(([name, { wrong, all }]) => [name, { wrong, all, '%': ((100 * wrong) / all).toFixed(1) }])
  )
)

/** What of these was taken for one of those, in percent. */
function share(ones: readonly Answerer[], results: readonly (AmdResult | 'beep')[]): string {
  const count = (all: readonly (AmdResult | 'beep')[]) =>
    ones.flatMap(one => all.map(result => matrix.get(`${one} ${result}`) ?? 0)).reduce((sum, value) => sum + value, 0)
  return `${((100 * count(results)) / count(RESULTS)).toFixed(1)} %`
}

// A person who is taken for a machine is hung up on; a machine that is taken for a person costs an agent half a minute.
tellMissed([
  {
    what: 'people taken for machines',
    measured: share(['human'], ['machine', 'beep', 'fax', 'network']),
    wanted: '≤ 0.5 %'
  },
  { what: 'machines taken for people', measured: share(['machine', 'beep'], ['human']), wanted: '≤ 3 %' },
  {
    what: 'people taken for assistants, or for nobody',
    measured: share(['human'], ['screening', 'unknown']),
    wanted: '≤ 5 %'
  }
])

function expected(one: Answerer): AmdResult | 'beep' {
  return one === 'assistant' ? 'screening' : one
}

/** As it comes over the telephone: 20 ms frames until there is a verdict, and after a machine until it beeps or waits. */
function hear({ country, sound }: Case): Heard {
  const detector = new AnsweringMachineDetector(amdSettings(country))
  let verdict: Heard = { result: 'unknown', lateMs: sound.length / 8 }
  for (let at = 0; at < sound.length; at += 160)
    for (const event of detector.push(sound.subarray(at, at + 160)))
      switch (event.kind) {
        case 'verdict':
          verdict = { result: event.reason === 'beep' ? 'beep' : event.result, lateMs: event.atMs }
          if (verdict.result !== 'machine') return verdict
          break
        case 'screening':
          return { result: 'screening', lateMs: event.atMs }
        case 'beep':
        case 'greetingOver':
          return verdict
        default:
          event satisfies never
      }
  return verdict
}

function count(into: Map<string, number>, key: string): void {
  into.set(key, (into.get(key) ?? 0) + 1)
}

function join(...parts: readonly Int16Array[]): Int16Array {
  const whole = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}
