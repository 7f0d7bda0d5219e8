import { once } from 'node:events'
import { mkdtemp, rm } from 'node:fs/promises'
import { connect } from 'node:net'
import { cpus, tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate, setTimeout } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import pg from 'pg'
import { decide } from '../../server/compliance/decide.ts'
import { importList } from '../../server/compliance/dnc/import.ts'
import type { NumberSet } from '../../server/compliance/dnc/number-set.ts'
import { readSetFile, writeSetFile } from '../../server/compliance/dnc/set-file.ts'
import type { Facts } from '../../server/compliance/facts.ts'
import { CHAIN_START, canonicalJson, ChainVerifier, chainHash } from '../../server/compliance/log/chain.ts'
import { compilePacks, type PackSet } from '../../server/compliance/packs/compile.ts'
import { loadPacks } from '../../server/compliance/packs/load.ts'
import { forecast } from '../../server/compliance/plan/forecast.ts'
import { StallWatch } from './stall-watch.ts'

const { values } = parseArgs({
  // Options of other benches pass by.
  strict: false,
  options: {
    /** The sizes that the goals name: 250 million numbers, a million contacts. */
    full: { type: 'boolean', default: false },
    /** Numbers in the do-not-call list, in millions; the registry of the United States has about 250. */
    millions: { type: 'string' },
    contacts: { type: 'string' },
    decisions: { type: 'string' },
    /** A PostgreSQL server and a Redis port for the comparison; left out, those rows are missing. */
    'postgres-url': { type: 'string' },
    'redis-port': { type: 'string' }
  }
})

const AREA_CODES = 350
const PER_AREA_CODE = 8_000_000
/** 250 million numbers in all area codes. */
const DENSITY = 250e6 / (AREA_CODES * PER_AREA_CODE)
const AREAS = ['212', '305', '415', '512', '860', '312', '850', '215', '401', '617']
const COMPARED = 1_000_000
const ASKED = 20_000

type Row = Readonly<{ what: string; figure: string; goal: string }>
const rows: Row[] = []
const show = (what: string, figure: string, goal = '') => rows.push({ what, figure, goal })
const perSecond = (count: number, ms: number) => `${Math.round((count / ms) * 1_000).toLocaleString('en')}/s`
const cpuMsSince = (start: NodeJS.CpuUsage) => {
  const { user, system } = process.cpuUsage(start)
  return (user + system) / 1_000
}
const rssMb = () => Math.round(process.memoryUsage().rss / 1e6)

const packs = compilePacks(await loadPacks(fileURLToPath(new URL('../../config/rule-packs', import.meta.url))))
const set = await measureImport(Number(values.millions ?? (values.full === true ? 250 : 10)) * 1e6)
measureLookup(set)
await measureSwap(set)
// Before the facts of the next measure fill the heap: what the forecast itself needs is the question.
await measureForecast(packs, set, Number(values.contacts ?? (values.full === true ? 1_000_000 : 200_000)))
measureDecide(packs, set, Number(values.decisions ?? 200_000))
measureChain(packs)
if (typeof values['postgres-url'] === 'string') await comparePostgres(values['postgres-url'])
if (typeof values['redis-port'] === 'string') await compareRedis(Number(values['redis-port']))
print()

