import { sql } from 'kysely'
import t from 'tap'
import type { Db } from '../../sql/database.ts'
import { countOpen, recentFigures } from '../../sql/queries/campaigns/attempts.ts'
import { Installation } from '../server/queues/services.ts'
import { testDatabases } from '../support/parley.ts'

const NOW = new Date('2026-11-24T17:00:00Z')
const CAMPAIGN = 7

/** Seconds before now. */
function ago(seconds: number | undefined): Date | null {
  return seconds === undefined ? null : new Date(NOW.getTime() - seconds * 1_000)
}

type Made = Readonly<{
  state: 'dialling' | 'answered' | 'over'
  dialled?: number
  answered?: number
  connected?: number
  ended?: number
  outcome?: string
  amd?: Readonly<{ result: string; ms: number }>
  agent?: string
  /** Seconds before now at which wrap-up began, and ended. */
  wrapUp?: readonly [number, number | undefined]
}>

let made = 0

async function attempt(db: Db, { wrapUp, ...one }: Made): Promise<void> {
  made += 1
  const id = `attempt-${made}`
  await sql`insert into campaign_attempts (id, campaign_no, contact_id, position, number, place_id, state, outcome,
      control_plane_id, agent_id, amd_result, amd_ms, reserved_at, dialled_at, answered_at, connected_at, ended_at)
    values (${id}, ${CAMPAIGN}, ${made}, 0, ${`+1202555${String(1_000 + made)}`}, 1, ${one.state}, ${one.outcome ?? null}, 'plane',
      ${one.agent ?? null}, ${one.amd?.result ?? null}, ${one.amd?.ms ?? null}, ${ago(one.dialled ?? 0)},
      ${ago(one.dialled)}, ${ago(one.answered)}, ${ago(one.connected)}, ${ago(one.ended)})`.execute(db)
  if (wrapUp === undefined || one.agent === undefined) return
  await sql`insert into call_notes (call_id, agent_id, wrap_up_started_at, wrap_up_ended_at, updated_at)
    values (${id}, ${one.agent}, ${ago(wrapUp[0])}, ${ago(wrapUp[1])}, ${NOW})`.execute(db)
}

for (const kind of testDatabases())
  t.test(`the pace learns from what calls of the campaign were like, on ${kind}`, { timeout: 280_000 }, async t => {
    await using house = await Installation.open(kind)
    const plane = await house.start()
    const agent = await house.addAgent(plane, 'ana')
    const { db } = house
    const person = { state: 'over', outcome: 'person', agent } as const
    const human = { result: 'human', ms: 900 }
    // Rang for 9.1 s, was known after 0.9 s more; talked for 100 s, wrote for 20.
    await attempt(db, {
      ...person,
      amd: human,
      dialled: 1_000,
      answered: 990.9,
      connected: 990,
      ended: 890,
      wrapUp: [890, 870]
    })
    // The agent still writes: nobody knows how long that takes.
    await attempt(db, {
      ...person,
      amd: human,
      dialled: 300,
      answered: 295,
      connected: 294,
      ended: 10,
      wrapUp: [10, undefined]
    })
    await attempt(db, { state: 'answered', agent, amd: human, dialled: 60, answered: 52, connected: 50 })
    await attempt(db, { state: 'over', outcome: 'abandoned', amd: human, dialled: 500, answered: 494, ended: 480 })
    // Taken for a machine: one that an agent heard, and one that nobody was free to hear.
    await attempt(db, {
      ...person,
      amd: { result: 'machine', ms: 3_000 },
      dialled: 700,
      answered: 680,
      connected: 676,
      ended: 666
    })
    await attempt(db, {
      state: 'over',
      outcome: 'machine',
      amd: { result: 'machine', ms: 3_000 },
      dialled: 650,
      answered: 630,
      ended: 600
    })
    await attempt(db, { state: 'over', outcome: 'noAnswer', dialled: 400, ended: 375 })
    await attempt(db, { state: 'over', outcome: 'notDialled', ended: 375 })
    // Under way.
    await attempt(db, { state: 'dialling', dialled: 21 })
    await attempt(db, { state: 'dialling', dialled: 4 })
    await attempt(db, { state: 'dialling', amd: { result: 'machine', ms: 3_000 }, dialled: 30, answered: 20 })
    const figures = await recentFigures(db, CAMPAIGN)
    t.match(figures, { known: 7, live: 5 }, 'who is being talked to counts; what is under way does not')
    t.same(
      figures.personMs,
      [6_900, 8_900, 5_900, 10_000].sort((one, other) => one - other)
    )
    t.same(figures.otherMs, [23_000, 23_000, 25_000])
    t.same(figures.handleMs, [10_000, 120_000], 'talk and wrap-up together, when both are over')
    t.same(figures.wrapUpMs, [20_000])
    t.equal(figures.perMinute, null, 'of too few calls nobody tells a pace')
    const open = await countOpen(db, CAMPAIGN, NOW)
    t.same(
      open.underWayMs.toSorted((one, other) => one - other),
      [4_000, 21_000],
      'a machine that is spoken to is not'
    )
    t.match(open, { total: 4, talking: 1 })
    t.match(
      await recentFigures(db, 8),
      { known: 0, live: 0, personMs: [], handleMs: [] },
      'a new campaign knows nothing'
    )
    t.match(await countOpen(db, 8, NOW), { total: 0, underWayMs: [] })
  })
