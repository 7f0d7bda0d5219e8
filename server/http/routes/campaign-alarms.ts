import { Type } from 'typebox'
import { listAlarms, seeAlarm } from '../../../sql/queries/campaigns/campaigns.ts'
import { AppError } from '../../errors.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { DateString, IdParams, NullableString, responses } from '../schemas.ts'
import type { CampaignRouteParts } from './campaigns.ts'

/** What a person has to look at. */
export function registerCampaignAlarmRoutes(app: App, { db, now }: Pick<CampaignRouteParts, 'db' | 'now'>): void {
  const tags = ['campaigns']

  app.get(
    '/campaign-alarms',
    {
      config: { access: 'campaigns:read' },
      schema: {
        summary: 'What a person has to look at: blocked numbers above all',
        tags,
        querystring: Type.Object({ all: Type.Optional(Type.Boolean()) }),
        response: responses({
          200: Type.Object({
            items: Type.Array(
              Type.Object({
                id: Type.String(),
                campaignId: NullableString,
                kind: Type.String(),
                detail: Type.Record(Type.String(), Type.Unknown()),
                at: DateString,
                seenBy: NullableString
              })
            )
          })
        })
      }
    },
    async request => ({
      items: (await listAlarms(db, request.query.all !== true, null)).map(one => ({
        ...one,
        detail: { ...one.detail },
        at: one.at.toISOString()
      }))
    })
  )

  app.post(
    '/campaign-alarms/:id/seen',
    {
      config: { access: 'campaigns:control' },
      schema: { summary: 'Somebody has looked', tags, params: IdParams, response: responses({ 204: Type.Null() }) }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!/^\d{1,18}$/.test(id) || !(await seeAlarm(db, id, actorOf(request).id, now())))
        throw new AppError('NOT_FOUND', 'No open alarm has this id.')
      await audit(db, request, 'campaign-alarm.seen', { kind: 'campaign-alarm', id })
      return reply.status(204).send(null)
    }
  )
}
