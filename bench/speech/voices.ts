/** How soon a prompt can be heard: streamed by eSpeak NG, made as a whole, and out of the cache. */
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import type { Prompt } from '../../ivr-flows/host.ts'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { isAudible } from '../../media/prompts/gather-speech.ts'
import { PromptLibrary } from '../../media/prompts/prompt-library.ts'
import { SynthesizerChain } from '../../media/prompts/synthesizer-chain.ts'
import { growingPrompts } from '../../server/calls/growing-prompts.ts'
import { promptSources } from '../../server/calls/prompt-sources.ts'
import { tellMissed } from '../figures.ts'

const TEXT =
  'Thank you for calling. Your parcel has left our warehouse this morning and will reach you tomorrow between nine and ' +
  'twelve. If nobody is at home, the driver leaves it with a neighbour.'
const TIMES = 60
let freshPrompts = 0
const LIMIT = () => AbortSignal.timeout(30_000)

const espeak = createEspeak(pino({ level: 'silent' }))
const chain = new SynthesizerChain([espeak], [])
const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
try {
  const cold = await firstSound('Hello')
  const firsts = await repeat(() => firstSound(TEXT))
  const wholes = await repeat(() => timed(() => espeak.synthesize(TEXT, 'en', LIMIT())))
  const library = new PromptLibrary({
    voices: chain,
    cacheDir: join(folder, 'cache'),
    recordedDir: join(folder, 'recorded'),
    mediaDir: join(folder, 'cache'),
    onMade() {}
  })
  const prompt = { kind: 'speech', text: TEXT, language: 'en' } as const
  const { source } = await library.prepare(prompt, LIMIT())
  const reads = await repeat(() => timed(() => readFile(source)))
  const cached = await repeat(() => timed(() => library.prepare(prompt, LIMIT())))
  // As after a restart: nothing is remembered, the file is there.
  const afresh = await repeat(() => timed(() => freshLibrary().prepare(prompt, LIMIT())))
  const growing = await repeat(() => firstFile(freshPrompt()))
  const made = await repeat(() => timed(() => promptSources(freshLibrary(), freshPrompt(), LIMIT())))
  const rows = [
    row('first sound, streamed', firsts, wholes, '≤ 150 ms'),
    row('the whole speech (reference)', wholes, wholes, ''),
    row('first file of a flow’s prompt of three parts, all new', growing, made, '≤ 150 ms'),
    row('all three parts made (reference)', made, made, ''),
    row('a prompt from the cache', cached, reads, '≤ 20 ms'),
    row('the same after a restart', afresh, reads, '≤ 20 ms'),
    row('reading its file (reference)', reads, reads, '')
  ]
  console.table(rows)
  tellMissed(rows.map(one => ({ what: one.what, measured: one['median, ms'], wanted: one.aim })))
  console.log(`first sound after the start of its process: ${cold.toFixed(0)} ms`)
} finally {
  await chain[Symbol.asyncDispose]()
  await rm(folder, { recursive: true })
}

function freshLibrary(): PromptLibrary {
  const places = {
    cacheDir: join(folder, 'cache'),
    recordedDir: join(folder, 'recorded'),
    mediaDir: join(folder, 'cache')
  }
  return new PromptLibrary({ voices: chain, ...places, onMade() {} })
}

/** Milliseconds to the first piece that can be heard; hears the rest too, so that the next one finds the process free. */
async function firstSound(text: string): Promise<number> {
  const startedAt = performance.now()
  let firstMs: number | null = null
  for await (const piece of espeak.stream(text, 'en', LIMIT()))
    if (firstMs === null && isAudible(piece)) firstMs = performance.now() - startedAt
  if (firstMs === null) throw new Error('nothing was heard')
  return firstMs
}

/** Three sentences that nobody has said before. */
function freshPrompt(): readonly Prompt[] {
  freshPrompts += 1
  return TEXT.split('. ').map(text => ({ kind: 'speech', text: `${text} ${freshPrompts}`, language: 'en' }))
}

/** Milliseconds until a flow can begin to play prompts; hears the rest too, so that the next one finds the process free. */
async function firstFile(prompts: readonly Prompt[]): Promise<number> {
  const growing = {
    library: freshLibrary(),
    patience: async <T>(making: Promise<T>) => await making,
    onFallOver() {},
    log: pino({ level: 'silent' })
  }
  const startedAt = performance.now()
  await using playable = await growingPrompts(growing, prompts, LIMIT())
  let firstMs: number | null = null
  for (const source of playable.sources)
    if (typeof source !== 'string') for await (const _ of source) firstMs ??= performance.now() - startedAt
  if (firstMs === null) throw new Error('the prompt was there already')
  return firstMs
}

async function timed(work: () => Promise<unknown>): Promise<number> {
  const startedAt = performance.now()
  await work()
  return performance.now() - startedAt
}

async function repeat(work: () => Promise<number>): Promise<readonly number[]> {
  const all: number[] = []
  for (let count = 0; count < TIMES; count += 1) all.push(await work())
  return all.sort((a, b) => a - b)
}

function row(what: string, times: readonly number[], reference: readonly number[], aim: string) {
  const median = at(times, 0.5)
  return {
    what,
    'median, ms': median.toFixed(2),
    'p95, ms': at(times, 0.95).toFixed(2),
    'to its reference': (median / at(reference, 0.5)).toFixed(2),
    aim
  }
}

function at(sorted: readonly number[], share: number): number {
  return sorted[Math.floor((sorted.length - 1) * share)] ?? Number.NaN
}
