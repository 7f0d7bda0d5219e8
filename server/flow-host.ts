import type {
  FlowHost,
  Prompt,
  QueueOptions,
  QueueOutcome,
  RequestOptions,
  RequestOutcome,
  TransferOutcome
} from '../ivr-flows/host.ts'
import { MediaError } from '../media/endpoint.ts'
import type { PromptMaker } from '../media/prompts/prompt-library.ts'
import { PromptError } from '../media/prompts/synthesizer.ts'
import { insertQueueCallback, insertSurveyAnswer, keepCallerLanguage } from '../sql/queries/calls.ts'
import type { WaitingCustomer } from './agent-calls/serve-caller.ts'
import type { FallOver } from '../media/speech/recognizer.ts'
import { atMost } from './bots/at-most.ts'
import { type BotParts, converse } from './bots/converse.ts'
import type { BotHandOver } from './bots/hand-over.ts'
import type { Speech } from './bots/speech.ts'
import { noteBargeIn } from './bots/turn-heard.ts'
import type { SilenceGuards } from './bots/silence-guard.ts'
import { SilenceError } from './bots/turn-silence.ts'
import { aborted, orAborted } from './calls/aborted.ts'
import type { Call } from './calls/call.ts'
import type { CustomerLeg } from './calls/caller-leg.ts'
import type { VoiceInput } from './calls/leg-audio.ts'
import type { DialParts } from './calls/dial.ts'
import { dialParty } from './calls/dial-party.ts'
import { growingPrompts, type Patience, type PlayablePrompts } from './calls/growing-prompts.ts'
import type { OutboundLaw } from './calls/outbound-law.ts'
import { promptSources } from './calls/prompt-sources.ts'
import { storeSurely } from './calls/store-surely.ts'
import { isDatabaseUnavailable } from './errors.ts'
import { newId } from './ids.ts'
import type { GateVoice } from './recordings/consent-gate.ts'
import { CONSENT_SPEECH } from './recordings/consent-words.ts'
import { type OwnNumber, placesOf } from './recordings/places.ts'
import { MAY_NOT_JOIN, withParty } from './recordings/joining-party.ts'
import type { Recordings } from './recordings/recordings.ts'
import type { Metrics } from './metrics.ts'
import { toE164 } from './routing/numbers.ts'

/** North American ringback (ITU-T E.180 supplement 2); what a caller hears while somebody else's phone rings. */
const RINGBACK = 'tone_stream://%(2000,4000,440,480)'

export type FlowHostParts = DialParts &
  Readonly<{
    law: OutboundLaw
    prompts: PromptMaker
    recordings: Pick<Recordings, 'of' | 'ask' | 'tell' | 'consentOf' | 'mayHear' | 'takeMessage'>
    speech: Speech
    bots: BotParts
    silence: SilenceGuards
    metrics: Metrics
    /** Makes the HTTP requests of flows and bots. */
    makeRequest(options: RequestOptions, signal: AbortSignal): Promise<RequestOutcome>
    /** Serves a caller from a queue until everybody who was to talk has talked. */
    serveQueue(
      call: Call,
      customer: WaitingCustomer,
      options: QueueOptions & Readonly<{ bot?: BotHandOver }>,
      signal: AbortSignal
    ): Promise<QueueOutcome>
  }>

type PlayFailure = Readonly<{ kind: 'failed'; code: string; reason: string }>

