import type { ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import type { Call } from '../calls/call.ts'
import { type Answer, type AnswerListener, listenFor } from './answer-detection.ts'
import type { Attempt } from './attempt.ts'
import type { Answered } from './person-first.ts'
import { screeningIn } from './screening-words.ts'
import { openingOf } from './statements.ts'

/** A greeting that goes on for longer is no question. */
const GREETING_LIMIT_MS = 30_000
/** After who calls has been said, so long somebody may take to pick up. */
const PICK_UP_MS = 30_000

/** An assistant asks who calls; its question was over at `endedAtMs` by `performance.now()`. */
export type Screening = Readonly<{ endedAtMs: number }>

/**
 * Whether what was taken for a machine is an assistant that screens calls. Its words tell, where a recogniser of open speech on
 * this machine hears them; otherwise that it waits in silence where a machine would have beeped. Null when it is none, and at
 * once where nothing would be done about it.
 */
export async function screeningOf(
  attempt: Attempt,
  call: Call,
  contact: ContactRow,
  listener: AnswerListener | null
): Promise<Screening | null> {
  const { amd } = attempt.campaign.settings
  // Both would be hung up on without a word: which it is need not be known.
  if (listener === null || (amd.onMachine === 'hangUp' && amd.onScreening !== 'identify')) return null
  const language = attempt.languageOf(contact)
  const words = Promise.withResolvers<Screening | null>()
  const over = new AbortController()
  const until = AbortSignal.any([call.signal, over.signal])
  let said = ''
  attempt.parts.speech
    .overhear(
      call,
      language,
      text => {
        said = `${said} ${text}`
        const kind = screeningIn(said, language)
        if (kind !== null) words.resolve(kind === 'asks' ? { endedAtMs: performance.now() } : null)
      },
      until
    )
    .catch(err => {
      if (!until.aborted) call.log.error({ err }, 'nobody listens for what a machine says')
    })
  const waits = listener
    .waits(GREETING_LIMIT_MS, call.signal)
    .then((found): Screening | null => (found === null ? null : { endedAtMs: found.sinceMs }))
  try {
    return await Promise.race([words.promise, waits])
  } catch (err) {
    // Whoever hung up meanwhile is looked after where the call ends.
    if (!call.signal.aborted) throw err
    return null
  } finally {
    over.abort()
  }
}

/**
 * What is done when an assistant asks who calls. By default no word is said: null, and the call ends. Where the campaign wants
 * it, an agentless call says what the law wants said first and waits for the person, whose answer comes back; otherwise
 * an agent is to say it, as to a person.
 */
export async function meetScreening(
  attempt: Attempt,
  { call, contact, dialled, audio }: Pick<Answered, 'call' | 'contact' | 'dialled' | 'audio'>,
  { endedAtMs }: Screening
): Promise<Answer | null> {
  const { parts, campaign } = attempt
  if (campaign.settings.amd.onScreening !== 'identify') return null
  if (campaign.pacing !== 'agentless')
    return { result: 'screening', reason: 'screening', atMs: 0, greetingEndedAtMs: endedAtMs }
  const opening = openingOf(campaign.settings, contact.language, dialled.lawful.decision.obligations)
  // Without the words that this call owes nothing may be said.
  if ('missing' in opening) return null
  try {
    const prompts = await parts.prepare(opening.prompts, call.signal)
    attempt.noticed('announcement', call)
    await audio.play(prompts, false, call.signal)
    using listener = listenFor(call, campaign, dialled.lawful, { initialSilenceMs: PICK_UP_MS, limitMs: PICK_UP_MS })
    const answer = await listener?.answer(call.signal)
    return answer?.result === 'human' ? answer : null
  } catch (err) {
    if (!call.signal.aborted) throw err
    return null
  }
}
