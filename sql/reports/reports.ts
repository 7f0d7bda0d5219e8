import type { Db } from '../database.ts'
import { type MissCounts, readAgentTimes, readMisses } from './agent-report.ts'
import type { Bucket } from './buckets.ts'
import {
  addTimes,
  addVisits,
  type AgentTimes,
  NO_TIMES,
  NO_VISITS,
  timeFigures,
  type VisitCounts,
  visitFigures,
  type VisitFigures
} from './definitions.ts'
import { readVisits, type VisitFilter, type VisitGroup } from './visit-report.ts'

/** The figures of one group in one bucket (counted from 0). */
export type ReportRow<Figures> = Readonly<{ key: string; bucket: number; figures: Figures }>

/** Every group in every bucket, each bucket over all groups, and all in all. */
export type Report<Figures> = Readonly<{
  rows: readonly ReportRow<Figures>[]
  totals: readonly Figures[]
  total: Figures
}>

export type VisitReportFigures = VisitCounts & VisitFigures

/** Visits by queue, number or language. Visits without the key count under ''. */
export async function visitReport(
  db: Db,
  buckets: readonly Bucket[],
  group: Exclude<VisitGroup, 'agent'>,
  filter: VisitFilter
): Promise<Report<VisitReportFigures>> {
  const rows = await readVisits(db, buckets, group, filter)
  const parts = rows.map(row => ({ key: row.key ?? '', bucket: row.bucket, part: { ...NO_VISITS, ...pick(row) } }))
  return fold(parts, buckets.length, NO_VISITS, addVisits, counts => ({ ...counts, ...visitFigures(counts) }))
}

export type AgentReportFigures = VisitReportFigures &
  Omit<AgentTimes, 'wrapUpMs'> &
  Readonly<{ signedInMs: number; occupancy: number | null }> &
  MissCounts

type AgentPart = Readonly<{ visits: VisitCounts; times: AgentTimes; misses: MissCounts }>

const NO_MISSES: MissCounts = { missed: 0, rejected: 0, device: 0, network: 0, callerGone: 0 }
const NO_PART: AgentPart = { visits: NO_VISITS, times: NO_TIMES, misses: NO_MISSES }

/** The work of agents: calls of queues, time by state, and offers that came to nothing. */
export async function agentReport(
  db: Db,
  buckets: readonly Bucket[],
  asOf: Date,
  filter: VisitFilter
): Promise<Report<AgentReportFigures>> {
  const [visits, times, misses] = await Promise.all([
    readVisits(db, buckets, 'agent', filter),
    readAgentTimes(db, buckets, asOf, filter.agentIds),
    readMisses(db, buckets, filter.agentIds)
  ])
  const parts = [
    ...visits.flatMap(row =>
      row.key === null ? [] : [{ key: row.key, bucket: row.bucket, part: { ...NO_PART, visits: pick(row) } }]
    ),
    ...times.map(({ agentId, bucket, ...own }) => ({ key: agentId, bucket, part: { ...NO_PART, times: own } })),
    ...misses.map(({ agentId, bucket, ...own }) => ({ key: agentId, bucket, part: { ...NO_PART, misses: own } }))
  ]
  const add = (one: AgentPart, other: AgentPart): AgentPart => ({
    visits: addVisits(one.visits, other.visits),
    times: addTimes(one.times, other.times),
    misses: {
      missed: one.misses.missed + other.misses.missed,
      rejected: one.misses.rejected + other.misses.rejected,
      device: one.misses.device + other.misses.device,
      network: one.misses.network + other.misses.network,
      callerGone: one.misses.callerGone + other.misses.callerGone
    }
  })
  return fold(parts, buckets.length, NO_PART, add, part => ({
    ...part.visits,
    ...visitFigures(part.visits),
    ...part.misses,
    ...part.times,
    ...timeFigures(part.times)
  }))
}

function pick(row: VisitCounts & { key?: unknown; bucket?: unknown }): VisitCounts {
  const { key: _key, bucket: _bucket, ...counts } = row
  return counts
}

/** Adds parts up for each group and bucket, and over all; buckets in which nothing happened are there with zeros. */
function fold<Part, Figures>(
  parts: readonly Readonly<{ key: string; bucket: number; part: Part }>[],
  buckets: number,
  none: Part,
  add: (one: Part, other: Part) => Part,
  finish: (part: Part) => Figures
): Report<Figures> {
  const groups = new Map<string, Part[]>()
  const totals = Array.from({ length: buckets }, () => none)
  for (const { key, bucket, part } of parts) {
    const group = groups.get(key) ?? Array.from({ length: buckets }, () => none)
    groups.set(key, group)
    group[bucket] = add(group[bucket] ?? none, part)
    totals[bucket] = add(totals[bucket] ?? none, part)
  }
  return {
    rows: [...groups].flatMap(([key, group]) => group.map((part, bucket) => ({ key, bucket, figures: finish(part) }))),
    totals: totals.map(finish),
    total: finish(totals.reduce(add, none))
  }
}
