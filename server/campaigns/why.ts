import type { CampaignState, Pacing } from '../../sql/campaign-tables.ts'
import type { ClockDoubt } from '../calls/clock-watch.ts'
import type { PaceReason } from './pacing.ts'

/** Why a campaign is dialling or not, as one sentence; screens translate the code and fill in the rest. */
export type Why = Readonly<{ code: WhyCode; values: Readonly<Record<string, string | number>> }>

export const WHY_CODES = [
  'dialling',
  'enoughUnderWay',
  'notStarted',
  'paused',
  'stopped',
  'ended',
  'draining',
  'clockDiffers',
  'clockWasSet',
  'enginesDown',
  'noTrunk',
  'trunksDown',
  'noCallerId',
  'noQueue',
  'queueClosed',
  'noAgents',
  'allBusy',
  'cap',
  'quietHours',
  'retriesLater',
  'nobodyLeft',
  'noLines',
  'goal',
  'promised'
] as const
export type WhyCode = (typeof WHY_CODES)[number]

export type Situation = Readonly<{
  state: CampaignState
  stateBy: string | null
  pacing: Pacing
  isDraining: boolean
  clockDoubt: ClockDoubt | null
  enginesDown: readonly string[]
  hasTrunk: boolean
  /** Names of the trunks, when none of them carries calls. */
  trunksDown: readonly string[]
  hasCallerId: boolean
  /** Null when the campaign needs none or it is there. */
  queue: 'unknown' | 'closed' | null
  agents: Readonly<{ free: number; busy: number; onBreak: number; offline: number; unreachable: number }> | null
  calls: number
  /** Leads that are due and may be called now, that wait for the hours of their place, and that wait for their turn. */
  due: number
  closed: number
  closedUntil: Date | null
  later: number
  laterAt: Date | null
  pace: PaceReason | null
}>

/** The first cause that stands in the way, the nearest to a person's hands first. Pure. */
export function explainDialling(situation: Situation): Why {
  const { state, agents, calls } = situation
  const say = (code: WhyCode, values: Why['values'] = {}): Why => ({ code, values })
  if (state === 'draft' || state === 'awaitingApproval' || state === 'approved') return say('notStarted')
  if (state === 'paused') return say('paused', { by: situation.stateBy ?? '', calls })
  if (state === 'stopped') return say('stopped', { by: situation.stateBy ?? '', calls })
  if (state === 'ended') return say('ended')
  if (situation.isDraining) return say('draining')
  const { clockDoubt } = situation
  if (clockDoubt !== null) {
    const values = { byMs: Math.abs(clockDoubt.byMs) }
    return clockDoubt.kind === 'differs' ? say('clockDiffers', values) : say('clockWasSet', values)
  }
  if (situation.enginesDown.length > 0) return say('enginesDown', { engines: situation.enginesDown.join(', ') })
  if (!situation.hasCallerId) return say('noCallerId')
  if (!situation.hasTrunk) return say('noTrunk')
  if (situation.trunksDown.length > 0) return say('trunksDown', { trunks: situation.trunksDown.join(', '), calls })
  if (situation.queue === 'unknown') return say('noQueue')
  if (situation.queue === 'closed') return say('queueClosed')
  if (situation.due === 0) {
    if (situation.closed > 0)
      return say('quietHours', { contacts: situation.closed, at: situation.closedUntil?.toISOString() ?? '' })
    if (situation.later > 0)
      return say('retriesLater', { contacts: situation.later, at: situation.laterAt?.toISOString() ?? '' })
    return calls > 0 ? say('enoughUnderWay', { calls }) : say('nobodyLeft')
  }
  if (agents !== null && agents.free === 0 && agents.busy === 0 && calls === 0)
    return say('noAgents', { onBreak: agents.onBreak, offline: agents.offline, unreachable: agents.unreachable })
  switch (situation.pace) {
    case 'noLines':
      return say('noLines', { calls })
    case 'goal':
      return say('goal')
    case 'promised':
      return say('promised')
    case 'cap':
      return say('cap', { calls })
    case 'allBusy':
      return say('allBusy', { agents: agents?.busy ?? 0 })
    case 'noAgents':
      return say('noAgents', {
        onBreak: agents?.onBreak ?? 0,
        offline: agents?.offline ?? 0,
        unreachable: agents?.unreachable ?? 0
      })
    case 'enoughUnderWay':
      return say('enoughUnderWay', { calls })
    default:
      return say('dialling', { calls })
  }
}
