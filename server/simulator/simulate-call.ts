import type { FlowEnd } from '../../ivr-flows/host.ts'
import type { Json, JsonObject } from '../../ivr-flows/json.ts'
import { samePhrase } from '../../ivr-flows/phrases.ts'
import type { FlowState } from '../../ivr-flows/state.ts'
import { DEFAULT_CALL_MS, type Scenario } from '../../ivr-flows/testing/scenario-file.ts'
import { unmetExpectations } from '../../ivr-flows/testing/expectations.ts'
import { type MediaServer, MediaError } from '../../media/endpoint.ts'
import { PromptError } from '../../media/prompts/synthesizer.ts'
import { noiseLoop } from '../../media/simulator/caller-sounds.ts'
import { PhoneLine, PhoneLineError } from '../../media/simulator/phone-line.ts'
import { createScriptedRecognizer, overheard } from '../../media/simulator/scripted-recognizer.ts'
import type { Recognizer } from '../../media/speech/recognizer.ts'
import { primaryOf } from '../../media/speech/speech-provider.ts'
import { Speech } from '../bots/speech.ts'
import type { Call } from '../calls/call.ts'
import { LegAudio } from '../calls/leg-audio.ts'
import type { LiveCalls } from '../calls/live-calls.ts'
import type { FlowHostParts } from '../flow-host.ts'
import type { FlowLibrary, RunnableFlow } from '../flow-library.ts'
import type { RecordingConsent } from '../recordings/call-recording.ts'
import type { Recordings } from '../recordings/recordings.ts'
import { endByError, runCallFlow } from '../run-call-flow.ts'
import type { CallerVoices } from './caller-voice.ts'
import type { CallReport, Failure, Turn } from './report.ts'
import { scoreOf } from './score.ts'
import { ScriptedCaller } from './scripted-caller.ts'
import { SimulatedWorld } from './simulated-world.ts'
import { turnsOf } from './turns.ts'
import { WatchedLeg } from './watched-leg.ts'

export type SimulatorParts = Omit<FlowHostParts, 'recordings'> &
  Readonly<{
    recordings: Recordings
    media: MediaServer
    liveCalls: LiveCalls
    flows: Pick<FlowLibrary, 'published'>
    controlPlaneId: string
    /** Where a simulated phone listens. */
    phoneHost: string
    /** Who hears callers whose words are spoken. */
    recognizers: readonly Recognizer[]
    voices: CallerVoices
    newCall(): Call
  }>

/** Numbers of the North American plan that are nobody's (555-0100 to 555-0199). */
const CALLER_NUMBER = '+12025550123'
const CALLED_NUMBER = '+12025550100'

/**
 * One call of a scripted caller from its answer to its end, over the media server, in real time. It uses no trunk and dials
 * nobody; see {@link SimulatedWorld}. Never throws: what goes wrong is a failure in the report. `onTurns` hears of the turns
 * so far.
 */
