import { cp, mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { sql } from 'kysely'
import pg from 'pg'
import t from 'tap'
import { askOptIn } from '../../server/compliance/consent/ledger.ts'
import { deriveKey } from '../../server/compliance/number-hash.ts'
import { newId } from '../../server/ids.ts'
import { seal } from '../../server/seal.ts'
import type { Db } from '../../sql/database.ts'
import { placePgliteDatabase } from '../support/database-template.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { freshDatabase } from '../support/postgres-database.ts'

const ANNA = '+12025550177'
const KEY = Buffer.alloc(32, 7)
const PASSWORD = 'a long enough password'
const GONE = { survey: '', comment: '', number: null, languages: 0, requests: 0, reviews: 0 }

for (const database of testDatabases())
  t.test(`what was erased stays so when a backup is restored, with ${database}`, { timeout: 280_000 }, async t => {
    await using stack = new AsyncDisposableStack()
    const folder = await mkdtemp(join(tmpdir(), 'parley-restored-'))
    stack.defer(() => rm(folder, { recursive: true, force: true }))
    const dataDir = join(folder, 'data')
    const tombstones = join(folder, 'elsewhere', 'tombstones.jsonl')
    const databaseUrl = database === 'postgres' ? await freshDatabase(stack) : null
    if (databaseUrl === null) await placePgliteDatabase(join(dataDir, 'database'))
    const backup = databaseUrl === null ? ofFolder(dataDir, join(folder, 'backup')) : ofServer(databaseUrl)
    stack.defer(() => backup.forget())
    const start = () =>
      TestParley.start({
        database,
        env: { PARLEY_DATA_DIR: dataDir, PARLEY_TOMBSTONES_FILE: tombstones },
        secrets: { key: KEY },
        ...(databaseUrl !== null && { databaseUrl })
      })
    const callId = newId()
    {
      await using server = await start()
      await fill(server.parley.db, callId)
      t.match(await left(server.parley.db, callId), {
        survey: 'Anna said so',
        comment: 'Anna laughs',
        number: ANNA,
        languages: 1,
        requests: 1,
        reviews: 3
      })
      const { body } = await server.api('POST', '/users', {
        username: 'paula',
        displayName: 'Paula Example',
        role: 'privacy-officer',
        password: PASSWORD
      })
      t.ok(body['id'])
    }
    await backup.make()
    {
      await using server = await start()
      await eraseAnna(server)
      t.same(await left(server.parley.db, callId), GONE, 'notes of reviews and messages that asked for consent too')
      t.equal((await scores(server.parley.db, callId)).percent, 80, 'the score stays')
      const lines = (await readFile(tombstones, 'utf8')).trim().split('\n')
      t.notMatch(lines.join('\n'), /2025550177|Anna/, 'the file names nobody')
    }
    await backup.restore()
    {
      await using server = await start()
      t.same(await left(server.parley.db, callId), GONE, 'what the backup brought back is gone again at the start')
      const again = await server.parley.db.selectFrom('erasures').select(['store', 'proof']).execute()
      t.ok(again.length > 0)
      t.ok(again.every(row => row.proof['isAfterRestore'] === true))
    }
    {
      await using server = await start()
      t.notMatch(server.logs.join(''), /a restored database/, 'once is enough')
    }
  })

/** What there is of Anna in seven places. */
async function fill(db: Db, callId: string): Promise<void> {
  const at = new Date()
  await sql`insert into cdrs (call_id, direction, caller_number, called_number, language, state, started_at, ended_at, last_seq, control_plane_id)
    values (${callId}, 'inbound', ${ANNA}, '+12025550100', 'en', 'ended', ${at}, ${at}, 1, 'test')`.execute(db)
  await db
    .insertInto('survey_answers')
    .values({ call_id: callId, flow_id: 'flow', question: 'How was it?', answer: 'Anna said so', answered_at: at })
    .execute()
  await sql`insert into call_comments (id, call_id, at_ms, text, author_id, author_name)
    values (${newId()}, ${callId}, 100, 'Anna laughs', 'quinn', 'Quinn')`.execute(db)
  await db.insertInto('caller_languages').values({ number: ANNA, language: 'en', chosen_at: at }).execute()
  const answers = JSON.stringify({ greeting: { value: 'yes', note: 'Anna was greeted' } })
  await sql`insert into scorecards (id, name, draft, version, created_by) values ('card', 'Card', '{}', 1, 'quinn')`.execute(
    db
  )
  await sql`insert into scorecard_versions (scorecard_id, version, body, published_by) values ('card', 1, '{}', 'quinn')`.execute(
    db
  )
  await sql`insert into reviews (id, call_id, scorecard_id, version, kind, reviewer_id, reviewer_name, answers, note, coaching, status, percent)
    values ('review', ${callId}, 'card', 1, 'review', 'quinn', 'Quinn', ${answers}::jsonb, 'Anna was angry', 'Be kind to Anna', 'settled', 80)`.execute(
    db
  )
  await sql`insert into review_history (review_id, by_id, what, answers) values ('review', 'quinn', 'submitted', ${answers}::jsonb)`.execute(
    db
  )
  await sql`insert into review_disputes (id, review_id, raised_by, reason) values ('dispute', 'review', 'agent', 'Anna lied')`.execute(
    db
  )
  await askOptIn(
    {
      db: db as unknown as Parameters<typeof askOptIn>[0]['db'],
      key: deriveKey(KEY, 'numbers'),
      newId,
      seal: text => seal(deriveKey(KEY, 'seal'), 'consent request', text)
    },
    { e164: ANNA, seller: 'Example', grade: 'express_electronic', recordedBy: null },
    { channel: 'sms', to: ANNA, at },
    async () => {}
  )
}

/** What of it can still be read. */
async function left(db: Db, callId: string) {
  const { rows } = await sql<typeof GONE>`
    select coalesce((select answer from survey_answers where call_id = ${callId}), '') as survey,
      (select text from call_comments where call_id = ${callId}) as comment,
      (select caller_number from cdrs where call_id = ${callId}) as number,
      (select count(*)::int from caller_languages) as languages,
      (select count(*)::int from consent_requests) as requests,
      (select count(*)::int from reviews where to_jsonb(reviews)::text like '%Anna%')
        + (select count(*)::int from review_history where to_jsonb(review_history)::text like '%Anna%')
        + (select count(*)::int from review_disputes where to_jsonb(review_disputes)::text like '%Anna%') as reviews`.execute(
    db
  )
  return rows[0]
}

async function scores(db: Db, callId: string) {
  return await db.selectFrom('reviews').select('percent').where('call_id', '=', callId).executeTakeFirstOrThrow()
}

/** Asked for by one person, agreed to by another. */
async function eraseAnna(server: TestParley): Promise<void> {
  const made = await server.api('POST', '/privacy-requests', { kind: 'erase', numbers: [ANNA] })
  const path = `/privacy-requests/${made.body['id']}`
  await server.api('POST', `${path}/identity`, { result: 'proved', how: 'called back' })
  await server.api('POST', `${path}/plan`)
  const paula = (await server.signIn('paula', PASSWORD)).body['token'] as string
  await server.api('POST', `${path}/approve`, { typed: `ERASE ${made.body['reference']}` }, paula)
  const limit = AbortSignal.timeout(30_000)
  while ((await server.api('GET', path)).body['status'] !== 'done') {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

type Backup = Readonly<{ make(): Promise<void>; restore(): Promise<void>; forget(): Promise<void> }>

/** Of a PGlite that is closed: its folder. */
function ofFolder(dataDir: string, copy: string): Backup {
  const own = join(dataDir, 'database')
  return {
    make: () => cp(own, copy, { recursive: true }),
    async restore() {
      await rm(own, { recursive: true })
      await cp(copy, own, { recursive: true })
    },
    forget: async () => {}
  }
}

/** Of a database that nobody uses: a copy that takes its place. */
function ofServer(url: string): Backup {
  const name = new URL(url).pathname.slice(1)
  const run = async (...statements: readonly string[]) => {
    const admin = new URL(url)
    admin.pathname = '/postgres'
    const client = new pg.Client({ connectionString: admin.href })
    await client.connect()
    try {
      for (const statement of statements) await client.query(statement)
    } finally {
      await client.end()
    }
  }
  return {
    make: () => run(`create database ${name}_backup template ${name}`),
    restore: () => run(`drop database ${name} with (force)`, `create database ${name} template ${name}_backup`),
    forget: () => run(`drop database if exists ${name}_backup with (force)`)
  }
}
