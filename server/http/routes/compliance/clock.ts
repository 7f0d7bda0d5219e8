import { Type } from 'typebox'
import type { KnownTime } from '../../../calls/known-time.ts'
import { actorOf } from '../../actor.ts'
import { audit } from '../../audit.ts'
import type { App } from '../../fastify-types.ts'
import type { HttpParts } from '../../parts.ts'
import { DateString, responses } from '../../schemas.ts'
import { access } from './access.ts'

const ClockSchema = Type.Object({
  at: DateString,
  doubt: Type.Union([
    Type.Null(),
    Type.Object({
      kind: Type.Unsafe<'differs' | 'wasSet'>({ type: 'string', enum: ['differs', 'wasSet'] }),
      byMs: Type.Integer({ description: 'How far the clock is ahead of the database’s, or of what it was before' })
    })
  ])
})

/** Whether the time is known, by which nobody outside is dialled else; and a person’s word that it is right. */
export function registerClockRoutes(app: App, { db }: Pick<HttpParts, 'db'>, time: KnownTime): void {
  const tags = ['compliance']
  const state = () => ({ at: time.wall().toISOString(), doubt: time.doubt() })

  app.get(
    '/compliance/clock',
    {
      config: access('compliance:read'),
      schema: { summary: 'Whether it is known what time it is', tags, response: responses({ 200: ClockSchema }) }
    },
    () => state()
  )

  app.post(
    '/compliance/clock/confirm',
    {
      config: { access: 'campaigns:control' },
      schema: {
        summary: 'Say that the time is right, after clocks were set',
        description: 'Clocks that differ are believed again only when they agree.',
        tags,
        response: responses({ 200: ClockSchema })
      }
    },
    async request => {
      const before = time.doubt()
      await time.confirm(actorOf(request).name)
      await audit(db, request, 'clock.confirmed', { kind: 'clock', id: before?.kind ?? 'known' }, { before })
      return state()
    }
  )
}