/** Lines as a registry sends them: sorted, about one number in eleven of each area code. */
function* registryFile(count: number): Generator<Uint8Array> {
  const share = DENSITY
  const areas = Math.ceil(count / (PER_AREA_CODE * DENSITY))
  const limit = Math.min(1, share) * 2 ** 32
  const buffer = Buffer.alloc(1 << 20)
  let used = 0
  for (let area = 0; area < areas; area += 1) {
    const areaCode = 201 + area * 2
    for (let index = 0; index < PER_AREA_CODE; index += 1) {
      // A multiplicative hash picks numbers without pattern and without keeping any.
      if (Math.imul(index ^ (area << 23), 0x9e3779b1) >>> 0 >= limit) continue
      let rest = 2_000_000 + index
      for (let at = used + 10; at > used + 3; at -= 1) {
        buffer[at] = 48 + (rest % 10)
        rest = Math.floor(rest / 10)
      }
      buffer[used] = 48 + Math.floor(areaCode / 100)
      buffer[used + 1] = 48 + (Math.floor(areaCode / 10) % 10)
      buffer[used + 2] = 48 + (areaCode % 10)
      buffer[used + 3] = 44
      buffer[used + 11] = 10
      used += 12
      if (used > buffer.length - 32) {
        yield Buffer.from(buffer.subarray(0, used))
        used = 0
      }
    }
  }
  if (used > 0) yield Buffer.from(buffer.subarray(0, used))
}

async function measureImport(count: number): Promise<NumberSet> {
  let made = 0
  function* counted() {
    for (const chunk of registryFile(count)) {
      const start = performance.now()
      yield chunk
      made += performance.now() - start
    }
  }
  const start = performance.now()
  const before = process.memoryUsage()
  const { set: numbers, report } = await importList(counted(), { format: 'ftc', method: 'full' })
  const total = performance.now() - start
  globalThis.gc?.()
  const after = process.memoryUsage()
  show('import, lines', perSecond(report.lines, made), '≥ 2,000,000/s')
  show(
    'import, with making the file and building the set',
    `${(total / 1000).toFixed(1)} s for ${(report.lines / 1e6).toFixed(1)} M lines`
  )
  show(
    'set in memory',
    `${(numbers.bytes / 1e6).toFixed(1)} MB for ${(numbers.size / 1e6).toFixed(1)} M numbers (${(numbers.bytes / numbers.size).toFixed(2)} bytes each)`,
    '250 M ≤ 400 MB'
  )
  show('array buffers held after import', `${Math.round((after.arrayBuffers - before.arrayBuffers) / 1e6)} MB`)
  return numbers
}

function sampleNumbers(count: number): readonly string[] {
  return Array.from(
    { length: count },
    (_, index) =>
      `+1${201 + ((index * 7919) % AREA_CODES) * 2}${String(2_000_000 + ((index * 104_729) % PER_AREA_CODE)).padStart(7, '0')}`
  )
}

function measureLookup(numbers: NumberSet): void {
  const asked = sampleNumbers(500_000)
  let found = 0
  for (const one of asked.slice(0, 50_000)) if (numbers.has(one)) found += 1
  found = 0
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (const one of asked) if (numbers.has(one)) found += 1
  const ms = performance.now() - start
  const cpuMs = cpuMsSince(cpu)
  show(
    'look-up, at random',
    `${Math.round((ms * 1e6) / asked.length)} ns by the clock, ${Math.round((cpuMs * 1e6) / asked.length)} ns of CPU time (${((found / asked.length) * 100).toFixed(1)} % listed)`,
    '≤ 1000 ns'
  )
}

function factsOf(index: number, numbers: NumberSet): Facts {
  const number = `+1${AREAS[index % AREAS.length]}${String(2_000_000 + ((index * 7919) % 7_999_999))}`
  return {
    at: new Date(Date.UTC(2026, 11, 1, 10) + (index % 50_000) * 1_700).toISOString(),
    number,
    mode: index % 3 === 0 ? 'human_dialer' : 'human_manual',
    purpose: 'marketing',
    subject: 'offer',
    consent: index % 2 === 0 ? null : { grade: 'written_signed', givenAt: '2026-06-01T00:00:00Z' },
    registries: { 'us-dnc': { obtainedAt: '2026-11-28T12:00:00Z', listed: numbers.has(number) } },
    registrations: ['us-tx'],
    attempts: index % 4 === 0 ? [{ at: '2026-11-30T14:00:00Z', subject: 'offer' }] : []
  }
}

