import type { Prompt } from '../../ivr-flows/host.ts'
import { beginDialling, countLive, type ReservedLead, updateOpenAttempt } from '../../sql/queries/campaigns/attempts.ts'
import {
  type CallerIdRow,
  carrierLimits,
  insertAlarm,
  takeDialSlot,
  updateCallerId
} from '../../sql/queries/campaigns/campaigns.ts'
import { findContact, type ContactRow } from '../../sql/queries/campaigns/contacts.ts'
import type { TrunkRow } from '../../sql/queries/telephony.ts'
import type { AgentCalls } from '../agent-calls/agent-calls.ts'
import { type LiveCard, openCard } from '../agent-calls/customer-card.ts'
import { ringAgent } from '../agent-calls/ring-agent.ts'
import { talk } from '../agent-calls/talk.ts'
import { onAbort } from '../calls/aborted.ts'
import type { Call } from '../calls/call.ts'
import { endReasonOf, endWithMedia } from '../calls/caller-leg.ts'
import { type AnsweredLeg, dial, type DialOutcome } from '../calls/dial.ts'
import { endReasonForStatus } from '../calls/end-reasons.ts'
import { LegAudio } from '../calls/leg-audio.ts'
import type { AttemptOutcome, IntendedCall, LawfulAttempt } from '../calls/outbound-law.ts'
import type { ComplianceService } from '../compliance/compliance-service.ts'
import { routeOutbound } from '../routing/route-outbound.ts'
import type { AgentPool, HeldAgent } from './agent-pool.ts'
import { type Answer, type AnswerListener, listenForAnswer } from './answer-detection.ts'
import { type AttemptFacts, type AttemptParts, finishAttempt, finishUnlawful, releaseLead } from './attempt-log.ts'
import { chooseCallerId } from './caller-id.ts'
import type { Campaign } from './campaign.ts'
import { modeOf, questionOf } from './facts.ts'
import { type Outcome, outcomeForStatus } from './retry.ts'
import { statementsFor } from './settings.ts'
import { missingFor, openingOf, speech } from './statements.ts'