/** Lets a flow act on a real call. A caller who hangs up aborts every step by the call's signal. */
export function createFlowHost(
  parts: FlowHostParts,
  call: Call,
  leg: CustomerLeg,
  facts: Readonly<{
    flowId: string
    callerNumber: string | null
    calledNumber: string | null
    language: string
    stickyAgentId?: string
  }>
): FlowHost {
  let language = facts.language
  let node = ''
  /** What a bot found out, for the person who takes over. */
  let handOver: BotHandOver | null = null
  const silence = parts.silence.of(call)

  /** Lets a caller wait for words that are being made, but not in silence. */
  const patience: Patience = async (making, plannedMs, stop) => {
    if (plannedMs > 0) await atMost(plannedMs, orAborted(making, stop))
    return await silence.during(language, stop, end => orAborted(making, end))
  }

  /** Prompts that can be played now, the first of them at least. Whoever plays them disposes them. */
  const prepare = async (prompts: readonly Prompt[], signal: AbortSignal): Promise<PlayablePrompts | PlayFailure> => {
    const growing = { library: parts.prompts, patience, onFallOver: noteFallOver, log: call.log }
    try {
      const playable = await silence.during(language, signal, stop => growingPrompts(growing, prompts, stop))
      if (prompts.length > 0)
        call.record({ kind: 'promptStarted', prompts: prompts.length, ready: playable.isMade ? 'made' : 'cached' })
      return playable
    } catch (err) {
      return notSpoken(err, signal)
    }
  }

  /** The same as sources that can be played over and over, all of them made. */
  const prepareWhole = async (
    prompts: readonly Prompt[],
    signal: AbortSignal
  ): Promise<readonly string[] | PlayFailure> => {
    try {
      const { sources, isMade, changes } = await silence.during(language, signal, stop =>
        promptSources(parts.prompts, prompts, stop)
      )
      changes.forEach(noteFallOver)
      if (sources.length > 0)
        call.record({ kind: 'promptStarted', prompts: sources.length, ready: isMade ? 'made' : 'cached' })
      return sources
    } catch (err) {
      return notSpoken(err, signal)
    }
  }

  /** A voice may fail for the next caller when this one has gone. */
  const noteFallOver = (change: FallOver) => {
    if (!call.signal.aborted) call.record({ kind: 'voiceFellOver', ...change })
  }

  const notSpoken = (err: unknown, signal: AbortSignal): PlayFailure => {
    signal.throwIfAborted()
    if (!(err instanceof PromptError) && !(err instanceof SilenceError)) throw err
    return promptFailed(err.code, err.message, err)
  }

  /** Gets ready to listen; whoever takes so long that the caller waits in silence is not waited for, and keys have to do. */
  const earIn = async (
    signal: AbortSignal,
    listen: (stop: AbortSignal) => Promise<VoiceInput | null>
  ): Promise<VoiceInput | null> => {
    try {
      return await silence.during(language, signal, listen)
    } catch (err) {
      if (!(err instanceof SilenceError)) throw err
      return null
    }
  }

  /** A prompt of silence is planned, but nothing to hear. */
  const sounding = (prompts: readonly Prompt[]) => {
    if (prompts.some(one => one.kind !== 'silence')) silence.sounds()
  }

  const promptFailed = (code: string, reason: string, err: Error): PlayFailure => {
    call.record({ kind: 'promptFailed', code, reason })
    call.log.warn({ err, code }, 'a prompt could not be played')
    return { kind: 'failed', code, reason }
  }

  const failed = (code: string, reason: string, err: unknown) => {
    call.log.warn({ err, code }, 'a step of the flow failed')
    return { kind: 'failed', code, reason } as const
  }

  /** A prompt that breaks off or cannot be played is the flow's business; a lost leg is the call's. */
  const orPromptFailure = (err: unknown): PlayFailure => {
    if (err instanceof MediaError && err.code === 'PROMPT_NOT_PLAYABLE') return promptFailed(err.code, err.message, err)
    return notSpoken(err, call.signal)
  }

  const isInbound = call.direction === 'inbound'
  const customerNumber = () => (isInbound ? facts.callerNumber : facts.calledNumber)

  const speak = async (prompts: readonly Prompt[], signal: AbortSignal) =>
    (await promptSources(parts.prompts, prompts, signal)).sources

  /** Our end of the call, as it was set up. */
  const ownNumber = async (): Promise<OwnNumber | null> => {
    const number = isInbound ? facts.calledNumber : facts.callerNumber
    const row = number === null ? undefined : (await parts.routing.tables()).numbers.get(number)
    return row === undefined ? null : { number: row.number, region: row.region }
  }

  return {
    now: () => new Date(),

    async play(prompts, { bargeIn }, signal) {
      const prepared = await prepare(prompts, signal)
      if ('kind' in prepared) return prepared
      await using playable = prepared
      const { audio } = await leg.connected()
      sounding(prompts)
      return await audio.play(playable.sources, bargeIn, signal).catch(orPromptFailure)
    },

    // A key that interrupted an earlier prompt (firstDigit) is still kept by the leg and comes first by itself.
    async gather(
      { prompts, bargeIn, firstDigit: _, isCard = false, phrases = [], speech, languages, ...rules },
      signal
    ) {
      const prepared = await prepare(prompts, signal)
      if ('kind' in prepared) return prepared
      await using playable = prepared
      const { audio } = await leg.connected()
      const recording = isCard ? parts.recordings.of(call) : null
      if (recording?.isCardEntry === false) recording.startCard('flow')
      try {
        const asked = speech ?? (phrases.length === 0 ? undefined : { kind: 'phrases' as const, phrases })
        const voice =
          asked === undefined && languages === undefined
            ? null
            : await earIn(signal, stop =>
                asked === undefined
                  ? parts.speech.listenForLanguages(call, languages ?? [], stop)
                  : parts.speech.listenFor(call, language, asked, stop)
              )
        sounding(prompts)
        const ear = voice === null ? null : silence.whileThinking(voice)
        const outcome = await audio.collect(playable.sources, rules, bargeIn, signal, ear).catch(orPromptFailure)
        if (outcome.kind !== 'failed') await noteBargeIn(call, playable.sources, outcome)
        if (outcome.kind === 'spoken') call.record({ kind: 'speechHeard', confidence: outcome.confidence })
        if (outcome.kind === 'digits') call.record({ kind: 'digitsCollected', count: outcome.digits.length })
        return outcome
      } finally {
        if (recording?.isCardEntry === true) recording.endCard('flow')
      }
    },

    async consent(options, signal) {
      const { audio } = await leg.connected()
      const voice: GateVoice = {
        async play(prompts) {
          const sources = await speak(prompts, signal)
          silence.sounds()
          await audio.play(sources, false, signal)
        },
        async listen(until) {
          return await earIn(until, stop => parts.speech.listenHere(call, language, CONSENT_SPEECH, stop))
        },
        async ask(prompts, rules, ear) {
          const sources = await speak(prompts, signal)
          silence.sounds()
          audio.forgetKeys()
          return await audio.collect(sources, rules, true, signal, ear)
        }
      }
      const ends = { customerNumber: customerNumber(), own: await ownNumber(), language }
      return await parts.recordings.ask(call, voice, ends, options, signal)
    },

    async request(options, signal) {
      const startedAtMs = performance.now()
      const outcome = await silence
        .during(language, signal, stop => parts.makeRequest(options, stop))
        .catch(err => {
          if (err instanceof SilenceError) return { kind: 'failed', code: 'TIMEOUT', reason: err.message } as const
          throw err
        })
      const tookMs = Math.round(performance.now() - startedAtMs)
      const host = URL.parse(options.url)?.host ?? 'unknown'
      parts.metrics.requests.inc({ outcome: outcome.kind === 'response' ? 'response' : outcome.code })
      if (outcome.kind === 'response') call.record({ kind: 'requestAnswered', host, status: outcome.status, tookMs })
      else {
        call.record({ kind: 'requestFailed', host, code: outcome.code, tookMs })
        call.log.warn({ host, code: outcome.code }, 'a request of the flow failed')
      }
      return outcome
    },

    async transfer({ destination, timeoutMs, callerNumber, whilePlaying }, signal) {
      const sources = await prepareWhole(whilePlaying ?? [], signal)
      const { audio, endpoint } = await leg.connected()
      silence.sounds()
      const stopLoop = audio.loop('kind' in sources ? RINGBACK : (sources[0] ?? RINGBACK))
      let isRinging = true
      const stopRinging = async () => {
        if (!isRinging || signal.aborted) return
        isRinging = false
        await stopLoop()
      }
      const options = {
        // The number that was called is the one of ours that the other side may see.
        callerNumber: callerNumber ?? (call.direction === 'inbound' ? facts.calledNumber : facts.callerNumber),
        ringMs: timeoutMs
      }
      try {
        const outcome = await dialParty(parts, call, destination, options, signal)
        switch (outcome.kind) {
          case 'answered': {
            // Released when the other side has hung up, so that the flow has the caller to itself again.
            await using other = outcome.leg
            signal.throwIfAborted()
            const party = { id: other.id, number: destination.value, language }
            const joining =
              destination.kind === 'number'
                ? await parts.recordings.tell(call, other.endpoint, party, speak, signal)
                : 'told'
            await stopRinging()
            if (joining === 'mayNotJoin') return { kind: 'failed', code: 'RECORDING_REFUSED', reason: MAY_NOT_JOIN }
            await withParty(parts.recordings.of(call), joining === 'told', async () => {
              await endpoint.bridge(other.endpoint)
              call.record({ kind: 'bridged', legId: other.id })
              await aborted(AbortSignal.any([other.dialog.ended, other.endpoint.lost, signal]))
            })
            signal.throwIfAborted()
            return { kind: 'completed' }
          }
          case 'busy':
          case 'noAnswer':
            return outcome
          case 'refused':
            return { kind: 'failed', code: `SIP_${outcome.status}`, reason: outcome.reason } satisfies TransferOutcome
          case 'notAllowed':
            return { kind: 'failed', code: outcome.code, reason: outcome.reason } satisfies TransferOutcome
          default:
            return outcome satisfies never
        }
      } catch (err) {
        signal.throwIfAborted()
        // The called party's leg or the phone book is the trouble; the caller is still there and goes the failure way.
        if (err instanceof MediaError && !endpoint.lost.aborted) return failed(err.code, err.message, err)
        if (isDatabaseUnavailable(err)) return failed('DATABASE_UNAVAILABLE', 'The phones cannot be looked up.', err)
        throw err
      } finally {
        await stopRinging()
      }
    },

    async queue(options, signal) {
      const { audio, endpoint } = await leg.connected()
      silence.sounds()
      try {
        return await parts.serveQueue(
          call,
          {
            endpoint,
            audio,
            name: null,
            number: customerNumber(),
            ownNumber: isInbound ? facts.calledNumber : facts.callerNumber,
            language,
            ...(facts.stickyAgentId !== undefined && { stickyAgentId: facts.stickyAgentId })
          },
          { ...options, ...(handOver !== null && { bot: handOver }) },
          signal
        )
      } catch (err) {
        signal.throwIfAborted()
        // Without the database nobody knows who is free; the flow still has its own way on.
        if (!isDatabaseUnavailable(err)) throw err
        failed('DATABASE_UNAVAILABLE', 'The queue cannot be reached.', err)
        return { kind: 'unavailable', reason: 'The database cannot be reached.' }
      }
    },

    async voicemail(options, signal) {
      const { audio, endpoint } = await leg.connected()
      silence.sounds()
      const outcome = await parts.recordings.takeMessage(
        call,
        {
          async play(prompts) {
            await audio.play(await speak(prompts, signal), false, signal)
          },
          onKey: listener => audio.takeDigits(listener),
          lost: endpoint.lost
        },
        { customerNumber: customerNumber(), own: await ownNumber(), language },
        options,
        signal
      )
      // Before the signal is looked at: what a caller said before hanging up is part of the story.
      if (outcome.kind === 'recorded')
        call.record({ kind: 'voicemailLeft', voicemailId: outcome.id, durationMs: outcome.durationMs })
      signal.throwIfAborted()
      return outcome
    },

    async callback({ number, queue }) {
      const e164 = toE164(number)
      if (e164 === null)
        return { kind: 'failed', code: 'NUMBER_INVALID', reason: 'This is not a number that can be called back.' }
      const id = newId()
      try {
        await insertQueueCallback(parts.db, {
          id,
          call_id: call.id,
          number: e164,
          queue: queue ?? null,
          language,
          place_from_at: call.startedAt
        })
      } catch (err) {
        // The caller must not be promised what nobody will remember.
        if (isDatabaseUnavailable(err)) return failed('DATABASE_UNAVAILABLE', 'The callback cannot be stored.', err)
        throw err
      }
      call.record({ kind: 'callbackBooked', callbackId: id, queue: queue ?? null })
      return { kind: 'booked', id }
    },

    async bot(options, signal) {
      const { audio } = await leg.connected()
      try {
        const places = placesOf(customerNumber(), await ownNumber())
        const conversed = await converse(
          parts.bots,
          {
            call,
            audio,
            language,
            flowId: facts.flowId,
            node,
            isConsented: () => parts.recordings.consentOf(call.id) === 'granted',
            mayAskOutside: parts.recordings.mayHear(call, places),
            silence,
            request: (asked, stop) => parts.makeRequest(asked, stop)
          },
          options,
          signal
        )
        handOver = conversed.handOver
        return conversed.outcome
      } catch (err) {
        signal.throwIfAborted()
        if (isDatabaseUnavailable(err)) return failed('DATABASE_UNAVAILABLE', 'Articles cannot be read.', err)
        // A bot without a voice is no bot; the flow has another way.
        if (err instanceof PromptError) return promptFailed(err.code, err.message, err)
        return orPromptFailure(err)
      }
    },

    async survey({ question, answer }) {
      const row = { call_id: call.id, flow_id: facts.flowId, question, answer, answered_at: new Date() }
      await storeSurely(() => insertSurveyAnswer(parts.db, row), call.log, 'a survey answer')
      call.record({ kind: 'surveyAnswered', question })
    },

    async preferLanguage(chosen) {
      const number = isInbound ? facts.callerNumber : null
      if (number === null) return
      const at = new Date()
      await storeSurely(() => keepCallerLanguage(parts.db, number, chosen, at), call.log, 'a caller’s language')
    },

    tag: tags => call.record({ kind: 'tagged', tags }),

    language(next) {
      if (next === language) return
      language = next
      call.record({ kind: 'languageChanged', language })
    },

    entered(visit) {
      node = visit.node
      call.record({ kind: 'nodeEntered', flowId: visit.flowId, node, nodeKind: visit.kind })
    },
    left: ({ flowId, node: name, outcome, detail }) =>
      call.record({ kind: 'nodeLeft', flowId, node: name, outcome, ...(detail !== undefined && { detail }) })
  }
}
