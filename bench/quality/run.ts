/**
 * Search over many calls on PostgreSQL: what the index weighs against its text, and how long searches take from the
 * question to the highlighted hits. `PARLEY_BENCH_CALLS` (20,000; the figures in docs are of 1,000,000) calls with 20
 * generated utterances each; `PARLEY_TEST_DATABASE_URL` names the server. What is said has the proportions of talk on the telephone
 * (`talk.ts`). Each tenth call is made of fresh words; nine more say the same at other times, each sealed and indexed for itself.
 */
import { randomBytes } from 'node:crypto'
import { sql } from 'kysely'
import pg from 'pg'
import { openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { type CallToIndex, replaceDocuments } from '../../sql/queries/quality/search.ts'
import { documentsOf } from '../../server/quality/indexer.ts'
import { sealText } from '../../server/quality/sealed-text.ts'
import { findHits, prepareSearch, searchCalls, type SearchFilter } from '../../server/quality/search.ts'
import { dayOf, facet, listConfigs } from '../../server/quality/search-words.ts'
import type { Transcript } from '../../server/quality/transcript-store.ts'
import type { Speaker, Utterance } from '../../server/quality/utterance.ts'
import { newId } from '../../server/ids.ts'
import { seal } from '../../server/seal.ts'
import { makeTalk, type Talk, type TalkLanguage } from './talk.ts'

const CALLS = Number(process.env['PARLEY_BENCH_CALLS'] ?? 20_000)
const UTTERANCES = 20
const BATCH = 1_000
/** Calls that say the same, at times of their own. */
const COPIES = 10
const DAYS = 365
const QUERIES = 400
const PAGE = 25
const KEY = Buffer.alloc(32, 3)

const server = process.env['PARLEY_TEST_DATABASE_URL']
if (server === undefined) {
  console.log('not run: PARLEY_TEST_DATABASE_URL is not set')
  process.exit(0)
}

let state = 12_345
const random = () => {
  // xorshift32 (Marsaglia 2003): the same calls in every run.
  state ^= state << 13
  state ^= state >>> 17
  state ^= state << 5
  return (state >>> 0) / 2 ** 32
}
const pick = <T>(from: readonly T[]): T => from[Math.floor(random() * from.length)] as T

const LANGUAGES = ['en', 'en', 'de', 'es'] as const
const talks: Readonly<Record<TalkLanguage, Talk>> = {
  en: makeTalk('en', random),
  de: makeTalk('de', random),
  es: makeTalk('es', random)
}

const name = `parley_bench_${randomBytes(4).toString('hex')}`
await admin(`create database ${name}`)
const url = new URL(server)
url.pathname = `/${name}`
try {
  await using database = await openDatabase({ kind: 'postgres', url: url.href }, err => {
    throw err
  })
  const { db } = database
  await migrate(db)
  const configs = await listConfigs(db)
  const parts = { db, secretKey: KEY, configs }
  const now = new Date('2026-11-28T00:00:00Z')
  const queues = Array.from({ length: 20 }, () => newId())
  const agents = Array.from({ length: 300 }, () => newId())
  const samples: string[] = []

  await sql`alter table transcripts disable trigger transcripts_search`.execute(db)
  await sql`drop index call_documents_words_idx`.execute(db)
  let textBytes = 0
  const startedAt = performance.now()
  let writing: Promise<unknown> = Promise.resolve()
  for (let from = 0; from < CALLS; from += BATCH) {
    const batch = Array.from({ length: Math.min(BATCH, CALLS - from) / COPIES }, (_, at) =>
      makeCall(from / COPIES + at)
    )
    await writing
    writing = store(batch)
    if (from > 0 && from % 50_000 === 0)
      console.log(`${from} calls, ${Math.round((performance.now() - startedAt) / 1000)} s`)
  }
  await writing
  console.log(
    `${CALLS} calls, ${CALLS * UTTERANCES} utterances, ${mb(textBytes)} of text, stored in ${seconds(startedAt)}`
  )

  const indexing = performance.now()
  await db.connection().execute(async one => {
    await sql`set statement_timeout = 0`.execute(one)
    await sql`set maintenance_work_mem = '512MB'`.execute(one)
    await sql`set max_parallel_maintenance_workers = 0`.execute(one)
    await sql`create index call_documents_words_idx on call_documents using gin (words) with (fastupdate = off)`.execute(
      one
    )
    await sql`vacuum analyze call_documents`.execute(one)
    await sql`analyze transcripts`.execute(one)
    await sql`analyze transcript_parts`.execute(one)
  })
  const { rows } = await sql<Record<string, string>>`
    select pg_relation_size('call_documents_words_idx') as gin, pg_relation_size('call_documents_started_idx') as started,
      pg_table_size('call_documents') as documents, pg_total_relation_size('transcript_parts') as sealed`.execute(db)
  const size = (key: string) => Number(rows[0]?.[key] ?? 0)
  const index = size('gin') + size('started')
  console.log(`indexed in ${seconds(indexing)}`)
  console.log(`| | size | times the text |`)
  console.log(`| --- | --- | --- |`)
  console.log(`| text | ${mb(textBytes)} | 1 |`)
  console.log(`| index (words and time) | ${mb(index)} | ${(index / textBytes).toFixed(2)} |`)
  console.log(`| searched vectors | ${mb(size('documents'))} | ${(size('documents') / textBytes).toFixed(2)} |`)
  console.log(
    `| index and vectors | ${mb(index + size('documents'))} | ${((index + size('documents')) / textBytes).toFixed(2)} |`
  )
  console.log(`| sealed transcripts | ${mb(size('sealed'))} | ${(size('sealed') / textBytes).toFixed(2)} |`)

  const ranked = (from: number, many: number, language: TalkLanguage = pick(LANGUAGES)) =>
    talks[language].content[from + Math.floor(random() * many)] ?? ''
  const rare = () => ranked(5_000, 15_000)
  const middle = (language?: TalkLanguage) => ranked(200, 2_000, language)
  const common = (language?: TalkLanguage) => ranked(30, 100, language)
  const kinds: Readonly<Record<string, () => SearchFilter>> = {
    'a rare word': () => ({ q: rare() }),
    'a word of the middle': () => ({ q: middle() }),
    'a common word': () => ({ q: common() }),
    'two words': () => {
      const language = pick(LANGUAGES)
      return { q: `${middle(language)} ${common(language)}` }
    },
    'a phrase': () => ({ q: `"${pick(samples)}"` }),
    'said by one side': () => ({ q: `customer:${middle()}` }),
    'a beginning': () => ({ q: `${middle().slice(0, 5)}*` }),
    'word, queue and language': () => ({ q: middle('en'), queueId: [pick(queues)], language: ['en'] }),
    'word and long silence': () => ({ q: middle(), minSilenceMs: 60_000 }),
    'word in a month long ago': () => ({
      q: middle(),
      from: new Date('2026-02-01T00:00:00Z'),
      until: new Date('2026-03-01T00:00:00Z')
    }),
    'agent and nothing said': () => ({ agentId: [pick(agents)] })
  }
  const all: number[] = []
  console.log(`\n| search, ${PAGE} calls with hits | p50 | p95 | most |`)
  console.log('| --- | --- | --- | --- |')
  for (const [kind, make] of Object.entries(kinds)) {
    const took: number[] = []
    for (let at = 0; at < QUERIES / Object.keys(kinds).length; at++) {
      const filter = make()
      const began = performance.now()
      const prepared = await prepareSearch(parts, filter)
      await findHits(parts, prepared, await searchCalls(parts, prepared, null, PAGE, now))
      took.push(performance.now() - began)
    }
    all.push(...took)
    console.log(`| ${kind} | ${ms(took, 0.5)} | ${ms(took, 0.95)} | ${ms(took, 1)} |`)
  }
  console.log(`| all | ${ms(all, 0.5)} | ${ms(all, 0.95)} | ${ms(all, 1)} |`)

  function makeCall(number: number) {
    const startedAt = new Date(
      now.getTime() - Math.floor(((1 - (number * COPIES) / CALLS) * DAYS * 86_400_000) / COPIES) - 1
    )
    const language = pick(LANGUAGES)
    const talk = talks[language]
    const word = talk.beginCall()
    const utterances: Utterance[] = Array.from({ length: UTTERANCES }, (_, at) => {
      const words = Array.from({ length: 4 + Math.floor(random() * 10) }, word)
      const phrase = words.slice(0, 3)
      const isTelling = phrase.filter(one => !talk.isFunctionWord(one)).length > 1
      if (isTelling && samples.length < 500 && random() < 0.001) samples.push(phrase.join(' '))
      const text = words.join(' ')
      textBytes += Buffer.byteLength(text) * COPIES
      const speaker: Speaker = at % 2 === 0 ? 'agent' : 'customer'
      return {
        speaker,
        speakerId: null,
        startMs: at * 6_000,
        endMs: at * 6_000 + 5_000,
        text,
        confidence: 0.9,
        words: [],
        personal: []
      }
    })
    const call: CallToIndex = {
      callId: newId(startedAt.getTime()),
      direction: 'inbound',
      customer: null,
      ours: null,
      language,
      flowId: 'bench',
      campaignId: null,
      startedAt,
      durationMs: 20_000 + Math.floor(random() ** 3 * 1_200_000),
      tags: random() < 0.05 ? ['complaint'] : [],
      queueIds: [pick(queues)],
      agentIds: [pick(agents)],
      outcomes: [pick(['solved', 'follow-up', 'refund'])],
      surveys: [],
      reviews: 0
    }
    return { call, utterances, silenceMs: Math.floor(random() ** 4 * 120_000) }
  }

  async function store(batch: readonly ReturnType<typeof makeCall>[]): Promise<void> {
    const rows = batch.flatMap(made => {
      const packed = made.utterances.map(one => [one.speaker, null, one.startMs, one.endMs, one.text, 0.9, [], []])
      return Array.from({ length: COPIES }, (_, copy) => {
        const startedAt = new Date(made.call.startedAt.getTime() - (copy * DAYS * 86_400_000) / COPIES)
        const id = newId(startedAt.getTime())
        const key = randomBytes(32)
        const row = {
          id,
          call_id: copy === 0 ? made.call.callId : newId(startedAt.getTime()),
          language: made.call.language ?? 'en',
          provider: 'bench',
          origin: 'import' as const,
          status: 'complete' as const,
          consent: 'bench',
          sealed_key: seal(KEY, `transcript ${id}`, key),
          longest_silence_ms: made.silenceMs,
          finished_at: startedAt,
          erased_at: null
        }
        return { made, copy, startedAt, row, body: sealText(key, id, 0, packed) }
      })
    })
    await db
      .insertInto('transcripts')
      .values(rows.map(one => one.row))
      .execute()
    await db
      .insertInto('transcript_parts')
      .values(
        rows.map(({ row, body }) => ({
          transcript_id: row.id,
          part: 0,
          utterances: UTTERANCES,
          from_ms: 0,
          to_ms: 120_000,
          body
        }))
      )
      .execute()
    const documents = rows
      .filter(one => one.copy === 0)
      .flatMap(({ made, row }) =>
        documentsOf(
          made.call,
          { row: { ...row, overlap_ms: 0 }, utterances: made.utterances } as unknown as Transcript,
          false,
          configs
        )
      )
    await replaceDocuments(db, [], documents)
    const copies = rows.filter(one => one.copy > 0)
    await db.transaction().execute(async trx => {
      // Nobody waits for it, and other programs may keep the machine busy.
      await sql`set local statement_timeout = 0`.execute(trx)
      await sql`
        insert into call_documents (call_id, started_at, duration_ms, longest_silence_ms, overlap_ms, words)
        select given.call_id, given.started_at, duration_ms, longest_silence_ms, overlap_ms,
          ts_delete(words, array[old_day, old_month]) || (quote_literal(new_day) || ' ' || quote_literal(new_month))::tsvector
        from unnest(
          ${copies.map(one => one.made.call.callId)}::text[], ${copies.map(one => one.row.call_id)}::text[],
          ${copies.map(one => one.startedAt.toISOString())}::timestamptz[],
          ${copies.map(one => facet('day', dayOf(one.made.call.startedAt)))}::text[],
          ${copies.map(one => facet('month', dayOf(one.made.call.startedAt).slice(0, 6)))}::text[],
          ${copies.map(one => facet('day', dayOf(one.startedAt)))}::text[],
          ${copies.map(one => facet('month', dayOf(one.startedAt).slice(0, 6)))}::text[]
        ) as given (source, call_id, started_at, old_day, old_month, new_day, new_month)
        -- One look-up for each, whatever the planner thinks of a table that grows while it looks.
        cross join lateral (select * from call_documents where call_id = given.source limit 1) as document`.execute(trx)
    })
  }
} finally {
  await admin(`drop database if exists ${name} with (force)`)
}

async function admin(statement: string): Promise<void> {
  const client = new pg.Client({ connectionString: server })
  await client.connect()
  await client.query(statement)
  await client.end()
}

function ms(took: readonly number[], share: number): string {
  const sorted = [...took].sort((a, b) => a - b)
  return `${(sorted[Math.min(sorted.length - 1, Math.ceil(sorted.length * share) - 1)] ?? 0).toFixed(1)} ms`
}

function mb(bytes: number): string {
  return `${(bytes / 1e6).toFixed(0)} MB`
}

function seconds(since: number): string {
  return `${((performance.now() - since) / 1000).toFixed(0)} s`
}