export type CampaignCallParts = AttemptParts &
  Readonly<{
    calls: AgentCalls
    compliance: ComplianceService
    callerIds(): Promise<readonly CallerIdRow[]>
    /** Runs the published flow of an agentless campaign until it ends the call; false when none is published. */
    runFlow(
      call: Call,
      leg: Readonly<{ leg: AnsweredLeg; audio: LegAudio }>,
      flowId: string,
      facts: Readonly<{
        callerNumber: string | null
        calledNumber: string
        language: string
        variables: Readonly<Record<string, string>>
      }>
    ): Promise<boolean>
    prepare(prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly string[]>
    /** Told before each step that a crash may follow; tests stop there. */
    step(name: CallStep, lead: ReservedLead): Promise<void>
  }>

export type CallStep = 'reserved' | 'permitted' | 'dialling' | 'answered' | 'ended'

/** What the law's counters say now, for the decision. */
export type PaceFacts = Readonly<{ pacing: 'preview' | 'progressive' | 'predictive'; live: number; abandoned: number }>

const RINGBACK = 'tone_stream://%(2000,4000,440,480)'
/** 47 CFR 64.1200(a)(7): an agent within two seconds of the completed greeting. The rest goes to ringing the agent. */
const AGENT_WITHIN_MS = 1_300
const MACHINE_LIMIT_MS = 45_000
const AGENT_RING_MS = 20_000
/** A decision holds for 60 seconds: so long an agent may look at a contact. */
const PREVIEW_MS = 45_000
const SLOT_TRIES = 4

type Contact = ContactRow
type Permitted = Readonly<{ attempt: LawfulAttempt; callerId: CallerIdRow; trunk: TrunkRow | undefined }>
type Dialled = Readonly<{ leg: AnsweredLeg; attempt: LawfulAttempt; callerNumber: string; answeredAt: Date }>

/**
 * One dial of a campaign from the reserved lead to what is written about it. Never throws: whatever happens, the attempt
 * has an end.
 */
export class CampaignCall {
  readonly #parts: CampaignCallParts
  readonly #campaign: Campaign
  readonly #lead: ReservedLead
  readonly #pool: AgentPool | null
  readonly #pace: () => PaceFacts & Readonly<{ actsOnMachines: boolean }>
  #isDialling = false
  #isFinished = false

  constructor(
    parts: CampaignCallParts,
    campaign: Campaign,
    lead: ReservedLead,
    pool: AgentPool | null,
    pace: () => PaceFacts & Readonly<{ actsOnMachines: boolean }>
  ) {
    this.#parts = parts
    this.#campaign = campaign
    this.#lead = lead
    this.#pool = pool
    this.#pace = pace
  }

  /** `held`: the agent who gets this very call, in preview and progressive dialling. */
  async run(held: HeldAgent | null, signal: AbortSignal): Promise<void> {
    const { calls, log } = this.#parts
    const callId = this.#lead.id
    try {
      await this.#parts.step('reserved', this.#lead)
      const contact = await findContact(this.#parts.db, this.#lead.contactId)
      if (contact === undefined) await this.#release('the contact was removed', 3_600_000)
      const permitted = contact === undefined ? null : await this.#permit(contact, held)
      if (contact === undefined || permitted === null) return
      const call = calls.parts.newCall(callId)
      calls.parts.liveCalls.add(call)
      try {
        await using _call = call
        onAbort(signal, () => call.end('draining'))
        this.#started(call, permitted.callerId.number)
        try {
          if (held === null) await this.#withoutAgent(call, contact, permitted)
          else await this.#agentFirst(call, contact, held, permitted)
        } catch (err) {
          if (!call.signal.aborted) {
            log.error({ err, callId }, 'a call of a campaign failed')
            call.end('internalError', { detail: err instanceof Error ? err.message : String(err) })
          }
        } finally {
          if (!this.#isDialling) await permitted.attempt.outcome('not_placed')
        }
      } finally {
        calls.parts.liveCalls.remove(call)
      }
    } catch (err) {
      log.error({ err, callId }, 'an attempt of a campaign failed')
    } finally {
      if (held !== null) await this.#pool?.giveBack(held)
      if (!this.#isFinished)
        await (this.#isDialling
          ? // It may have rung; whether it did is in the call's story, and nobody dials again for that.
            this.#finish('unknown', { detail: 'the server made an error' })
          : this.#release('not dialled', 30_000)
        ).catch(err => log.error({ err, callId }, 'the end of an attempt could not be written'))
      await this.#parts.step('ended', this.#lead)
    }
  }

  /** Predictive and agentless: the number first, then whoever is there for it. */
  async #withoutAgent(call: Call, contact: Contact, permitted: Permitted): Promise<void> {
    const dialled = await this.#dial(call, permitted)
    if (dialled === null) return
    const { leg, attempt } = dialled
    using audio = new LegAudio(leg.endpoint)
    using listener = this.#listen(call, attempt)
    using _stop = this.#optOutByKey(call, leg)
    const answer: Answer =
      listener === null
        ? { result: 'human', atMs: 0, reason: 'notDetected' }
        : await listener.answer(call.signal).catch((): Answer => ({ result: 'unknown', atMs: 0, reason: 'hungUp' }))
    const amd = { result: answer.result, ms: answer.atMs }
    await updateOpenAttempt(this.#parts.db, call.id, { amd_result: answer.result, amd_ms: answer.atMs })
    if (answer.reason === 'hungUp' || answer.reason === 'callEnded') {
      // Somebody picked up and left before a word: a person as far as anybody can tell.
      await countLive(this.#parts.db, call.id, this.#campaign.no, dialled.answeredAt)
      await attempt.outcome('hung_up')
      await this.#finish('person', { amd, detail: 'hung up at once', answeredAt: dialled.answeredAt })
      return
    }
    if (answer.result === 'fax' || answer.result === 'network') {
      call.end('flowHungUp', { detail: answer.result })
      await attempt.outcome('machine')
      await this.#finish(answer.result, { amd, answeredAt: dialled.answeredAt })
      return
    }
    const { onMachine } = this.#campaign.settings.amd
    const mayAct = this.#campaign.pacing === 'agentless' || this.#pace().actsOnMachines
    if (answer.result === 'machine' && onMachine !== 'agent' && mayAct) {
      await this.#toMachine(call, contact, audio, listener)
      await attempt.outcome('machine')
      await this.#finish('machine', { amd, answeredAt: dialled.answeredAt })
      return
    }
    // What the detector takes for a machine is no answer by a person, even when an agent is to hear it.
    if (answer.result === 'machine') await updateOpenAttempt(this.#parts.db, call.id, { state: 'answered' })
    else await countLive(this.#parts.db, call.id, this.#campaign.no, dialled.answeredAt)
    if (this.#campaign.pacing === 'agentless') await this.#runAgentless(call, contact, dialled, audio, amd)
    else await this.#toPool(call, contact, dialled, audio, amd)
  }

  /** Preview and progressive: the agent first, so that nobody answers to silence. */
  async #agentFirst(call: Call, contact: Contact, held: HeldAgent, permitted: Permitted): Promise<void> {
    const { calls } = this.#parts
    const { offer, visit } = held
    const agentId = offer.agentId
    if (!(await calls.parts.queues.assignCall(visit, offer, call.id))) {
      call.end('noAnswer', { detail: 'agent: gone' })
      await this.#release('agent gone', 1_000)
      return
    }
    const card = this.#card(call, contact)
    const isPreview = this.#campaign.pacing === 'preview'
    const ringMs = isPreview ? PREVIEW_MS : AGENT_RING_MS
    const ringing = await ringAgent(
      calls.serveParts(),
      call,
      { agentId, ringMs, card, offer: this.#offer(call, contact, held, ringMs, !isPreview && offer.isAutoAnswered) },
      AbortSignal.any([call.signal, offer.withdrawn])
    )
    if (ringing.kind !== 'answered') {
      const reason = calls.desk(agentId)?.whyRejected(offer.id) ?? ''
      const isSkip = isPreview && ringing.kind === 'rejected'
      // To skip a contact is the agent's good right: no missed call, the next one comes at once.
      await visit.settle(offer.id, { kind: isSkip ? 'withdrawn' : ringing.kind })
      call.end('noAnswer', { detail: isSkip ? 'skipped' : `agent: ${ringing.kind}` })
      await this.#release(isSkip ? `skipped: ${reason}` : `agent: ${ringing.kind}`, isSkip ? 4 * 3_600_000 : 5_000)
      return
    }
    const desk = calls.desk(agentId)
    const facts = {
      callId: call.id,
      direction: 'outbound' as const,
      queue: this.#deskQueue(held),
      language: contact.language,
      card
    }
    desk?.beginCall(facts, null, () => call.end('agentHungUp'))
    let isTalking = false
    try {
      using ownAudio = new LegAudio(ringing.leg.endpoint)
      const stopRingback = ownAudio.loop(RINGBACK)
      const dialled = await this.#dial(call, permitted)
      if (dialled === null) return
      await stopRingback()
      using listener = this.#listen(call, dialled.attempt)
      const background = listener?.answer(call.signal).catch((): null => null) ?? Promise.resolve(null)
      if (!(await visit.settle(offer.id, { kind: 'answered' }))) {
        call.end('internalError', { detail: 'the hold on the agent was over' })
        return
      }
      isTalking = true
      await updateOpenAttempt(this.#parts.db, call.id, {
        state: 'answered',
        agent_id: agentId,
        connected_at: this.#parts.now()
      })
      await this.#talk(call, contact, dialled, card, held, ringing.leg, ringing.answerMs)
      call.end('agentHungUp')
      await visit.leave('answered')
      const answer = await background
      const amd = answer === null ? undefined : { result: answer.result, ms: answer.atMs }
      if (answer?.result !== 'machine' && answer?.result !== 'fax')
        await countLive(this.#parts.db, call.id, this.#campaign.no, dialled.answeredAt)
      await dialled.attempt.outcome('conversation')
      await this.#finish('person', {
        agentId,
        isConnected: true,
        waitsForAgent: true,
        answeredAt: dialled.answeredAt,
        ...(amd !== undefined && { amd })
      })
    } finally {
      if (!isTalking) {
        await ringing.leg[Symbol.asyncDispose]()
        desk?.endCall(call.id)
        await visit.settle(offer.id, { kind: 'withdrawn' })
      }
    }
  }

  /** A person has answered: whoever of the pool is held gets the call, at once or within the law's two seconds. */
  async #toPool(
    call: Call,
    contact: Contact,
    dialled: Dialled,
    audio: LegAudio,
    amd: NonNullable<AttemptFacts['amd']>
  ): Promise<void> {
    const { calls } = this.#parts
    const untilMs = performance.now() + AGENT_WITHIN_MS
    const card = this.#card(call, contact)
    for (;;) {
      const leftMs = untilMs - performance.now()
      const held =
        leftMs <= 0 || this.#pool === null ? null : await this.#pool.next(leftMs, call.signal).catch((): null => null)
      if (held === null) break
      let isTalking = false
      try {
        const { offer, visit } = held
        if (call.signal.aborted) break
        if (!(await calls.parts.queues.assignCall(visit, offer, call.id))) continue
        const ringMs = Math.round(Math.max(500, untilMs + 700 - performance.now()))
        const ringing = await ringAgent(
          calls.serveParts(),
          call,
          { agentId: offer.agentId, ringMs, card, offer: this.#offer(call, contact, held, ringMs, true) },
          AbortSignal.any([call.signal, offer.withdrawn])
        ).catch(err => {
          if (call.signal.aborted || offer.withdrawn.aborted) return { kind: 'callerGone' as const }
          throw err
        })
        if (ringing.kind !== 'answered') {
          await visit.settle(offer.id, { kind: ringing.kind })
          continue
        }
        if (!(await visit.settle(offer.id, { kind: 'answered' }))) {
          await ringing.leg[Symbol.asyncDispose]()
          continue
        }
        isTalking = true
        await updateOpenAttempt(this.#parts.db, call.id, {
          agent_id: offer.agentId,
          connected_at: this.#parts.now()
        })
        await this.#talk(call, contact, dialled, card, held, ringing.leg, ringing.answerMs)
        call.end('agentHungUp')
        await visit.leave('answered')
        await dialled.attempt.outcome('conversation')
        await this.#finish('person', {
          amd,
          agentId: offer.agentId,
          isConnected: true,
          waitsForAgent: true,
          answeredAt: dialled.answeredAt
        })
        return
      } finally {
        if (!isTalking) await this.#pool?.giveBack(held)
      }
    }
    await this.#abandon(call, contact, dialled, audio, amd)
  }

  /** Nobody was there in time: the person hears who called, and is not called by the dialler for three days. */
  async #abandon(
    call: Call,
    contact: Contact,
    dialled: Dialled,
    audio: LegAudio,
    amd: NonNullable<AttemptFacts['amd']>
  ): Promise<void> {
    const { language, statements } = statementsFor(this.#campaign.settings, contact.language)
    const texts = [statements?.abandoned ?? statements?.identification, statements?.optOut]
    if (!call.signal.aborted)
      try {
        const prompts = texts.flatMap(text => (text === undefined ? [] : [speech(text, language)]))
        await audio.play(await this.#parts.prepare(prompts, call.signal), false, call.signal)
      } catch (err) {
        if (!call.signal.aborted) call.log.error({ err }, 'the message for an abandoned person could not be played')
      }
    call.end('flowHungUp', { detail: 'abandoned' })
    await dialled.attempt.outcome('abandoned')
    await this.#finish('abandoned', { amd, isAbandoned: true, answeredAt: dialled.answeredAt })
  }

  async #runAgentless(
    call: Call,
    contact: Contact,
    dialled: Dialled,
    audio: LegAudio,
    amd: NonNullable<AttemptFacts['amd']>
  ): Promise<void> {
    const { settings } = this.#campaign
    const opening = openingOf(settings, contact.language, dialled.attempt.decision.obligations)
    let detail = ''
    try {
      if ('missing' in opening) {
        // Checked before it was dialled; a rule may have changed since.
        call.end('flowFailed', { detail: `no statement for ${opening.missing.join(', ')}` })
        detail = 'statement missing'
      } else {
        await audio.play(await this.#parts.prepare(opening.prompts, call.signal), false, call.signal)
        const isRun =
          settings.flowId !== undefined &&
          (await this.#parts.runFlow(call, { leg: dialled.leg, audio }, settings.flowId, {
            callerNumber: dialled.callerNumber,
            calledNumber: this.#lead.number,
            language: opening.language,
            variables: { name: contact.name, ...contact.custom }
          }))
        if (!isRun) call.end('flowFailed', { detail: 'the flow is not published' })
      }
    } catch (err) {
      if (!call.signal.aborted) throw err
    }
    const hasTalked = call.ended?.reason !== 'calleeHungUp'
    await dialled.attempt.outcome(hasTalked ? 'conversation' : 'hung_up')
    await this.#finish('person', { amd, detail, isConnected: true, answeredAt: dialled.answeredAt })
  }

  async #toMachine(call: Call, contact: Contact, audio: LegAudio, listener: AnswerListener | null): Promise<void> {
    const { language, statements } = statementsFor(this.#campaign.settings, contact.language)
    const message = statements?.voicemail
    if (this.#campaign.settings.amd.onMachine === 'message' && message !== undefined)
      try {
        const sources = await this.#parts.prepare([speech(message, language)], call.signal)
        await listener?.recording(MACHINE_LIMIT_MS, call.signal)
        await audio.play(sources, false, call.signal)
      } catch (err) {
        if (!call.signal.aborted) call.log.warn({ err }, 'a message could not be left on a machine')
      }
    call.end('flowHungUp', { detail: 'machine' })
  }

  /** Looks for a caller ID and a trunk, decides, and writes the decision. Null when that was the end of it. */
  async #permit(contact: Contact, held: HeldAgent | null): Promise<Permitted | null> {
    const { calls, db } = this.#parts
    const { parts } = calls
    const lead = this.#lead
    const { settings } = this.#campaign
    const callerId = chooseCallerId(
      (await this.#parts.callerIds()).filter(one => settings.callerIds.includes(one.id)),
      lead.number,
      lead.contactId,
      this.#parts.now()
    )
    if (callerId === null) {
      await this.#release('no caller ID may be shown', 300_000)
      return null
    }
    const route = routeOutbound(lead.number, callerId.number, await parts.routing.tables())
    if (route.kind === 'refuse') {
      await this.#release(`no trunk: ${route.code}`, 300_000)
      return null
    }
    const ruling = await parts.law.rule(this.#intended(contact, callerId.number))
    if (ruling.kind === 'refused') {
      this.#isFinished = true
      await finishUnlawful(this.#parts, this.#campaign, lead, ruling.decisionId, ruling.decision)
      return null
    }
    const { attempt } = ruling
    const isOurs = await updateOpenAttempt(db, lead.id, {
      state: 'permitted',
      decision_id: attempt.decisionId,
      caller_number: callerId.number,
      ...(held !== null && { agent_id: held.offer.agentId })
    })
    await this.#parts.step('permitted', lead)
    if (!isOurs) {
      await attempt.outcome('not_placed')
      this.#isFinished = true
      return null
    }
    const missing =
      this.#campaign.pacing === 'agentless'
        ? missingFor(statementsFor(settings, contact.language).statements, attempt.decision.obligations)
        : []
    if (missing.length > 0) {
      await attempt.outcome('not_placed')
      await this.#release(`no statement for ${missing.join(' ')}`, 3_600_000)
      return null
    }
    return { attempt, callerId, trunk: route.trunks[0]?.trunk }
  }

  /** Waits for its turn on the trunk, marks that the INVITE leaves, and dials. Null when that was the end of it. */
  async #dial(call: Call, { attempt, callerId, trunk }: Permitted): Promise<Dialled | null> {
    const { calls, db, log } = this.#parts
    const lead = this.#lead
    const { settings, no } = this.#campaign
    if (!(await this.#takeSlot(trunk, call.signal))) {
      call.end('trunkLimit')
      await this.#release('no room on the trunk in this moment', 5_000)
      return null
    }
    if (Date.parse(attempt.decision.validUntil) < this.#parts.now().getTime()) {
      call.end('unreachable', { detail: 'the decision was too old' })
      await this.#release('the decision was too old', 1_000)
      return null
    }
    const sipCallId = sipCallIdOf(lead.id)
    if (!(await beginDialling(db, lead.id, { sip_call_id: sipCallId }, no, this.#parts.now()))) {
      call.end('unreachable', { detail: 'the attempt was taken over' })
      this.#isFinished = true
      return null
    }
    this.#isDialling = true
    await this.#parts.step('dialling', lead)
    const startedAtMs = performance.now()
    const outcome = await dial(
      calls.parts,
      call,
      {
        destination: { kind: 'number', value: lead.number },
        callerNumber: callerId.number,
        ringMs: settings.ringMs,
        sipCallId,
        onRinging: () => call.record({ kind: 'ringing' })
      },
      call.signal
    ).catch((err: unknown): DialOutcome => {
      if (!call.signal.aborted) throw err
      return { kind: 'noAnswer' }
    })
    if (outcome.kind !== 'answered') {
      await this.#notAnswered(call, outcome, attempt, callerId)
      return null
    }
    const answeredAt = this.#parts.now()
    await updateOpenAttempt(db, lead.id, { answered_at: answeredAt })
    const { endpoint, dialog } = outcome.leg
    onAbort(dialog.ended, () => call.end(endReasonOf(dialog.endedBy, 'calleeHungUp')))
    endWithMedia(call, endpoint)
    call.customerAnswered(endpoint, performance.now() - startedAtMs)
    await this.#parts.step('answered', lead)
    log.debug({ callId: call.id }, 'a call of a campaign was answered')
    return { leg: outcome.leg, attempt, callerNumber: callerId.number, answeredAt }
  }

  async #notAnswered(
    call: Call,
    outcome: Exclude<DialOutcome, { kind: 'answered' }>,
    attempt: LawfulAttempt,
    callerId: CallerIdRow
  ): Promise<void> {
    const { db } = this.#parts
    const law: AttemptOutcome = outcome.kind === 'busy' ? 'busy' : outcome.kind === 'noAnswer' ? 'no_answer' : 'failed'
    await attempt.outcome(law)
    switch (outcome.kind) {
      case 'busy':
        call.end('busy')
        await this.#finish('busy')
        return
      case 'noAnswer':
        call.end('noAnswer')
        await this.#finish('noAnswer')
        return
      case 'notAllowed':
        call.end(outcome.code === 'TRUNK_LIMIT' ? 'trunkLimit' : 'unreachable', { detail: outcome.reason })
        // No INVITE has left.
        await this.#release(outcome.reason, 5_000)
        return
      case 'refused': {
        const { status, reason } = outcome
        const result = outcomeForStatus(status, outcome.isAnalyticsBlock === true)
        call.end(endReasonForStatus(status), { hangupCause: String(status), detail: reason })
        await this.#finish(result, { sipStatus: status, detail: reason })
        if (result === 'blocked') {
          const at = this.#parts.now()
          // Another number of ours would be cycling; this one rests until somebody has looked.
          if (outcome.isAnalyticsBlock === true)
            await updateCallerId(db, callerId.id, { blocked_at: at, block_reason: `${status} ${reason}`.trim() })
          await insertAlarm(db, {
            campaignNo: this.#campaign.no,
            kind: outcome.isAnalyticsBlock === true ? 'spamBlocked' : 'unwanted',
            detail: { callId: call.id, callerNumber: callerId.number, status, reason },
            at
          })
        }
        return
      }
      default:
        outcome satisfies never
    }
  }

  /** One of the calls that a trunk and its carrier allow in a second, over all control planes. */
  async #takeSlot(trunk: Permitted['trunk'], signal: AbortSignal): Promise<boolean> {
    const { db } = this.#parts
    const { id: trunkId = '', carrier = '', maxCallsPerSecond: perSecond = 1 } = trunk ?? {}
    const carrierLimit = carrier === '' ? undefined : (await carrierLimits(db)).get(carrier)
    for (let tries = 0; tries < SLOT_TRIES && !signal.aborted; tries += 1) {
      const nowMs = Date.now()
      const second = Math.floor(nowMs / 1_000)
      const ownLimit = this.#campaign.settings.maxCallsPerSecond
      if (
        (await takeDialSlot(db, `campaign:${this.#campaign.no}`, second, ownLimit)) &&
        (carrierLimit === undefined || (await takeDialSlot(db, `carrier:${carrier}`, second, carrierLimit))) &&
        (await takeDialSlot(db, `trunk:${trunkId}`, second, perSecond))
      )
        return true
      await new Promise(resolve => setTimeout(resolve, 1_000 - (nowMs % 1_000)))
    }
    return false
  }

  #intended(contact: Contact, callerNumber: string): IntendedCall {
    const { settings, pacing, id } = this.#campaign
    const lead = this.#lead
    const { pacing: pace, live, abandoned } = this.#pace()
    const question = questionOf(pacing, settings, { ...contact, isCustomer: contact.is_customer }, lead.number)
    return {
      callId: lead.id,
      number: lead.number,
      mode: modeOf(pacing, settings),
      purpose: lead.callbackAt === null ? settings.purpose : ('callback_requested' as const),
      callerNumber,
      campaignId: id,
      contactId: lead.contactId,
      ...(lead.callbackAt !== null && { callbackRequestedAt: lead.callbackAt }),
      more: { ...question, campaign: { pacing: pace, live, abandoned } }
    }
  }

  #listen(call: Call, attempt: LawfulAttempt): AnswerListener | null {
    if (!this.#campaign.settings.amd.isOn || call.tap === null) return null
    return listenForAnswer(call.tap, attempt.decision.number.country)
  }

  /** "Do not call me again" by key: in force everywhere before the call is over. */
  #optOutByKey(call: Call, leg: AnsweredLeg): Disposable {
    const { optOutKey } = this.#campaign.settings
    if (optOutKey === undefined) return { [Symbol.dispose]() {} }
    const forget = leg.endpoint.onDigit(digit => {
      if (digit !== optOutKey) return
      forget()
      this.#parts.compliance.internalList
        .stop({
          e164: this.#lead.number,
          channel: 'key',
          detail: `campaign ${this.#campaign.id}, call ${call.id}`,
          at: this.#parts.now(),
          recordedBy: null
        })
        .then(
          () => {
            call.record({ kind: 'tagged', tags: ['opted-out'] })
            // 47 CFR 64.1200(b)(3): the call ends at once.
            call.end('flowHungUp', { detail: 'opted out' })
          },
          err => {
            call.log.error({ err }, 'a wish not to be called again could not be stored')
            call.end('internalError', { detail: 'opt-out not stored' })
          }
        )
    })
    return { [Symbol.dispose]: forget }
  }

  async #talk(
    call: Call,
    contact: Contact,
    dialled: Dialled,
    card: LiveCard,
    held: HeldAgent,
    leg: Parameters<typeof talk>[3]['leg'],
    answerMs: number
  ): Promise<void> {
    const { endpoint } = dialled.leg
    const queue = { ...held.visit.queue, script: this.#campaign.settings.script ?? held.visit.queue.script }
    await talk(
      this.#parts.calls.serveParts(),
      call,
      { endpoint, number: this.#lead.number, language: this.#language(contact), card },
      { leg, agentId: held.offer.agentId, answerMs, waitedMs: null },
      queue,
      call.signal
    ).catch(err => {
      // The person hung up: that is how talks end.
      if (!call.signal.aborted) throw err
    })
  }

  #language(contact: Contact): string {
    return contact.language ?? this.#campaign.settings.defaultLanguage
  }

  #deskQueue(held: HeldAgent) {
    const { queue } = held.visit
    const script = this.#campaign.settings.script ?? queue.script
    return { id: queue.id, name: queue.name, script: script === '' ? null : script }
  }

  #offer(call: Call, contact: Contact, held: HeldAgent, ringMs: number, isAutoAnswered: boolean) {
    const { queue } = held.visit
    const { lead, campaign } = { lead: this.#lead, campaign: this.#campaign }
    return {
      id: held.offer.id,
      callId: call.id,
      kind: 'campaign' as const,
      queue: { id: queue.id, name: queue.name },
      from: null,
      language: this.#language(contact),
      waitedMs: 0,
      isAutoAnswered,
      expiresAt: new Date(Date.now() + ringMs).toISOString(),
      campaign: {
        id: campaign.id,
        name: campaign.name,
        contactId: lead.contactId,
        isPreview: campaign.pacing === 'preview',
        script: campaign.settings.script ?? null,
        promise: lead.callbackAt === null ? null : { at: lead.callbackAt.toISOString(), note: '' }
      }
    }
  }

  #card(call: Call, contact: Contact): LiveCard {
    return openCard(
      this.#parts.calls.parts.cards,
      {
        callId: call.id,
        number: this.#lead.number,
        name: contact.name === '' ? null : contact.name,
        language: contact.language,
        reason: this.#campaign.name,
        answers: Object.entries(contact.custom).map(([label, value]) => ({ label, value, source: 'campaign' }))
      },
      call.signal
    )
  }

  #started(call: Call, callerNumber: string): void {
    call.record({
      kind: 'started',
      direction: 'outbound',
      callerNumber,
      calledNumber: this.#lead.number,
      sipCallId: sipCallIdOf(this.#lead.id),
      trunkId: null,
      numberId: null,
      sourceAddress: null,
      controlPlaneId: this.#parts.calls.parts.controlPlaneId,
      requestedBy: `campaign ${this.#campaign.id}`
    })
  }

  async #finish(outcome: Outcome, facts: AttemptFacts = {}): Promise<void> {
    if (this.#isFinished) return
    this.#isFinished = true
    await finishAttempt(this.#parts, this.#campaign, this.#lead, outcome, facts)
  }

  async #release(detail: string, afterMs: number): Promise<void> {
    if (this.#isFinished) return
    this.#isFinished = true
    await releaseLead(this.#parts, this.#lead, { afterMs, detail })
  }
}

/** The same attempt always has the same Call-ID; the number of the trunk that is tried is added to it. */
export function sipCallIdOf(attemptId: string): string {
  return `${attemptId}.parley`
}