export async function simulateCall(
  parts: SimulatorParts,
  runnable: RunnableFlow,
  scenario: Scenario,
  startedBy: string,
  stop: AbortSignal,
  onTurns: (callId: string, turns: readonly Turn[]) => void
): Promise<CallReport> {
  const { flow } = runnable
  const { hearing = 'words', from = CALLER_NUMBER, to = CALLED_NUMBER, maxMs = DEFAULT_CALL_MS } = scenario
  const language = scenario.language ?? flow.defaultLanguage
  const world = new SimulatedWorld(scenario)
  const failures: Failure[] = []
  let end: FlowEnd | null = null
  let state: FlowState | null = null
  let answeredAtMs = 0
  let turns: readonly Turn[] = []
  let wasCutOff = false
  const call = parts.newCall()
  parts.liveCalls.add(call)
  try {
    await using _call = call
    call.record({
      kind: 'started',
      direction: 'inbound',
      callerNumber: from === '' ? null : from,
      calledNumber: to,
      sipCallId: null,
      trunkId: null,
      numberId: null,
      sourceAddress: null,
      controlPlaneId: parts.controlPlaneId,
      requestedBy: startedBy,
      isSimulated: true
    })
    try {
      const { noise, voice = null } = scenario.caller ?? {}
      const line = await PhoneLine.open(parts.phoneHost, noise === undefined ? null : noiseLoop(noise))
      call.defer(() => line[Symbol.asyncDispose]())
      const tell = () => {
        turns = turnsOf(line.sounds, leg.played, caller.acts, { answeredAtMs, language, nowMs: performance.now() })
        onTurns(call.id, turns)
      }
      const leg: WatchedLeg = new WatchedLeg(
        prompts => {
          world.heard.push(...prompts)
          tell()
        },
        () => tell()
      )
      const caller: ScriptedCaller = new ScriptedCaller(
        {
          line,
          leg,
          voice: async text =>
            hearing === 'words'
              ? parts.voices.standIn(text)
              : await parts.voices.speak(text, state?.language ?? language, voice, call.signal),
          node: () => world.node,
          hangUp: () => call.end('callerHungUp'),
          onAct: tell
        },
        scenario
      )
      const ears =
        hearing === 'sound'
          ? parts.recognizers
          : [createScriptedRecognizer([...new Set(flow.languages.map(primaryOf))], () => caller.saying, samePhrase)]
      const speech = new Speech(
        ears.map(one =>
          overheard(one, found => {
            if (found !== null) caller.heard(found.text, found.confidence)
            tell()
          })
        ),
        parts.log
      )
      const own = await parts.media.createEndpoint(line.sdp)
      call.defer(() => own[Symbol.asyncDispose]())
      call.signal.throwIfAborted()
      const endpoint = leg.endpoint(own)
      const audio = new LegAudio(endpoint, leg.onAsked)
      call.defer(() => audio[Symbol.dispose]())
      line.connect(own.localSdp)
      answeredAtMs = performance.now()
      call.customerAnswered(endpoint, 0)
      endWith(call, own.lost, stop, maxMs, () => {
        wasCutOff = true
      })
      const acting = caller.act(call.signal).catch((err: unknown) => {
        if (call.signal.aborted) return
        failures.push({ path: ['steps', caller.firstUndone ?? 0], message: messageOf(err) })
        call.end('callerHungUp')
      })
      await runCallFlow(
        simulatedParts(parts, world, leg, speech),
        call,
        { isAnswered: true, connected: async () => ({ endpoint, audio, dialog: null }) },
        runnable,
        {
          callerNumber: from === '' ? null : from,
          calledNumber: to,
          language,
          variables: (scenario.variables ?? {}) as Record<string, Json>,
          preferredLanguage: scenario.preferredLanguage ?? null
        },
        {
          around: host => world.around(host),
          onState(next) {
            state = next
          },
          onEnd(how) {
            end = how
          }
        }
      )
      await acting
      tell()
      if (line.packetsHeard === 0)
        failures.push({ path: ['name'], message: 'not one packet of the flow’s voice arrived' })
      failures.push(...notDone(caller, world, call, wasCutOff, maxMs))
    } catch (err) {
      if (!call.signal.aborted) endByError(call, err)
      failures.push({ path: ['name'], message: messageOf(err) })
    }
  } finally {
    parts.liveCalls.remove(call)
  }
  const reached = (state as FlowState | null)?.frames[0]?.vars ?? {}
  const result = {
    call: world,
    flowId: flow.id,
    end: endOf(call, end, world.node),
    language: (state as FlowState | null)?.language ?? language,
    variables: reached as JsonObject
  }
  const unmet = unmetExpectations(scenario.expect, result).map(({ path, message }) => ({
    path: ['expect', ...path],
    message
  }))
  const durationMs = Math.round(performance.now() - answeredAtMs)
  const judged = scoreOf(scenario, turns, [...failures, ...unmet], answeredAtMs === 0 ? 0 : durationMs)
  return {
    name: scenario.name,
    callId: call.id,
    hearing,
    path: world.visits.map(visit => (visit.flowId === flow.id ? visit.node : `${visit.flowId}/${visit.node}`)),
    endReason: call.ended?.reason ?? null,
    turns,
    ...judged
  }
}