/**
 * How long the program stands still, at worst, while a list of the same size is built anew, written, read and put in force
 * beside running calls. Beside it the same measured while nothing happens: timers are late by themselves too.
 */
async function measureSwap(inForce: NumberSet): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'parley-bench-'))
  const watch = new StallWatch()
  try {
    await setTimeout(2_000)
    const idle = watch.longest()
    const { set: built } = await importList(chunksOf(inForce), {
      format: 'ftc',
      method: 'full',
      // As the store of lists does.
      pause: () => setImmediate()
    })
    const importing = watch.longest()
    const path = join(folder, 'list.pdnc')
    const hash = await writeSetFile(path, built)
    const read = await readSetFile(path, hash)
    const asked = sampleNumbers(1_000)
    const answers = [inForce, read].map(one => asked.filter(number => one.has(number)).length)
    const swapping = watch.longest()
    if (answers[0] !== answers[1]) throw new Error('the new list says something else than the old one')
    show(
      'longest stall of calls during import / write, read and swap / nothing',
      `${importing.toFixed(0)} ms / ${swapping.toFixed(0)} ms / ${idle.toFixed(0)} ms for ${(read.size / 1e6).toFixed(1)} M numbers`,
      'no pause'
    )
  } finally {
    watch.stop()
    await rm(folder, { recursive: true, force: true })
  }
}

/** The numbers of a set as a registry sends them, in chunks of a request's body, after each of which calls have their turn. */
async function* chunksOf(numbers: NumberSet): AsyncGenerator<Uint8Array> {
  let lines: string[] = []
  for (const value of numbers.values()) {
    const digits = String(value)
    lines.push(`${digits.slice(1, 4)},${digits.slice(4)}\n`)
    if (lines.length < 1_024) continue
    yield Buffer.from(lines.join(''))
    lines = []
    await setImmediate()
  }
  if (lines.length > 0) yield Buffer.from(lines.join(''))
}

function measureDecide(rules: PackSet, numbers: NumberSet, count: number): void {
  const facts = Array.from({ length: count }, (_, index) => factsOf(index, numbers))
  for (const one of facts.slice(0, 50_000)) decide(one, rules)
  const cpu = process.cpuUsage()
  const start = performance.now()
  for (const one of facts) decide(one, rules)
  const ms = performance.now() - start
  const cpuMs = cpuMsSince(cpu)
  const times = new Float64Array(Math.min(count, 100_000))
  for (let index = 0; index < times.length; index += 1) {
    const one = facts[index]
    if (one === undefined) break
    const from = performance.now()
    decide(one, rules)
    times[index] = performance.now() - from
  }
  times.sort()
  const at = (share: number) => `${((times[Math.floor(times.length * share)] ?? 0) * 1000).toFixed(1)} µs`
  show('decide', `${perSecond(count, ms)} by the clock, ${perSecond(count, cpuMs)} by CPU time`, '≥ 100,000/s')
  show('decide, one call', `median ${at(0.5)}, p99 ${at(0.99)}`, 'p99 ≤ 50 µs')
}

async function measureForecast(rules: PackSet, numbers: NumberSet, count: number): Promise<void> {
  function* contacts() {
    for (let index = 0; index < count; index += 1) yield factsOf(index, numbers)
  }
  const before = rssMb()
  let peak = before
  const start = performance.now()
  const found = await forecast(contacts(), rules, 7, () => {
    peak = Math.max(peak, rssMb())
  })
  const ms = performance.now() - start
  show(
    `forecast of ${count.toLocaleString('en')} contacts, 7 days`,
    `${(ms / 1000).toFixed(1)} s, ${found.groups.length} groups, memory +${peak - before} MB`,
    '1 M in ≤ 30 s, ≤ 300 MB'
  )
}

