import type { PackSet } from '../compliance/packs/compile.ts'
import type { Db } from '../../sql/database.ts'
import { provedPersons } from '../../sql/queries/campaigns/attempts.ts'
import { campaignDays } from '../../sql/queries/campaigns/campaigns.ts'
import { type AbandonWindow, periodAt } from './abandonment.ts'
import type { Campaign } from './campaign.ts'

export type AbandonCap = Readonly<{ per: string; capPercent: number }>

/** Of the house, for places whose rules say nothing: nobody likes to be called by nobody. */
const HOUSE_CAP: AbandonCap = { per: 'P30D', capPercent: 3 }

/** The caps on abandoned calls of every rule pack that is loaded for these places, and the house's own. */
export function capsFor(packs: PackSet, jurisdictions: readonly string[]): readonly AbandonCap[] {
  const caps = new Map<string, number>([[HOUSE_CAP.per, HOUSE_CAP.capPercent]])
  const countries = new Set(jurisdictions.map(one => one.slice(0, 2).toLowerCase()))
  for (const { pack } of packs.packs) {
    const country = pack.pack.split('-')[0] ?? ''
    if (!countries.has(country)) continue
    for (const rule of pack.rules) {
      if (rule.check !== 'abandon') continue
      for (const version of rule.versions) {
        const { per, capPercent } = version as { per?: string; capPercent?: number }
        if (per !== undefined && capPercent !== undefined) caps.set(per, Math.min(caps.get(per) ?? 100, capPercent))
      }
    }
  }
  return [...caps].map(([per, capPercent]) => ({ per, capPercent }))
}

/** What each cap has seen in its period up to now. */
export async function windowsOf(
  db: Db,
  campaign: Pick<Campaign, 'no' | 'startedAt'>,
  caps: readonly AbandonCap[],
  now: Date
): Promise<readonly AbandonWindow[]> {
  const nowMs = now.getTime()
  const startedMs = campaign.startedAt?.getTime() ?? nowMs
  const periods = caps.map(cap => ({ ...cap, ...periodAt(cap.per, startedMs, nowMs) }))
  const firstMs = Math.min(...periods.map(one => one.fromMs), nowMs)
  const days = await campaignDays(db, campaign.no, new Date(firstMs).toISOString().slice(0, 10))
  const windows: AbandonWindow[] = []
  // One after the other: a transaction has one connection.
  for (const { per, capPercent, fromMs, untilMs } of periods) {
    const own = days.filter(one => {
      const dayMs = Date.parse(`${one.day}T00:00:00Z`)
      return dayMs >= fromMs && dayMs < untilMs
    })
    const sum = (read: (day: (typeof days)[number]) => number) => own.reduce((total, day) => total + read(day), 0)
    windows.push({
      per,
      capPercent,
      fromMs,
      untilMs,
      live: sum(day => day.live),
      abandoned: sum(day => day.abandoned),
      machines: sum(day => day.machines),
      provedPersons: await provedPersons(db, campaign.no, new Date(fromMs), new Date(untilMs))
    })
  }
  return windows
}
