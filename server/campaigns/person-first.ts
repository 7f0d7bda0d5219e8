import { countLive, updateOpenAttempt } from '../../sql/queries/campaigns/attempts.ts'
import type { ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import { aborted } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { LegAudio } from '../calls/leg-audio.ts'
import { storeSurely } from '../calls/store-surely.ts'
import { ownEnd } from '../recordings/ask-called.ts'
import type { Answer, AnswerListener } from './answer-detection.ts'
import type { Attempt } from './attempt.ts'
import type { AttemptFacts } from './attempt-log.ts'
import { connectOrAbandon, prepareAbandoned } from './connect-or-abandon.ts'
import { type Dialled, dialLead } from './dial-lead.ts'
import { OptOut } from './opt-out.ts'
import type { Permitted } from './permit.ts'
import { meetScreening, screeningOf } from './screening.ts'
import { statementsFor } from './settings.ts'
import { openingOf, speech } from './statements.ts'

const MACHINE_LIMIT_MS = 45_000
/** Longer than that nobody is left in silence for the sake of a recording. */
const HEARD_MS = 800
/** The recording's first moment and the notice's are rounded apart. */
const ROUNDING_MS = 10

/** A call that was answered, for as long as somebody is there. */
export type Answered = Readonly<{
  call: Call
  contact: ContactRow
  dialled: Dialled
  audio: LegAudio
  answer: Answer
  amd: NonNullable<AttemptFacts['amd']>
}>

/** Predictive and agentless: the number first, then whoever is there for it. */
export async function runPersonFirst(
  attempt: Attempt,
  call: Call,
  contact: ContactRow,
  permitted: Permitted
): Promise<void> {
  const { parts, campaign, lead } = attempt
  const { settings } = campaign
  const isAgentless = campaign.pacing === 'agentless'
  // Ready before anybody answers: two seconds leave no time to make it.
  const abandonedMessage = isAgentless ? null : prepareAbandoned(attempt, call, contact)
  const dialled = await dialLead(attempt, call, permitted)
  if (dialled === null) return
  const { leg, lawful, answeredAt } = dialled
  using listener = dialled.listener
  using audio = new LegAudio(leg.endpoint)
  using optOut = new OptOut(parts, call, leg.endpoint, {
    number: lead.number,
    campaignId: campaign.id,
    key: settings.optOutKey
  })
  let answer = await answerOf(listener, call.signal)
  let amd = { result: answer.result, ms: answer.atMs }
  let verdict = { amd_result: answer.result, amd_ms: answer.atMs }
  if (answer.reason === 'hungUp' || answer.reason === 'callEnded') {
    // Somebody picked up and left before a word: a person as far as anybody can tell.
    await countLive(parts.db, call.id, campaign.no, answeredAt, verdict)
    await lawful.outcome('hung_up')
    await attempt.finish('person', { amd, detail: 'hung up at once', answeredAt })
    return
  }
  if (answer.result === 'fax' || answer.result === 'network') {
    call.end('flowHungUp', { detail: answer.result })
    await lawful.outcome('machine')
    await attempt.finish(answer.result, { amd, answeredAt })
    return
  }
  const mayAct = isAgentless || attempt.pace().actsOnMachines
  if (answer.result === 'machine' && settings.amd.onMachine !== 'agent' && mayAct) {
    await updateOpenAttempt(parts.db, call.id, verdict)
    const screening = await screeningOf(attempt, call, contact, listener)
    if (screening === null) {
      await leaveOnMachine(attempt, call, contact, audio, listener)
      await lawful.outcome('machine')
      await attempt.finish('machine', { amd, answeredAt })
      return
    }
    amd = { result: 'screening', ms: answer.atMs }
    verdict = { amd_result: 'screening', amd_ms: answer.atMs }
    await updateOpenAttempt(parts.db, call.id, verdict)
    const picked = await meetScreening(attempt, { call, contact, dialled, audio }, screening)
    if (picked === null) {
      call.end('flowHungUp', { detail: 'screening' })
      await lawful.outcome('machine')
      await attempt.finish('screened', { amd, answeredAt })
      return
    }
    answer = picked
  }
  // A person, for all that is known; until an agent has joined nobody else hears them.
  using ear = optOut.listen(attempt.languageOf(contact))
  const answered = { call, contact, dialled, audio, answer, amd }
  const noted = noteAnswer(attempt, answered)
  const recorded = recordNotice(attempt, answered)
  if (abandonedMessage === null) {
    await Promise.all([noted, recorded])
    await runAgentless(attempt, answered)
  } else await connectOrAbandon(attempt, answered, noted, abandonedMessage, ear)
}

async function answerOf(listener: AnswerListener | null, signal: AbortSignal): Promise<Answer> {
  const unheard = { atMs: 0, greetingEndedAtMs: performance.now() }
  if (listener === null) return { result: 'human', reason: 'notDetected', ...unheard }
  return await listener.answer(signal).catch((): Answer => ({ result: 'unknown', reason: 'hungUp', ...unheard }))
}

/** Counts the answer for the law; what the detector takes for a machine is none, even when an agent is to hear it. */
async function noteAnswer({ parts, campaign }: Attempt, { call, dialled, answer }: Answered): Promise<void> {
  const verdict = { amd_result: answer.result, amd_ms: answer.atMs }
  await storeSurely(
    async () => {
      if (answer.result === 'machine' || answer.result === 'screening')
        await updateOpenAttempt(parts.db, call.id, { ...verdict, state: 'answered' })
      else await countLive(parts.db, call.id, campaign.no, dialled.answeredAt, verdict)
    },
    parts.log,
    'the answer of a person'
  )
}

/** Records what is said from here on, where the campaign wants it and the law lets it be done unasked. Never rejects. */
async function recordNotice({ parts, campaign, lead }: Attempt, { call, contact, dialled }: Answered): Promise<void> {
  if (campaign.settings.recordsNotices !== true) return
  const { recordings, routing, prepare } = parts.calls.parts
  const { callerNumber, leg } = dialled
  try {
    const own = ownEnd(callerNumber, (await routing.tables()).numbers.get(callerNumber))
    const language = contact.language ?? campaign.settings.defaultLanguage
    const customer = { number: lead.number, own, language }
    if (await recordings.beginUnasked(call, leg.endpoint, customer, prepare, call.signal)) await untilHeard(call)
  } catch (err) {
    // A proof less, and no reason to keep a person waiting.
    if (!call.signal.aborted) call.log.error({ err }, 'a call of a campaign cannot be recorded')
  }
}

/**
 * Resolves when the first sound that is kept lies behind us, so that no word is lost; at the latest after {@link HEARD_MS}. What
 * arrives first may be from before, and frames may stand a little ahead of the clock by which a notice is put into the recording.
 */
async function untilHeard(call: Call): Promise<void> {
  const { tap } = call
  if (tap === null) return
  const heard = Promise.withResolvers<void>()
  const begunAtMs = tap.elapsedMs
  let firstAtMs: number | null = null
  const attachment = tap.attach({
    name: 'notice',
    onFrame({ atMs }) {
      if (atMs >= begunAtMs) firstAtMs ??= atMs
      if (firstAtMs !== null && tap.elapsedMs > firstAtMs + ROUNDING_MS) heard.resolve()
    }
  })
  const limit = setTimeout(heard.resolve, HEARD_MS)
  try {
    await Promise.race([heard.promise, aborted(call.signal)])
  } finally {
    clearTimeout(limit)
    attachment[Symbol.dispose]()
  }
}

async function runAgentless(attempt: Attempt, { call, contact, dialled, audio, amd }: Answered): Promise<void> {
  const { parts, campaign, lead } = attempt
  const { settings } = campaign
  const { lawful } = dialled
  const opening = openingOf(settings, contact.language, lawful.decision.obligations)
  let detail = ''
  try {
    if ('missing' in opening) {
      // Checked before it was dialled; a rule may have changed since.
      call.end('flowFailed', { detail: `no statement for ${opening.missing.join(', ')}` })
      detail = 'statement missing'
    } else {
      const prompts = await parts.prepare(opening.prompts, call.signal)
      attempt.noticed('announcement', call)
      await audio.play(prompts, false, call.signal)
      const isRun =
        settings.flowId !== undefined &&
        (await parts.runFlow(call, { leg: dialled.leg, audio }, settings.flowId, {
          callerNumber: dialled.callerNumber,
          calledNumber: lead.number,
          language: opening.language,
          variables: { name: contact.name, ...contact.custom }
        }))
      if (!isRun) call.end('flowFailed', { detail: 'the flow is not published' })
    }
  } catch (err) {
    if (!call.signal.aborted) throw err
  }
  const hasTalked = call.ended?.reason !== 'calleeHungUp'
  await lawful.outcome(hasTalked ? 'conversation' : 'hung_up')
  await attempt.finish('person', { amd, detail, isConnected: true, answeredAt: dialled.answeredAt })
}

async function leaveOnMachine(
  attempt: Attempt,
  call: Call,
  contact: ContactRow,
  audio: LegAudio,
  listener: AnswerListener | null
): Promise<void> {
  const { parts, campaign } = attempt
  const { settings } = campaign
  const { language, statements } = statementsFor(settings, contact.language)
  const message = statements?.voicemail
  if (settings.amd.onMachine === 'message' && message !== undefined)
    try {
      // Whoever hears the machine is told who has called as well, whatever the message says (47 CFR 64.1200(b)(1)).
      const identification = statements?.identification ?? message
      const texts = message.includes(identification) ? [message] : [identification, message]
      const sources = await parts.prepare(
        texts.map(text => speech(text, language)),
        call.signal
      )
      await listener?.recording(MACHINE_LIMIT_MS, call.signal)
      attempt.noticed('machineMessage', call)
      await audio.play(sources, false, call.signal)
    } catch (err) {
      if (!call.signal.aborted) call.log.warn({ err }, 'a message could not be left on a machine')
    }
  call.end('flowHungUp', { detail: 'machine' })
}
