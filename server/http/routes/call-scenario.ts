import { Type } from 'typebox'
import { parseFlow } from '../../../ivr-flows/parse.ts'
import { findCdr, listCallEvents } from '../../../sql/queries/calls.ts'
import { findFlowVersion } from '../../../sql/queries/flows.ts'
import { AppError } from '../../errors.ts'
import { QualityError } from '../../quality/errors.ts'
import type { Quality } from '../../quality/quality.ts'
import { readTranscript, type Transcript } from '../../quality/transcript-store.ts'
import { viewTranscript } from '../../quality/transcript-view.ts'
import { scenarioFromCall, scenarioText } from '../../simulator/scenario-from-call.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { IdParams, responses } from '../schemas.ts'

/** A scripted caller out of a stored call. */
export function registerCallScenarioRoute(app: App, quality: Quality): void {
  const { db } = quality
  app.post(
    '/calls/:id/scenario',
    {
      config: { access: 'transcripts:read' },
      schema: {
        summary: 'Make a scripted caller out of a call',
        description:
          'The caller does what the customer did: keys of menus, words as the transcript has them with everything personal hidden, silences and interruptions. Answers that were keyed in are not kept; zeros stand for them, with a comment.',
        tags: ['calls'],
        params: IdParams,
        response: responses({
          200: Type.Object({
            flowId: Type.String(),
            flowVersion: Type.Integer(),
            name: Type.String(),
            source: Type.String({ description: 'The scenario as YAML' }),
            notes: Type.Integer({ description: 'Steps with a comment: somebody has to look at them' })
          })
        })
      }
    },
    async request => {
      const { id } = request.params
      const row = await findCdr(db, id)
      if (row === undefined) throw new AppError('NOT_FOUND', 'No call has this id.')
      if (row.flow_id === null || row.flow_version === null || row.state !== 'ended')
        throw new AppError('CONFLICT', 'Only of a call that has ended and went through a flow a scenario can be made.')
      const [events, version, transcript] = await Promise.all([
        listCallEvents(db, id),
        findFlowVersion(db, row.flow_id, row.flow_version),
        transcriptOf(id)
      ])
      const made = scenarioFromCall({
        callId: id,
        startedAt: row.started_at,
        endReason: row.end_reason,
        tags: row.tags,
        events,
        // Whoever may see more gets no more here: a scenario is kept for long and read by many.
        said: transcript === null ? [] : viewTranscript(transcript, true).filter(one => one.speaker === 'customer'),
        flow: version === undefined ? null : parseFlow(version.source).flow
      })
      await audit(db, request, 'call.scenario.made', { kind: 'call', id })
      return {
        flowId: row.flow_id,
        flowVersion: row.flow_version,
        name: made.scenario.name,
        source: scenarioText(id, made),
        notes: made.steps.filter(one => one.note !== null).length
      }
    }
  )

  async function transcriptOf(callId: string): Promise<Transcript | null> {
    try {
      return await readTranscript(quality, callId)
    } catch (err) {
      // The keys and silences of the story still make a scenario.
      if (err instanceof QualityError && err.code === 'TRANSCRIPT_ERASED') return null
      throw err
    }
  }
}
