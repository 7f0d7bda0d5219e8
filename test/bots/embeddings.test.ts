import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { createOpenAiEmbedder } from '../../server/bots/knowledge/embedder.ts'
import { fuseRankings } from '../../server/bots/knowledge/rank.ts'
import { retrieve } from '../../server/bots/knowledge/retrieve.ts'
import type { KnowledgeEmbeddings } from '../../server/bots/knowledge/embeddings.ts'
import { EmbeddingServer } from '../support/embedding-server.ts'
import { type TestDatabase, testDatabases, TestParley } from '../support/parley.ts'
import { offersExtension } from '../support/postgres-database.ts'
import { createToneRecognizer } from '../support/tone-recognizer.ts'
import { BotCaller, botFlow, publishReturns, SAID, TEXTS } from './support.ts'
import { patient } from '../support/patience.ts'

const NUMBER = '+12025550111'
/** None of these words stands in the article. */
const IN_OTHER_WORDS = 'May I send my shoes back?'
const MODEL = 'small-embedding'

type Passage = Readonly<{ articleId: string; score: number }>

const settings = (server: EmbeddingServer) => ({
  PARLEY_EMBEDDING_URL: server.url,
  PARLEY_EMBEDDING_MODEL: MODEL,
  PARLEY_EMBEDDING_SIMILARITY: '0.6'
})

async function ask(server: TestParley, question: string) {
  const { body } = await server.api('POST', '/knowledge-articles/ask', { question, language: 'en' })
  return body as unknown as { isKnown: boolean; passages: readonly Passage[] }
}

async function embeddingsOf(server: TestParley): Promise<unknown> {
  return ((await (await fetch(`${server.url}/healthz`)).json()) as { embeddings: unknown }).embeddings
}