function measureChain(rules: PackSet): void {
  const facts: Facts = {
    at: '2026-12-01T17:00:00Z',
    number: '+12125550123',
    mode: 'human_manual',
    purpose: 'marketing'
  }
  const body = canonicalJson({ facts, decision: decide(facts, rules) })
  const entries = []
  let prev: string = CHAIN_START
  for (let seq = 1; seq <= 100_000; seq += 1) {
    const hash = chainHash(seq, prev, body)
    entries.push({ seq, id: String(seq), body, prev, hash })
    prev = hash
  }
  const verifier = new ChainVerifier()
  const start = performance.now()
  for (const entry of entries) verifier.push(entry)
  const ms = performance.now() - start
  if (verifier.finish() !== null) throw new Error('the chain does not hold')
  show('check of the chain', `${perSecond(entries.length, ms)} (entries of ${body.length} bytes)`, '≥ 200,000/s')
}

async function comparePostgres(url: string): Promise<void> {
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  try {
    await client.query('create temp table numbers (number bigint primary key)')
    await client.query('insert into numbers select 12012000000 + i * 11 from generate_series(1, $1::int) i', [COMPARED])
    await client.query('analyze numbers')
    const size = await client.query<{ bytes: string }>("select pg_total_relation_size('numbers') as bytes")
    const start = performance.now()
    for (let index = 0; index < ASKED; index += 1)
      await client.query({
        name: 'has',
        text: 'select 1 from numbers where number = $1',
        values: [12012000000 + index * 37]
      })
    const ms = performance.now() - start
    show(
      'the same in PostgreSQL (1 M numbers, index)',
      `${Math.round((ms * 1e6) / ASKED).toLocaleString('en')} ns a look-up, ${(Number(size.rows[0]?.bytes ?? 0) / COMPARED).toFixed(0)} bytes a number`
    )
  } finally {
    await client.end()
  }
}

/** Redis over its own protocol (RESP2), pipelined for filling and one by one for asking. */
async function compareRedis(port: number): Promise<void> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.on('error', err => {
    throw err
  })
  const ask = async (command: string, replies: number) => {
    let seen = 0
    const done = new Promise<string>(resolve => {
      let text = ''
      const onData = (data: Buffer) => {
        text += data.toString('latin1')
        seen = text.split('\r\n').length - 1
        if (seen < replies) return
        socket.off('data', onData)
        resolve(text)
      }
      socket.on('data', onData)
    })
    socket.write(command)
    return await done
  }
  try {
    await ask('DEL parley-bench\r\n', 1)
    const memoryBefore = Number(/used_memory:(\d+)/.exec(await ask('INFO memory\r\n', 20))?.[1] ?? 0)
    for (let from = 0; from < COMPARED; from += 4_000) {
      const numbers = Array.from({ length: 4_000 }, (_, index) => 12012000000 + (from + index) * 11)
      await ask(`SADD parley-bench ${numbers.join(' ')}\r\n`, 1)
    }
    const memory = Number(/used_memory:(\d+)/.exec(await ask('INFO memory\r\n', 20))?.[1] ?? 0) - memoryBefore
    const start = performance.now()
    for (let index = 0; index < ASKED; index += 1)
      await ask(`SISMEMBER parley-bench ${12012000000 + index * 37}\r\n`, 1)
    const ms = performance.now() - start
    show(
      'the same in Redis (1 M numbers, set)',
      `${Math.round((ms * 1e6) / ASKED).toLocaleString('en')} ns a look-up, ${(memory / COMPARED).toFixed(0)} bytes a number`
    )
    await ask('DEL parley-bench\r\n', 1)
  } finally {
    socket.destroy()
  }
}

function print(): void {
  console.log(
    `Outbound compliance on ${cpus()[0]?.model ?? 'an unknown processor'}, Node ${process.version}, ${packs.packs.length} packs\n`
  )
  console.log('| what | measured | goal |')
  console.log('| --- | --- | --- |')
  for (const { what, figure, goal } of rows) console.log(`| ${what} | ${figure} | ${goal} |`)
}
