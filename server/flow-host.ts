import type { FlowHost, Prompt, QueueOptions, QueueOutcome, TransferOutcome } from '../ivr-flows/host.ts'
import { MediaError } from '../media/endpoint.ts'
import type { PromptLibrary } from '../media/prompts/prompt-library.ts'
import { PromptError } from '../media/prompts/synthesizer.ts'
import type { TapServer } from '../media/tap/tap-server.ts'
import { insertQueueCallback, insertSurveyAnswer } from '../sql/queries/calls.ts'
import type { WaitingCustomer } from './agent-calls/serve-caller.ts'
import type { Speech } from './bots/speech.ts'
import { aborted } from './calls/aborted.ts'
import type { Call } from './calls/call.ts'
import type { CustomerLeg } from './calls/caller-leg.ts'
import { type Destination, dial, type DialParts } from './calls/dial.ts'
import { promptSources } from './calls/prompt-sources.ts'
import { storeSurely } from './calls/store-surely.ts'
import { recordVoicemail } from './calls/voicemail.ts'
import { isDatabaseUnavailable } from './errors.ts'
import { makeFlowRequest } from './flow-requests.ts'
import { newId } from './ids.ts'
import type { GateVoice } from './recordings/consent-gate.ts'
import type { OwnNumber } from './recordings/places.ts'
import { withParty } from './recordings/joining-party.ts'
import type { Recordings } from './recordings/recordings.ts'
import type { Metrics } from './metrics.ts'
import { toE164 } from './routing/numbers.ts'

/** North American ringback (ITU-T E.180 supplement 2); what a caller hears while somebody else's phone rings. */
const RINGBACK = 'tone_stream://%(2000,4000,440,480)'

export type FlowHostParts = DialParts &
  Readonly<{
    prompts: PromptLibrary
    taps: TapServer
    recordings: Recordings
    speech: Speech
    metrics: Metrics
    dataDir: string
    requestHosts: readonly string[]
    /** Serves a caller from a queue until everybody who was to talk has talked. */
    serveQueue(call: Call, customer: WaitingCustomer, options: QueueOptions, signal: AbortSignal): Promise<QueueOutcome>
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

  /** The media server's sources for prompts, made where they have to be. */
  const prepare = async (prompts: readonly Prompt[], signal: AbortSignal): Promise<readonly string[] | PlayFailure> => {
    try {
      const { sources, isMade } = await promptSources(parts.prompts, prompts, signal)
      if (sources.length > 0)
        call.record({ kind: 'promptStarted', prompts: sources.length, ready: isMade ? 'made' : 'cached' })
      return sources
    } catch (err) {
      signal.throwIfAborted()
      if (!(err instanceof PromptError)) throw err
      return promptFailed(err.code, err.message, err)
    }
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

  /** A prompt that the media server cannot play is the flow's business; a lost leg is the call's. */
  const orPromptFailure = (err: unknown): PlayFailure => {
    if (err instanceof MediaError && err.code === 'PROMPT_NOT_PLAYABLE') return promptFailed(err.code, err.message, err)
    throw err
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
      const sources = await prepare(prompts, signal)
      if ('kind' in sources) return sources
      const { audio } = await leg.connected()
      return await audio.play(sources, bargeIn, signal).catch(orPromptFailure)
    },

    // A key that interrupted an earlier prompt (firstDigit) is still kept by the leg and comes first by itself.
    async gather({ prompts, bargeIn, firstDigit: _, isCard = false, phrases = [], ...rules }, signal) {
      const sources = await prepare(prompts, signal)
      if ('kind' in sources) return sources
      const { audio } = await leg.connected()
      const recording = isCard ? parts.recordings.of(call) : null
      if (recording?.isCardEntry === false) recording.startCard('flow')
      try {
        const voice = phrases.length === 0 ? null : await parts.speech.listenFor(call, language, phrases, signal)
        const outcome = await audio.collect(sources, rules, bargeIn, signal, voice).catch(orPromptFailure)
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
          await audio.play(await speak(prompts, signal), false, signal)
        },
        async ask(prompts, rules) {
          const sources = await speak(prompts, signal)
          audio.forgetKeys()
          return await audio.collect(sources, rules, true, signal)
        }
      }
      try {
        return await parts.recordings.ask(
          call,
          voice,
          { customerNumber: customerNumber(), own: await ownNumber(), language },
          options,
          signal
        )
      } catch (err) {
        signal.throwIfAborted()
        return orPromptFailure(err)
      }
    },

    async request(options, signal) {
      const startedAtMs = performance.now()
      const outcome = await makeFlowRequest(options, parts.requestHosts, signal)
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
      const sources = await prepare(whilePlaying ?? [], signal)
      const { audio, endpoint } = await leg.connected()
      const stopLoop = audio.loop('kind' in sources ? RINGBACK : (sources[0] ?? RINGBACK))
      let isRinging = true
      const stopRinging = async () => {
        if (!isRinging || signal.aborted) return
        isRinging = false
        await stopLoop()
      }
      const options = {
        destination: destination as Destination,
        // The number that was called is the one of ours that the other side may see.
        callerNumber: callerNumber ?? (call.direction === 'inbound' ? facts.calledNumber : facts.callerNumber),
        ringMs: timeoutMs
      }
      try {
        const outcome = await dial(parts, call, options, signal)
        switch (outcome.kind) {
          case 'answered': {
            // Released when the other side has hung up, so that the flow has the caller to itself again.
            await using other = outcome.leg
            signal.throwIfAborted()
            const isTold =
              destination.kind !== 'number' ||
              (await parts.recordings.tell(
                call,
                other.endpoint,
                { id: other.id, number: destination.value, language },
                speak,
                signal
              ))
            await stopRinging()
            await withParty(parts.recordings.of(call), isTold, async () => {
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
          options,
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
      const outcome = await recordVoicemail(parts, endpoint, audio, { callId: call.id, language, ...options }, signal)
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

    async survey({ question, answer }) {
      const row = { call_id: call.id, flow_id: facts.flowId, question, answer, answered_at: new Date() }
      await storeSurely(() => insertSurveyAnswer(parts.db, row), call.log, 'a survey answer')
      call.record({ kind: 'surveyAnswered', question })
    },

    tag: tags => call.record({ kind: 'tagged', tags }),

    language(next) {
      if (next === language) return
      language = next
      call.record({ kind: 'languageChanged', language })
    },

    entered: ({ flowId, node, kind }) => call.record({ kind: 'nodeEntered', flowId, node, nodeKind: kind }),
    left: ({ flowId, node, outcome, detail }) =>
      call.record({ kind: 'nodeLeft', flowId, node, outcome, ...(detail !== undefined && { detail }) })
  }
}
