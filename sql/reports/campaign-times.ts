import { sql } from 'kysely'
import type { Db } from '../database.ts'

/** Dials and answers by a person in one hour of one weekday, where the person is. */
export type AnswerTime = Readonly<{ weekday: number; hour: number; dialled: number; answered: number }>

/** When people answer. Only numbers that are in one time zone are counted: elsewhere nobody knows the hour. */
export async function answerTimes(db: Db, campaignNo: number): Promise<readonly AnswerTime[]> {
  const { rows } = await sql<AnswerTime>`
    select extract(isodow from a.dialled_at at time zone p.zones[1])::int as weekday,
      extract(hour from a.dialled_at at time zone p.zones[1])::int as hour,
      count(*)::int as dialled, (count(*) filter (where a.outcome in ('person', 'abandoned')))::int as answered
    from campaign_attempts a join contact_places p on p.id = a.place_id
    where a.campaign_no = ${campaignNo} and a.dialled_at is not null and cardinality(p.zones) = 1
    group by 1, 2 order by 1, 2`.execute(db)
  return rows
}
