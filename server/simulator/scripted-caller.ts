import type { Scenario, ScenarioStep } from '../../ivr-flows/testing/scenario-file.ts'
import type { PhoneLine, SoundSpan } from '../../media/simulator/phone-line.ts'
import type { Saying } from '../../media/simulator/scripted-recognizer.ts'
import { worldKind } from './simulated-world.ts'
import type { WatchedLeg } from './watched-leg.ts'

/** What the caller did in one step, on the clock of `performance.now()`. `heard`: what recognisers made of it so far. */
export type Act = {
  readonly step: number
  readonly fromMs: number
  toMs: number
  readonly what:
    | Readonly<{ kind: 'speech'; text: string }>
    | Readonly<{ kind: 'keys'; keys: string }>
    | Readonly<{ kind: 'silence' | 'hangUp' }>
  readonly heard: Readonly<{ text: string; confidence: number }>[]
}

export type ScriptedCallerParts = Readonly<{
  line: PhoneLine
  leg: WatchedLeg
  /** The sound of what is said. */
  voice(text: string): Promise<Int16Array>
  /** The node in which the flow is. */
  node(): string
  hangUp(): void
  onAct(): void
}>

/** A person answers after so much quiet. */
const REACTION_MS = 350
/** A bot waits less than this between two sentences; that is no question. */
const LEAST_WAIT_MS = 200
const DEFAULT_CONFIDENCE = 0.95
/** A gap between two syllables of a prompt. */
const SAME_SOUND_MS = 240

/**
 * Plays the caller of a scenario, one step after the other: waits for the moment of each, by what is heard on the line and by
 * whether the flow asks, and then speaks, presses, is silent or hangs up.
 */
export class ScriptedCaller {
  readonly acts: Act[] = []
  readonly #parts: ScriptedCallerParts
  readonly #steps: readonly Readonly<{ step: ScenarioStep; index: number }>[]
  #answeredQuestion = 0
  #saying: Saying | null = null
  #done = 0

  constructor(parts: ScriptedCallerParts, { steps = [] }: Pick<Scenario, 'steps'>) {
    this.#parts = parts
    this.#steps = steps.flatMap((step, index) => (worldKind(step) === null ? [{ step, index }] : []))
  }

  /** What is being said now, for a recogniser that is given words. */
  get saying(): Saying | null {
    return this.#saying
  }

  /** The first step that was never acted, by its place in the scenario; null when all were. */
  get firstUndone(): number | null {
    return this.#steps[this.#done]?.index ?? null
  }

  /** Notes what a recogniser understood. */
  heard(text: string, confidence: number): void {
    this.acts.at(-1)?.heard.push({ text, confidence })
  }

  /** Resolves when every step is done; rejects with the signal's reason when the call ends before. */
  async act(signal: AbortSignal): Promise<void> {
    for (const { step, index } of this.#steps) {
      await this.#moment(step, signal)
      // Keys count from their beginning: a flow may end the call on the first of them.
      if (step.press !== undefined) this.#done += 1
      await this.#do(step, index, signal)
      if (step.press === undefined) this.#done += 1
    }
  }

  async #moment({ interruptAtMs, hangUp, afterMs = 0 }: ScenarioStep, signal: AbortSignal): Promise<void> {
    const { line, leg, node } = this.#parts
    if (interruptAtMs !== undefined) {
      const last = this.acts.at(-1)
      // Whoever was silent hears the next prompt begin in the moment in which the silence is over.
      const since = (last?.what.kind === 'silence' ? last.fromMs : last?.toMs) ?? 0
      await line.until(() => {
        const sound = firstSoundAfter(line.sounds, since)
        return sound !== null && performance.now() - sound.fromMs >= interruptAtMs
      }, signal)
      this.#answeredQuestion = leg.asked.length
      return
    }
    if (typeof hangUp === 'string') return await line.until(() => node() === hangUp, signal)
    await line.until(() => {
      const question = leg.openQuestion(LEAST_WAIT_MS)
      if (question === null || question.id <= this.#answeredQuestion || leg.isPlaying) return false
      const quietMs = Math.min(line.quietMs, performance.now() - question.askedAtMs)
      return quietMs >= REACTION_MS + afterMs
    }, signal)
    this.#answeredQuestion = leg.asked.length
  }

  async #do(step: ScenarioStep, index: number, signal: AbortSignal): Promise<void> {
    const { line, leg, voice, hangUp } = this.#parts
    if (step.say !== undefined) {
      const { say: text, confidence = DEFAULT_CONFIDENCE } = step
      const sound = await voice(text)
      signal.throwIfAborted()
      this.#saying = { text, confidence, soundMs: sound.length / 8 }
      const act = this.#begin(index, { kind: 'speech', text })
      act.toMs = (await line.say(sound, signal)).toMs
      this.#saying = null
    } else if (step.press !== undefined) {
      const act = this.#begin(index, { kind: 'keys', keys: step.press })
      act.toMs = (await line.press(step.press, signal)).toMs
    } else if (step.silence !== undefined) {
      const act = this.#begin(index, { kind: 'silence' })
      const question = leg.asked.at(-1)
      await line.until(() => question?.isOpen !== true, signal)
      act.toMs = performance.now()
    } else {
      this.#begin(index, { kind: 'hangUp' })
      hangUp()
    }
    this.#parts.onAct()
  }

  #begin(step: number, what: Act['what']): Act {
    const nowMs = performance.now()
    const act: Act = { step, fromMs: nowMs, toMs: nowMs, what, heard: [] }
    this.acts.push(act)
    this.#parts.onAct()
    return act
  }
}

/** The first stretch of sound that began after a moment; null while there is none. */
export function firstSoundAfter(sounds: readonly SoundSpan[], ms: number): SoundSpan | null {
  return sounds.find(one => one.fromMs >= ms) ?? null
}

/** How long after `fromMs` the sound of that moment was over; null when nothing was heard then. */
export function stoppedAfter(sounds: readonly SoundSpan[], fromMs: number): number | null {
  const sound = sounds.find(one => one.fromMs <= fromMs && one.toMs >= fromMs - SAME_SOUND_MS)
  return sound === undefined ? null : Math.max(0, sound.toMs - fromMs)
}
