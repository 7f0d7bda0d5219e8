import { readFileSync } from 'node:fs'
import { type Static, Type } from 'typebox'
import { Assert } from 'typebox/value'
import { parse } from 'yaml'
import { islamicDate } from './islamic.ts'
import { addDays, isDate } from './local-time.ts'

const Occasion = Type.Object(
  {
    name: Type.String(),
    days: Type.Integer({ minimum: 1, maximum: 40 }),
    every: Type.Optional(Type.String({ pattern: '^\\d{2}-\\d{2}$' })),
    islamic: Type.Optional(Type.Object({ month: Type.Integer(), day: Type.Integer() })),
    announced: Type.Optional(Type.Record(Type.String({ pattern: '^\\d{4}$' }), Type.String())),
    dates: Type.Optional(Type.Array(Type.String()))
  },
  { additionalProperties: false }
)
export type Occasion = Static<typeof Occasion>

let table: ReadonlyMap<string, Occasion> | undefined

/** The table of occasions by id, as kept in `occasions.yaml`. */
export function occasions(): ReadonlyMap<string, Occasion> {
  if (table === undefined) {
    const rows: unknown = parse(readFileSync(new URL('./occasions.yaml', import.meta.url), 'utf8'))
    Assert(Type.Record(Type.String(), Occasion), rows)
    table = new Map(Object.entries(rows))
  }
  return table
}

/** Whether a civil date falls into an occasion. Unknown occasions never occur. */
export function isOccasion(id: string, date: string): boolean {
  const occasion = occasions().get(id)
  if (occasion === undefined || !isDate(date)) return false
  for (let back = 0; back < occasion.days; back += 1) if (begins(occasion, addDays(date, -back))) return true
  return false
}

/** Whether an occasion begins on a date. */
function begins({ every, islamic, announced, dates }: Occasion, date: string): boolean {
  if (every !== undefined) return date.slice(5) === every
  const override = announced?.[date.slice(0, 4)]
  if (override !== undefined) return date === override
  if (islamic !== undefined) {
    const { month, day } = islamicDate(date)
    return month === islamic.month && day === islamic.day
  }
  return dates?.includes(date) ?? false
}
