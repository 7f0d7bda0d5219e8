import { attemptsOfLead, disposableAttempts, setDisposed } from '../../sql/queries/campaigns/attempts.ts'
import { numbersOf } from '../../sql/queries/campaigns/contacts.ts'
import type { Db } from '../../sql/database.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import type { Campaign } from './campaign.ts'
import { nextStep, type Outcome, wasDialled } from './retry.ts'

/** What agents have chosen in wrap-up decides about their contacts. */
export async function disposeOutcomes(
  { db, compliance }: Readonly<{ db: Db; compliance: Pick<ComplianceService, 'internalList'> }>,
  campaign: Campaign,
  now: Date
): Promise<void> {
  for (const attempt of await disposableAttempts(db, campaign.no, 50)) {
    const rule = attempt.chosen === null ? undefined : campaign.settings.dispositions?.[attempt.chosen]
    const action = rule?.action ?? 'done'
    if (action === 'stop')
      await compliance.internalList.stop({
        e164: attempt.number,
        channel: 'agent',
        detail: `campaign ${campaign.id}, call ${attempt.id}`,
        at: now,
        recordedBy: attempt.agent_id
      })
    if (action === 'retry') {
      const at = new Date(now.getTime() + (rule?.gapMinutes ?? 24 * 60) * 60_000)
      await setDisposed(
        db,
        attempt.id,
        attempt.chosen,
        { state: 'waiting', nextAt: at, position: null, placeId: null, outcome: 'person' },
        now
      )
      continue
    }
    const outcome: Outcome = action === 'wrongNumber' ? 'invalid' : action === 'machine' ? 'machine' : 'person'
    if (outcome === 'person') {
      await setDisposed(
        db,
        attempt.id,
        attempt.chosen,
        { state: 'done', nextAt: null, position: null, placeId: null, outcome },
        now
      )
      continue
    }
    const numbers = (await numbersOf(db, [attempt.contact_id])).get(attempt.contact_id) ?? []
    const history = (await attemptsOfLead(db, campaign.no, attempt.contact_id))
      .filter(one => wasDialled(one.outcome))
      .map(one => ({ outcome: one.id === attempt.id ? outcome : (one.outcome as Outcome), position: one.position }))
    const step = nextStep(
      outcome,
      attempt.position,
      { attempts: history, numbers: numbers.length },
      campaign.settings,
      now
    )
    await setDisposed(
      db,
      attempt.id,
      attempt.chosen,
      step.state === 'waiting'
        ? {
            state: 'waiting',
            nextAt: step.at,
            position: step.position,
            placeId: numbers[step.position]?.placeId ?? null,
            outcome
          }
        : { state: step.state, nextAt: null, position: null, placeId: null, outcome },
      now
    )
  }
}
