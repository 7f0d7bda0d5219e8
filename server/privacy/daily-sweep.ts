import { sql } from 'kysely'
import type { Db } from '../../sql/database.ts'
import { type ClockDoubt, doubtAbout } from './clock-watch.ts'
import { readRetention, sweep, type SweepReport } from './retention.ts'
import type { StoreParts } from './stores.ts'

/** The clocks of this machine. */
export type Clocks = Readonly<{
  /** Milliseconds since 1970; may jump. */
  wall(): number
  /** Milliseconds since some moment; never jumps. */
  steady(): number
}>

export const MACHINE_CLOCKS: Clocks = { wall: () => Date.now(), steady: () => performance.now() }

export type SweepOutcome =
  | Readonly<{ kind: 'swept'; report: SweepReport }>
  | Readonly<{ kind: 'off' }>
  | Readonly<{ kind: 'doubted'; doubt: ClockDoubt }>

/** The sweep that nobody watches: it deletes only while it is switched on and the clock can be believed. */
export class DailySweep {
  readonly #parts: StoreParts
  readonly #clocks: Clocks
  readonly #aheadMs: number

  constructor(parts: StoreParts, clocks: Clocks = MACHINE_CLOCKS) {
    this.#parts = parts
    this.#clocks = clocks
    this.#aheadMs = clocks.wall() - clocks.steady()
  }

  async run(): Promise<SweepOutcome> {
    const { db, quality } = this.#parts
    const state = await readRetention(db)
    if (!state.isSweeping) return { kind: 'off' }
    const nowMs = this.#clocks.wall()
    const { databaseMs, lastSeenMs } = await readClocks(db)
    const driftMs = nowMs - this.#clocks.steady() - this.#aheadMs
    const doubt = doubtAbout({ nowMs, databaseMs, driftMs, lastSeenMs })
    if (doubt !== null) {
      quality.log.error({ doubt, driftMs, lastSeenMs }, 'the clock cannot be believed; nothing is deleted for its age')
      return { kind: 'doubted', doubt }
    }
    const now = new Date(nowMs)
    const report = await sweep(this.#parts, { isDry: false, now, state })
    await noteClock(db, now)
    quality.log.info({ ...report, byRule: report.byRule.length }, 'what is due by retention was deleted')
    return { kind: 'swept', report }
  }
}

/** A person has looked at the clock and swept: from here the daily sweep goes on. */
export async function noteClock(db: Db, at: Date): Promise<void> {
  await db.updateTable('retention_settings').set({ clock_seen_at: at }).execute()
}

async function readClocks(db: Db): Promise<Readonly<{ databaseMs: number; lastSeenMs: number | null }>> {
  const { rows } = await sql<{ now: Date; seen: Date | null }>`
    select clock_timestamp() as now, clock_seen_at as seen from retention_settings`.execute(db)
  return { databaseMs: rows[0]?.now.getTime() ?? Number.NaN, lastSeenMs: rows[0]?.seen?.getTime() ?? null }
}
