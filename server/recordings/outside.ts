import type { RecordingPolicyName } from '../compliance/recording-policy.ts'
import type { RecordingConsent } from './call-recording.ts'

/**
 * Whether services outside this machine (recognisers, language models) may learn what a customer says. What they hear is out
 * of our hands, so they need the same leave as a recorder: a grant; without one only where the law of both ends wants
 * nothing said first, and never after a no. Pure.
 */
export function mayLeaveMachine(consent: RecordingConsent, policy: RecordingPolicyName): boolean {
  switch (consent) {
    case 'granted':
      return true
    case 'refused':
    case 'withdrawn':
      return false
    case 'unasked':
    case 'never':
      return policy === 'one_party'
    default:
      return consent satisfies never
  }
}
