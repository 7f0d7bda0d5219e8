import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import { sql } from 'kysely'
import t, { type Test } from 'tap'
import { pino } from 'pino'
import type { CallEvent, CallEventData } from '../../../server/calls/call-events.ts'
import { StoryWriter } from '../../../server/calls/story-writer.ts'
import { type Db, openDatabase } from '../../../sql/database.ts'
import { freshPglite } from '../../support/database-template.ts'

const STARTED = {
  kind: 'started',
  direction: 'inbound',
  callerNumber: '+12025550123',
  calledNumber: '+12025550100',
  sipCallId: 'x',
  trunkId: null,
  numberId: null,
  sourceAddress: '127.0.0.1',
  controlPlaneId: 'p1'
} as const
const ENDED = { kind: 'ended', reason: 'callerHungUp', endedBy: 'caller', fault: 'none', hangupCause: null } as const

t.test('stories survive what a crash leaves behind', { timeout: 280_000 }, async t => {
  await using folders = new AsyncDisposableStack()
  await using database = await openDatabase({ kind: 'pglite', folder: await freshPglite(folders) }, err => {
    throw err
  })
  const { db } = database
  const logs: string[] = []
  const log = pino({ level: 'info' }, { write: (line: string) => logs.push(line) })
  const seqs = async (callId: string) =>
    (await db.selectFrom('call_events').select('seq').where('call_id', '=', callId).orderBy('seq').execute()).map(
      row => row.seq
    )
  const stateOf = async (callId: string) =>
    (await db.selectFrom('cdrs').select('state').where('call_id', '=', callId).executeTakeFirst())?.state

  await t.test('a spool whose last line was cut off gives back everything before it', async t => {
    const file = await spoolWith(t, [
      line(event('cut', 1, STARTED)),
      line(event('cut', 2, { kind: 'ringing' })),
      'null\n',
      line(event('cut', 3, ENDED)).slice(0, 40)
    ])
    await using writer = new StoryWriter(db, log, file)
    t.equal(await writer.recover(), 2)
    await writer.flushed(AbortSignal.timeout(5_000))
    t.same(await seqs('cut'), [1, 2])
    t.equal(await stateOf('cut'), 'ringing')
    t.notOk(existsSync(file), 'the spool is empty')
    t.equal(logs.filter(one => one.includes('cannot be read')).length, 2)
  })

  await t.test('a spool that was delivered already changes nothing', async t => {
    const events = [event('twice', 1, STARTED), event('twice', 2, ENDED)]
    for (const _ of [1, 2]) {
      await using writer = new StoryWriter(db, log, await spoolWith(t, events.map(line)))
      await writer.recover()
      await writer.flushed(AbortSignal.timeout(5_000))
    }
    t.same(await seqs('twice'), [1, 2])
    t.equal(await stateOf('twice'), 'ended')
  })

  await t.test('a story without its beginning is kept and stops nobody', async t => {
    await using writer = new StoryWriter(db, log, await spoolWith(t, [line(event('headless', 4, ENDED))]))
    await writer.recover()
    writer.write(event('other', 1, STARTED))
    await writer.flushed(AbortSignal.timeout(5_000))
    t.same(await seqs('headless'), [4])
    t.same(await seqs('other'), [1])
  })

  await t.test('texts that the database cannot hold are stored without what it refuses', async t => {
    await using writer = new StoryWriter(db, log, await spoolWith(t, []))
    writer.write(event('odd', 1, STARTED))
    writer.write(event('odd', 2, { kind: 'tagged', tags: ['nul \0 inside', 'half \ud83d pair'] }))
    await writer.flushed(AbortSignal.timeout(5_000))
    t.same(await seqs('odd'), [1, 2])
    t.match(await db.selectFrom('cdrs').select('tags').where('call_id', '=', 'odd').executeTakeFirst(), {
      tags: ['nul \ufffd inside', 'half \ufffd pair']
    })
  })

  await t.test('a story that the database refuses is set aside, and the others go on', async t => {
    const file = await spoolWith(t, [])
    await using writer = new StoryWriter(db, log, file)
    writer.write(event('refused', 1, { ...STARTED, direction: 'sideways' as 'inbound' }))
    writer.write(event('accepted', 1, STARTED))
    await writer.flushed(AbortSignal.timeout(5_000))
    t.same(await seqs('refused'), [])
    t.same(await seqs('accepted'), [1])
    t.match(await readFile(`${file}.refused`, 'utf8'), /"callId":"refused".*"seq":1/)
    t.equal(logs.filter(one => one.includes('set aside')).length, 1)
  })

  await t.test('a story that the database takes only later is not set aside, and holds up no other', async t => {
    const file = await spoolWith(t, [])
    await using writer = new StoryWriter(db, log, file)
    for (const code of ['25006', '53100', '55P03']) {
      const [waiting, other] = [`waits ${code}`, `goes on ${code}`]
      await sql`create function not_now() returns trigger language plpgsql as $$ begin
        if new.call_id = '${sql.raw(waiting)}' then raise exception 'not now' using errcode = '${sql.raw(code)}'; end if;
        return new; end $$`.execute(db)
      await sql`create trigger not_now before insert on call_events for each row execute function not_now()`.execute(db)
      writer.write(event(waiting, 1, STARTED))
      writer.write(event(other, 1, STARTED))
      const limit = AbortSignal.timeout(10_000)
      while (!existsSync(file) && !existsSync(`${file}.refused`)) {
        limit.throwIfAborted()
        await setImmediate()
      }
      if (code === '55P03') t.same(await seqs(other), [1])
      await sql`drop function not_now() cascade`.execute(db)
      await writer.flushed(AbortSignal.timeout(10_000))
      t.same(await seqs(waiting), [1], code)
      t.same(await seqs(other), [1])
      t.notOk(existsSync(`${file}.refused`))
    }
  })

  await t.test('what the database does not take before the end waits in the spool for the next start', async t => {
    const file = await spoolWith(t, [])
    const gone = await openDatabase({ kind: 'postgres', url: 'postgres://nobody@127.0.0.1:1/none' }, () => {})
    const first = new StoryWriter(gone.db, log, file)
    first.write(event('late', 1, STARTED))
    first.write(event('late', 2, ENDED))
    await first[Symbol.asyncDispose]()
    await gone[Symbol.asyncDispose]()
    await using writer = new StoryWriter(db, log, file)
    t.equal(await writer.recover(), 2)
    await writer.flushed(AbortSignal.timeout(5_000))
    t.same(await seqs('late'), [1, 2])
    t.equal(await stateOf('late'), 'ended')
  })

  await t.test(
    'what is told while the database does not answer is in the spool, and a crash loses none of it',
    async t => {
      const file = await spoolWith(t, [])
      let tries = 0
      const away = {
        transaction: () => ({
          execute: async () => {
            tries += 1
            if (tries === 1) throw Object.assign(new Error('connect ECONNREFUSED'), { code: 'ECONNREFUSED' })
            await new Promise(() => {})
          }
        })
      }
      const killed = new StoryWriter(away as unknown as Db, log, file)
      const spooled = async (count: number) => {
        const limit = AbortSignal.timeout(5_000)
        while (!existsSync(file) || (await readFile(file, 'utf8')).split('\n').length <= count) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 5))
        }
      }
      const story = [event('away', 1, STARTED), event('away', 2, { kind: 'ringing' }), event('away', 3, ENDED)]
      for (const [index, one] of story.entries()) {
        killed.write(one)
        await spooled(index + 1)
      }
      await using writer = new StoryWriter(db, log, file)
      t.equal(await writer.recover(), 3)
      await writer.flushed(AbortSignal.timeout(5_000))
      t.same(await seqs('away'), [1, 2, 3])
      t.equal(await stateOf('away'), 'ended')
      t.notOk(existsSync(file), 'and each of them once')
    }
  )

  await t.test('a database that takes a call and says nothing is spooled against as well', async t => {
    const file = await spoolWith(t, [])
    const silent = { transaction: () => ({ execute: () => new Promise(() => {}) }) }
    const killed = new StoryWriter(silent as unknown as Db, log, file)
    killed.write(event('silent', 1, STARTED))
    const limit = AbortSignal.timeout(20_000)
    while (!existsSync(file)) {
      limit.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    await using writer = new StoryWriter(db, log, file)
    await writer.recover()
    await writer.flushed(AbortSignal.timeout(5_000))
    t.same(await seqs('silent'), [1])
  })
})

function event(callId: string, seq: number, data: CallEventData): CallEvent {
  return { callId, seq, at: new Date(Date.UTC(2026, 10, 23, 12, 0, seq)), ...data }
}

function line(one: CallEvent): string {
  return `${JSON.stringify(one)}\n`
}

async function spoolWith(t: Test, lines: readonly string[]): Promise<string> {
  const file = join(t.testdir({}), 'spool', 'call-events.jsonl')
  await mkdir(dirname(file), { recursive: true })
  if (lines.length > 0) await writeFile(file, lines.join(''))
  return file
}