/** How many passages have their vectors, once that is `count`. */
async function placed(server: TestParley, count: number): Promise<void> {
  const limit = AbortSignal.timeout(20_000)
  for (;;) {
    const rows = await server.parley.db.selectFrom('knowledge_embeddings').select('model').execute()
    if (rows.length === count) return
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

async function findsWhatIsMeant(t: Test, database: TestDatabase): Promise<void> {
  await using embeddings = await EmbeddingServer.start()
  await using server = await TestParley.start({
    database,
    hasDemoData: true,
    env: settings(embeddings),
    secrets: { embeddingKey: 'sk-of-nobody' },
    recognizers: [createToneRecognizer({ languages: ['en'], texts: { ...TEXTS, [SAID.order]: IN_OTHER_WORDS } })]
  })
  const articleId = await publishReturns(server)
  const article = async (title: string, body: string, more: Record<string, unknown> = {}) => {
    const made = await server.api('POST', '/knowledge-articles', { language: 'en', title, body, ...more })
    const id = made.body['id'] as string
    await server.api('POST', `/knowledge-articles/${id}/publish`, { version: 1 })
    return id
  }
  const hoursId = await article('Opening hours', 'We are open on weekdays from nine to five.')
  await placed(server, 2)
  const { rows } = await sql<{ version: string }>`
    select extversion as version from pg_extension where extname = 'vector'`.execute(server.parley.db)
  t.match(rows, [{ version: /^\d+\.\d+/ }], 'vectors are compared by pgvector')

  await t.test('each passage is sent once, with the title that it stands under', async t => {
    t.match(embeddings.asked[0], { model: MODEL, authorization: 'Bearer sk-of-nobody' })
    const texts = embeddings.asked.flatMap(one => one.input)
    t.equal(new Set(texts).size, 2)
    t.match(
      texts.find(one => one.includes('30 days')),
      /^Returning goods\n/
    )
    t.same(await embeddingsOf(server), { state: 'ok', code: null })
  })

  await t.test('a question in other words has its answer, one about something else has none', async t => {
    t.match(await ask(server, IN_OTHER_WORDS), { isKnown: true, passages: [{ articleId }] })
    t.match(await ask(server, 'When are you closed?'), { isKnown: true, passages: [{ articleId: hoursId }] })
    t.match(await ask(server, 'What do I feed a tiger?'), { isKnown: false })
    t.match(await ask(server, 'Can I return goods within 30 days?'), { isKnown: true, passages: [{ articleId }] })
  })

  await t.test('a caller hears the article that is meant', async t => {
    await server.publish(botFlow())
    await server.addNumber(NUMBER, 'bot')
    await using caller = await BotCaller.call(server, NUMBER)
    await caller.greeted()
    caller.say('order')
    t.match(await caller.until('botAnswered'), { outcome: 'answer', source: 'retrieval', articleId })
    await caller.bye()
  })

  await t.test('a new version is placed anew, and what is withdrawn is not found', async t => {
    await server.api('POST', `/knowledge-articles/${articleId}/versions`, {
      title: 'Returning goods',
      body: 'You may return goods within 60 days.'
    })
    await server.api('POST', `/knowledge-articles/${articleId}/publish`, { version: 2 })
    await placed(server, 2)
    t.match(await ask(server, IN_OTHER_WORDS), { isKnown: true, passages: [{ text: /60 days/ }] })
    await server.api('POST', `/knowledge-articles/${articleId}/withdraw`)
    t.match(await ask(server, IN_OTHER_WORDS), { isKnown: false })
    await server.api('POST', `/knowledge-articles/${articleId}/publish`, { version: 1 })
    await placed(server, 2)
  })

  await t.test('a text that the model refuses keeps no other from being found by what it means', async t => {
    embeddings.refuses = /too long for a model/
    const refusedId = await article('Terms', 'This small print is too long for a model.')
    const invoiceId = await article('Invoices', 'You get an invoice by mail.')
    await placed(server, 3)
    t.match(await ask(server, 'Where is my receipt?'), { isKnown: true, passages: [{ articleId: invoiceId }] })
    t.match(await ask(server, 'small print'), { isKnown: true, passages: [{ articleId: refusedId }] })
    t.same(await embeddingsOf(server), { state: 'ok', code: null })
    t.equal(server.logs.filter(line => line.includes('refuses a passage')).length, 1)
    embeddings.refuses = null
  })

  await t.test('a model that fails costs a second at most; words find the article all the same', async t => {
    for (const trouble of [{ kind: 'status', status: 503 }, { kind: 'slow' }, { kind: 'garbage' }] as const) {
      embeddings.trouble = trouble
      const startedAtMs = performance.now()
      t.match(await ask(server, 'Can I return goods within 30 days?'), { isKnown: true, passages: [{ articleId }] })
      t.ok(performance.now() - startedAtMs < patient(3_000))
      t.match(await embeddingsOf(server), { state: 'failing', code: /^EMBEDDING_/ })
    }
    const before = embeddings.asked.length
    await ask(server, IN_OTHER_WORDS)
    t.equal(embeddings.asked.length, before, 'after three failures in a row it is left alone for a while')
    t.equal((await fetch(`${server.url}/healthz`)).status, 200, 'the server can take calls')
    embeddings.trouble = null
  })

  await t.test('a model outside learns a question only with leave', async t => {
    const asked: string[] = []
    const outside = {
      embedder: createOpenAiEmbedder({ url: 'https://llm.example.com/v1', key: undefined, model: MODEL, region: 'eu' }),
      async vectorOf(question: string) {
        asked.push(question)
        return null
      }
    } as unknown as KnowledgeEmbeddings
    const parts = {
      db: server.parley.db,
      configs: new Set(['english']),
      embeddings: { embeddings: outside, leastSimilarity: 0.5 }
    }
    const query = { question: IN_OTHER_WORDS, language: 'en', region: null, product: null, now: new Date() }
    await retrieve(parts, query)
    await retrieve(parts, { ...query, mayAskOutside: () => false })
    t.same(asked, [])
    await retrieve(parts, { ...query, mayAskOutside: host => host === 'llm.example.com' })
    t.same(asked, [IN_OTHER_WORDS])
  })
}

/** Those of this run that can compare vectors: PGlite always, a PostgreSQL server where pgvector is installed. */
const hasServer = testDatabases().includes('postgres')
const isOnServer = hasServer && (await offersExtension('vector'))

for (const database of testDatabases().filter(one => one === 'pglite' || isOnServer))
  t.test(`bots find articles by what is meant, where a model says it, with ${database}`, { timeout: 280_000 }, t =>
    findsWhatIsMeant(t, database)
  )

if (isOnServer) t.comment('the PostgreSQL server of this run has pgvector: what happens without it is not tested')
else if (hasServer)
  t.test('a database server without pgvector says so, and finds by words', { timeout: 280_000 }, async t => {
    t.comment('the PostgreSQL server of this run has no pgvector: meaning is tested with PGlite’s alone')
    await using embeddings = await EmbeddingServer.start()
    await using server = await TestParley.start({ database: 'postgres', env: settings(embeddings) })
    const articleId = await publishReturns(server)
    t.match(await ask(server, 'Can I return goods within 30 days?'), { isKnown: true, passages: [{ articleId }] })
    t.match(await ask(server, IN_OTHER_WORDS), { isKnown: false })
    t.same(await embeddingsOf(server), { state: 'missing', code: 'EXTENSION_MISSING' })
    t.equal(server.logs.filter(line => line.includes('has no pgvector')).length, 1)
    t.same(embeddings.asked, [], 'nothing is sent that could not be used')
  })

t.test('words and meaning make one order', async t => {
  const rules = { threshold: 0.45, leastSimilarity: 0.6 }
  const worded = (passage: string, score: number) => ({ passage, matched: [], score })
  const near = (passage: string, similarity: number) => ({ passage, matched: [], similarity })
  const order = (...args: Parameters<typeof fuseRankings<string>> extends [unknown, ...infer Rest] ? Rest : never) =>
    fuseRankings(one => one, ...args)
  const both = order([worded('a', 0.8), worded('b', 0.7)], [near('b', 0.9), near('c', 0.7)], rules)
  t.same(
    both.map(one => one.passage),
    ['b', 'a', 'c'],
    'what both find comes first'
  )
  const far = order([worded('a', 0.2)], [near('a', 0.3), near('b', 0.61)], rules)
  t.equal(far[0]?.passage, 'b', 'what is good enough by either comes before what is not')
  t.ok((far[0]?.score ?? 0) >= 0.45 && (far[1]?.score ?? 1) < 0.45)
  t.same(order([], [near('a', -0.4)], rules)[0]?.score, 0)
  t.same(order([], [near('a', 1)], rules)[0]?.score, 1)
})
