import { sql } from 'kysely'
import { newId } from '../../server/ids.ts'
import { type Db, openDatabase } from '../../sql/database.ts'
import { migrate } from '../../sql/migrate.ts'
import { inTurn } from '../../server/campaigns/turns.ts'
import { countOpen, lockTaking, reserveLeads } from '../../sql/queries/campaigns/attempts.ts'
import { slotsWaiting } from '../../sql/queries/campaigns/campaigns.ts'
import { MemoryByQuarter } from './memory-by-quarter.ts'

export type SelectionFigures = Readonly<{
  leads: number
  perSecond: number
  p50Ms: number
  p99Ms: number
  /** Of each quarter of the looks: what was taken before must not slow down what comes after. */
  p99MsByQuarter: readonly number[]
  /** The most that the process held beyond what it began with, in each quarter of the looks. */
  peakMbs: readonly number[]
  taken: number
}>

const PLACES = 60
const OPEN_PLACES = 20
const TAKEN_AT_ONCE = 20
/** Calls that are under way, by the looks that began them: 300. */
const OPEN_LOOKS = 15

/**
 * Takes leads from a campaign with so many, two thirds of whom sleep, and of whom one in ten is not due, as the dialer does:
 * with the campaign locked and what is under way counted.
 */
export async function measureSelection(url: string, leads: number, rounds: number): Promise<SelectionFigures> {
  const { db, ...database } = await openDatabase({ kind: 'postgres', url }, err => {
    throw err
  })
  try {
    await migrate(db)
    await sql`set statement_timeout = 0`.execute(db)
    await sql`insert into contact_lists (id, name) values ('list', 'List')`.execute(db)
    const step = 200_000
    for (let from = 0; from < leads; from += step) {
      const to = Math.min(leads, from + step) - 1
      await sql`insert into campaign_leads (campaign_no, contact_id, priority, place_id, next_at)
        select 1, id, (array[5, 5, 5, 5, 3, 5, 5, 7])[1 + id % 8]::smallint, 1 + id % ${PLACES},
          timestamptz '2026-11-24 09:00Z' + ((id * 7919) % 36000) * interval '1 second'
        from generate_series(${from}::bigint, ${to}::bigint) id`.execute(db)
      await sql`insert into contacts (id, list_no)
        select id, (select no from contact_lists) from generate_series(${from}::bigint, ${to}::bigint) id`.execute(db)
      await sql`insert into contact_numbers (contact_id, position, list_no, number, place_id)
        select id, 0, 1, '+1' || (2000000000 + id), 1 + id % ${PLACES}
        from generate_series(${from}::bigint, ${to}::bigint) id`.execute(db)
    }
    await sql`analyze campaign_leads`.execute(db)
    await sql`analyze contacts`.execute(db)
    await sql`analyze contact_numbers`.execute(db)
    const slots = (await slotsWaiting(db, 1)).filter(one => one.placeId <= OPEN_PLACES)
    const now = new Date('2026-11-24T18:00:00Z')
    const times: number[] = []
    const looks = new Map<number, readonly string[]>()
    let taken = 0
    const memory = new MemoryByQuarter(rounds)
    for (let round = 0; round < rounds; round += 1) {
      const ids = Array.from({ length: TAKEN_AT_ONCE }, () => newId())
      const fromMs = performance.now()
      const got = await db.transaction().execute(async trx => {
        await lockTaking(trx, 1)
        await countOpen(trx, 1, now)
        return await reserveLeads(trx, {
          campaignNo: 1,
          slots: inTurn(slots, round),
          lists: ['list'],
          segment: { languages: null, countries: null, custom: {} },
          ids,
          controlPlaneId: 'bench',
          now,
          promises: { agentIds: [], olderThan: now }
        })
      })
      times.push(performance.now() - fromMs)
      taken += got.length
      // So many calls are under way at once; the others are over.
      if (round >= OPEN_LOOKS) await endLook(db, looks.get(round - OPEN_LOOKS) ?? [])
      looks.set(round, ids)
      looks.delete(round - OPEN_LOOKS)
      memory.passed(1)
    }
    const seconds = times.reduce((sum, one) => sum + one, 0) / 1_000
    const quarter = Math.ceil(rounds / 4)
    return {
      leads,
      perSecond: taken / seconds,
      p50Ms: shareOf(times, 0.5),
      p99Ms: shareOf(times, 0.99),
      p99MsByQuarter: [0, 1, 2, 3].map(one => shareOf(times.slice(one * quarter, (one + 1) * quarter), 0.99)),
      peakMbs: memory.peakMbs,
      taken
    }
  } finally {
    await database[Symbol.asyncDispose]()
  }
}

function shareOf(times: readonly number[], share: number): number {
  const sorted = times.toSorted((one, other) => one - other)
  return sorted[Math.min(sorted.length - 1, Math.floor(share * sorted.length))] ?? 0
}

async function endLook(db: Db, ids: readonly string[]): Promise<void> {
  await db
    .updateTable('campaign_attempts')
    .set({ state: 'over', ended_at: new Date() })
    .where('id', 'in', [...ids])
    .execute()
}
