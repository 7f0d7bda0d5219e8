import { useTranslation } from 'react-i18next'
import { useReasonWords } from '../call-bar/use-reason-words.ts'
import { type BoardAgent, hasFault, shownAgent } from './board.ts'

const FAULTS = [
  'noProof',
  'microphoneDenied',
  'microphoneMissing',
  'microphoneEnded',
  'connectionLost',
  'connectionSlow',
  'connectionLossy',
  'notTheActiveTab',
  'missedCall'
] as const

/** What an agent does, in a word; of a fault its cause, of a break its reason. */
export function useAgentWords(): (agent: BoardAgent) => string {
  const { t } = useTranslation('supervision')
  const { t: common } = useTranslation()
  const reasonWords = useReasonWords()
  return agent => {
    if (hasFault(agent)) {
      const cause = FAULTS.find(one => agent.notRoutable.includes(one))
      return cause === undefined ? common('state.fault') : t(`fault.${cause}`)
    }
    if (agent.status === 'onBreak' && agent.state === 'idle' && agent.statusReason !== null)
      return common('status.breakFor', { reason: reasonWords(agent.statusReason) })
    return common(`state.${shownAgent(agent)}`)
  }
}
