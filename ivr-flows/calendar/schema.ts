import { type Static, Type } from 'typebox'
import { closed, ROLE } from '../parts.ts'

const Span = Type.String({
  minLength: 1,
  maxLength: 11,
  description:
    'From and until, such as 09:00-17:30; until is not included; 24:00 is midnight; 22:00-02:00 ends next day',
  [ROLE]: 'span'
})

const Spans = Type.Array(Span, { maxItems: 12, description: 'Spans of one day; none means closed' })

const DAY = '(mon|tue|wed|thu|fri|sat|sun)'

export const Week = Type.Record(Type.String({ pattern: `^(daily|${DAY}(-${DAY})?)$` }), Spans, {
  ...closed,
  description:
    'Spans by day (mon), range of days (mon-fri) or daily; a single day wins over a range; days not named are closed',
  [ROLE]: 'week'
})
export type Week = Static<typeof Week>

export const TimeZone = Type.String({
  minLength: 1,
  maxLength: 64,
  description: 'An IANA time zone, such as Europe/Berlin',
  [ROLE]: 'timeZone'
})

const DateText = Type.String({ minLength: 1, maxLength: 10, description: 'A date, such as 2026-12-24', [ROLE]: 'date' })

export const Calendar = Type.Object(
  {
    timeZone: TimeZone,
    weekly: Week,
    holidays: Type.Optional(
      Type.Object(
        {
          country: Type.String({ minLength: 1, maxLength: 3, description: 'Country (ISO 3166-1), such as DE' }),
          subdivision: Type.Optional(
            Type.String({
              minLength: 1,
              maxLength: 8,
              description: 'Part of the country (ISO 3166-2 without country), such as BE'
            })
          ),
          types: Type.Optional(
            Type.Array(Type.Enum(['public', 'bank', 'optional', 'observance']), {
              minItems: 1,
              description: 'Which holidays count (default public)'
            })
          ),
          hours: Type.Optional(Spans)
        },
        { ...closed, description: 'Public holidays; closed unless hours are given', [ROLE]: 'holidays' }
      )
    ),
    specialDays: Type.Optional(
      Type.Array(
        Type.Object(
          { date: DateText, name: Type.Optional(Type.String({ maxLength: 200 })), hours: Spans },
          { ...closed, description: 'A day with hours of its own; wins over holidays, Ramadan and the week' }
        ),
        { maxItems: 500 }
      )
    ),
    ramadan: Type.Optional(
      Type.Object(
        {
          weekly: Week,
          dates: Type.Optional(
            Type.Array(Type.Object({ from: DateText, until: DateText }, closed), {
              minItems: 1,
              maxItems: 50,
              description: 'Announced dates, both included; years without them follow the Umm al-Qura calendar'
            })
          )
        },
        { ...closed, description: 'Hours during Ramadan' }
      )
    )
  },
  { ...closed, description: 'When someone is there' }
)
export type Calendar = Static<typeof Calendar>
