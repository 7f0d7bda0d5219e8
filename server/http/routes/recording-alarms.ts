import { Type } from 'typebox'
import { listRecordingAlarms } from '../../../sql/queries/quality/recording-alarms.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { responses } from '../schemas.ts'

/** Calls that must be recorded and are not, as supervisors see them while they go on. */
export function registerRecordingAlarmRoutes(app: App, { db }: Pick<HttpParts, 'db'>): void {
  app.get(
    '/recording-alarms',
    {
      config: { access: 'wallboard:read' },
      schema: {
        summary: 'Running calls that have to be recorded and are not',
        description: 'Those that a rule lets go on; others have ended with `recordingFailed`.',
        tags: ['recordings'],
        response: responses({
          200: Type.Object({
            items: Type.Array(Type.Object({ callId: Type.String(), since: Type.String(), code: Type.String() }))
          })
        })
      }
    },
    async () => ({
      items: (await listRecordingAlarms(db)).map(one => ({ ...one, since: one.since.toISOString() }))
    })
  )
}