/** What the flow stands on, with everything taken away that would leave the machine or stay behind. */
function simulatedParts(
  parts: SimulatorParts,
  world: SimulatedWorld,
  leg: WatchedLeg,
  speech: Speech
): FlowHostParts & Pick<SimulatorParts, 'flows'> {
  const { recordings, bots } = parts
  const prompts = leg.prompts(parts.prompts)
  let consent: RecordingConsent = 'unasked'
  return {
    ...parts,
    prompts,
    speech,
    bots: { ...bots, prompts, speech, passing: leg.passing(bots.passing) },
    makeRequest: (options, signal) => world.request(options, signal),
    // Agents who are rung see that it is a script.
    serveQueue: (call, customer, options, signal) =>
      parts.serveQueue(call, { ...customer, isSimulated: true }, options, signal),
    recordings: {
      of: call => recordings.of(call),
      ask: async (call, voice, facts, options, signal) => {
        const outcome = await recordings.rehearse(voice, facts, options, signal)
        if (outcome.kind === 'granted' || outcome.kind === 'refused') consent = outcome.kind
        if (outcome.kind === 'refused' && outcome.mustRecord && !options.hasMustRecordWay) {
          call.end('recordingRefused', { detail: outcome.policy })
          call.signal.throwIfAborted()
        }
        return outcome
      },
      tell: async () => 'told',
      // What is said after the tone is the script's to know; it is never recorded.
      takeMessage: async () => ({ kind: 'empty' }),
      // Services outside hear a script as they would hear a person: with the leave that the caller of the script gives.
      mayHear: (_call, places) => recordings.mayHearWith(() => consent, places),
      // Nothing that a simulated caller says is kept for articles.
      consentOf: () => 'never'
    }
  }
}

function endWith(call: Call, lost: AbortSignal, stop: AbortSignal, maxMs: number, onCutOff: () => void): void {
  const limit = setTimeout(() => {
    onCutOff()
    call.end('callerHungUp')
  }, maxMs)
  const onLost = () => call.end('mediaLost')
  const onStop = () => call.end('operatorEnded')
  lost.addEventListener('abort', onLost, { once: true })
  if (stop.aborted) onStop()
  else stop.addEventListener('abort', onStop, { once: true })
  call.defer(() => {
    clearTimeout(limit)
    lost.removeEventListener('abort', onLost)
    stop.removeEventListener('abort', onStop)
  })
}

/** Steps that the call never came to, and a call that did not end by itself. */
function notDone(
  caller: ScriptedCaller,
  world: SimulatedWorld,
  call: Call,
  wasCutOff: boolean,
  maxMs: number
): readonly Failure[] {
  const { firstUndone } = caller
  const reason = call.ended?.reason
  return [
    ...(wasCutOff ? [{ path: ['maxMs'], message: `the call was cut off after ${maxMs} ms` }] : []),
    ...(firstUndone === null ? [] : [{ path: ['steps', firstUndone], message: 'the call had ended before this step' }]),
    ...world.unused.map(step => ({ path: ['steps'], message: `nothing asked for ${JSON.stringify(step)}` })),
    ...(reason === 'operatorEnded' || reason === 'draining'
      ? [{ path: ['name'], message: `the call was ended from outside (${reason})` }]
      : [])
  ]
}

function endOf(call: Call, end: FlowEnd | null, node: string) {
  if (end !== null) return end
  const reason = call.ended?.reason ?? 'internalError'
  return reason === 'callerHungUp'
    ? ({ kind: 'callerHungUp', node } as const)
    : ({ kind: 'failed', node, code: reason, reason: call.ended?.detail ?? reason } as const)
}

function messageOf(err: unknown): string {
  if (err instanceof MediaError || err instanceof PromptError || err instanceof PhoneLineError)
    return `${err.code}: ${err.message}`
  return err instanceof Error ? err.message : String(err)
}
