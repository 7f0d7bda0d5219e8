import { sql } from 'kysely'
import type { Db } from '../../database.ts'

/**
 * Contacts of a campaign that wait because of a clock that was ahead (of what this one says now, by more than the
 * tolerance) wait no longer than they should: whom the rules did not allow is asked about anew, and a gap after a call, which
 * was made at some moment before now, begins now. What was promised to a person stays. Resolves with how many there were.
 */
export async function bringForward(db: Db, campaignNo: number, now: Date, toleranceMs: number): Promise<number> {
  const { rows } = await sql`
    update campaign_leads set put_off_at = ${now},
      next_at = greatest(callback_at, ${now}::timestamptz + case when cardinality(reasons) > 0 then interval '0'
        else greatest(next_at - put_off_at, interval '0') end)
    where campaign_no = ${campaignNo} and state = 'waiting' and next_at > ${now}
      and put_off_at > ${new Date(now.getTime() + toleranceMs)}
    returning 1`.execute(db)
  return rows.length
}
