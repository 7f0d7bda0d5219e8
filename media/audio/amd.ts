import { goertzelPower, meanSquare } from './goertzel.ts'
import { levelDbov } from './speech-energy.ts'

/**
 * Answering-machine detection as a pure function of 20 ms frames of what the called party sends (8 kHz, 16 bit). It keeps
 * levels, counters and one block of 40 ms; no audio outlives the next block.
 */

/** `screening`: an assistant that asks who calls; a verdict of `machine` turns into it by what follows. */
export type AmdResult = 'human' | 'machine' | 'screening' | 'fax' | 'network' | 'unknown'

export type AmdReason =
  /** A short greeting, then quiet: somebody listens. */
  | 'shortGreeting'
  /** Spoken on for longer than people do. */
  | 'longGreeting'
  | 'beep'
  /** CNG, 1100 Hz (ITU-T T.30), or CED, 2100 Hz (ITU-T V.25). */
  | 'faxTone'
  /** Special information tones (ITU-T E.180): the network speaks. */
  | 'informationTones'
  | 'silence'
  | 'timeOver'

/** How people of a place answer. Times are milliseconds. */
export type AmdSettings = Readonly<{
  /** A greeting that lasts so long is a machine's. Pauses shorter than `afterGreetingMs` belong to it. */
  machineGreetingMs: number
  /** So much quiet after a greeting means that somebody waits for an answer. */
  afterGreetingMs: number
  /** So long nobody says anything: unknown. */
  initialSilenceMs: number
  /** So much quiet after a long greeting, without a beep: an assistant that screens calls waits for an answer. */
  screeningQuietMs: number
  /** By then there is a verdict. */
  limitMs: number
  /** Sound is speech from this level on, or so far above the noise. */
  minLevelDbov: number
  aboveNoiseDb: number
}>

const USUAL: AmdSettings = {
  machineGreetingMs: 2_400,
  afterGreetingMs: 700,
  initialSilenceMs: 4_000,
  screeningQuietMs: 1_600,
  limitMs: 8_000,
  minLevelDbov: -42,
  aboveNoiseDb: 10
}

/** Where greetings are longer or shorter than usual, by country (ISO 3166-1). */
const BY_COUNTRY: Readonly<Record<string, Partial<AmdSettings>>> = {
  // Families and firms say their names.
  DE: { machineGreetingMs: 2_800 },
  AT: { machineGreetingMs: 2_800 },
  CH: { machineGreetingMs: 2_800 },
  NL: { machineGreetingMs: 2_700 },
  SE: { machineGreetingMs: 2_600 },
  // One word, then a pause; a firm's greeting is long and polite.
  // Networks there put the beep later.
  JP: { machineGreetingMs: 3_000, afterGreetingMs: 800, screeningQuietMs: 2_000 },
  CN: { machineGreetingMs: 2_200, screeningQuietMs: 2_000 },
  AE: { machineGreetingMs: 2_600, afterGreetingMs: 800 },
  SA: { machineGreetingMs: 2_600, afterGreetingMs: 800 }
}

export function amdSettings(country: string | null): AmdSettings {
  return { ...USUAL, ...(country === null ? undefined : BY_COUNTRY[country]) }
}

export type AmdEvent =
  /** `quietMs`: how long nothing was said before the verdict. */
  | Readonly<{
      kind: 'verdict'
      result: AmdResult
      reason: AmdReason
      atMs: number
      greetingMs: number
      quietMs: number
    }>
  /** After a machine: now it records. `greetingOver` when no beep was heard for long. */
  | Readonly<{ kind: 'beep' | 'greetingOver'; atMs: number }>
  /** After a machine with a long greeting: it waits for an answer without having beeped. */
  | Readonly<{ kind: 'screening'; atMs: number; quietMs: number }>

type Greeting = Readonly<{ ms: number; quietMs: number }>
/** Whoever says nothing has no greeting to wait for the end of. */
const NO_GREETING: Greeting = { ms: 0, quietMs: 0 }

const RATE_HZ = 8_000
const BLOCK_SAMPLES = 320
const BLOCK_MS = 40
const SPEECH_MIN_MS = 80
/** A tone that lasts so long is no vowel. */
const BEEP_MIN_MS = 160
const BEEP_MAX_MS = 3_000
/** Of the energy of a block, how much must lie at one frequency. */
const PURE = 0.85
const SAME_HZ = 25
const CNG_MS = 400
const CED_MS = 800
/** A machine without a beep is spoken to after so much quiet. */
const NO_BEEP_MS = 2_500

/** Bands of the three information tones, low to high, with what E.180 allows around them. */
const INFORMATION: readonly (readonly [number, number])[] = [
  [880, 1_020],
  [1_330, 1_470],
  [1_730, 1_830]
]

/** Whoever begins to listen in the last of them has missed the others, which take 0.3 s each; later it is somebody's own tone. */
const LAST_ALONE_WITHIN_MS = 400

/** Noise is the quietest that was heard within so long before and after. */
const FLOOR_BLOCKS = 10

/** Listens to one leg from its answer on. */
export class AnsweringMachineDetector {
  readonly #settings: AmdSettings
  readonly #block = new Int16Array(BLOCK_SAMPLES)
  #filled = 0
  #atMs = 0
  /** Level of each block so far; of tones, null. Some two hundred figures until the verdict. */
  #levels: (number | null)[] = []
  #verdict: AmdResult | null = null
  #isOver = false
  #quietMs = 0
  #toneHz = 0
  #toneMs = 0
  #endedHz = 0
  #stepsHeard = 0
  /** A whole tone has been heard, whatever came of it. */
  #hasHeardTone = false
  /** It waits for an answer, or is known to be none that does. */
  #hasWaited = false

  constructor(settings: AmdSettings) {
    this.#settings = settings
  }

  get verdict(): AmdResult | null {
    return this.#verdict
  }

  /** Takes the next samples; returns what they have made certain. After a machine, goes on until it records. */
  push(samples: Int16Array): readonly AmdEvent[] {
    const events: AmdEvent[] = []
    for (let index = 0; index < samples.length; index += 1) {
      this.#block[this.#filled] = samples[index] as number
      this.#filled += 1
      if (this.#filled < BLOCK_SAMPLES) continue
      this.#filled = 0
      const event = this.#isOver ? null : this.#hear()
      if (event !== null) events.push(event)
    }
    return events
  }

  #hear(): AmdEvent | null {
    this.#atMs += BLOCK_MS
    const isTorn = hasLostPacket(this.#block)
    const toneEnded = isTorn ? this.#bridgeTone() : this.#followTone()
    const level = isTorn ? (this.#levels.at(-1) ?? null) : levelDbov(this.#block)
    this.#levels.push(this.#toneMs > 0 ? null : level)
    if (this.#verdict === null) return this.#judge(toneEnded)
    if (this.#levels.length > 2 * FLOOR_BLOCKS) this.#levels.shift()
    return this.#afterMachine(this.#isLoud(this.#levels.length - 1), toneEnded)
  }

  #judge(toneEnded: number): AmdEvent | null {
    const { machineGreetingMs, afterGreetingMs, initialSilenceMs, limitMs } = this.#settings
    const greeting = this.#greeting()
    if (this.#isAt(1_100, CNG_MS) || this.#isAt(2_100, CED_MS)) return this.#say('fax', 'faxTone', greeting)
    this.#followInformation(toneEnded, greeting)
    if (this.#stepsHeard === INFORMATION.length) return this.#say('network', 'informationTones', greeting)
    // A tone after speech is a machine's; one before it may be the network's or a fax's, and is waited for.
    if (toneEnded >= BEEP_MIN_MS && toneEnded <= BEEP_MAX_MS && greeting.ms > 0) {
      const event = this.#say('machine', 'beep', greeting)
      this.#isOver = true
      return event
    }
    const isTone = this.#toneMs > 0
    if (greeting.ms >= machineGreetingMs) return this.#say('machine', 'longGreeting', greeting)
    if (greeting.ms > 0 && greeting.quietMs >= afterGreetingMs && !isTone)
      return this.#say('human', 'shortGreeting', greeting)
    if (greeting.ms === 0 && this.#atMs >= initialSilenceMs && !isTone && this.#stepsHeard === 0)
      return this.#say('unknown', 'silence', NO_GREETING)
    return this.#atMs >= limitMs ? this.#say('unknown', 'timeOver', greeting) : null
  }

  /** From the first word to the last, pauses between them included, and how long it has been quiet since. */
  #greeting(): Greeting {
    let run = 0
    let from = -1
    let last = -1
    for (let index = 0; index < this.#levels.length; index += 1) {
      run = this.#isLoud(index) ? run + 1 : 0
      // A click is no word.
      if (run * BLOCK_MS >= SPEECH_MIN_MS) {
        if (from === -1) from = index + 1 - run
        last = index
      }
    }
    if (from === -1) return { ms: 0, quietMs: this.#atMs }
    return { ms: (last + 1 - from) * BLOCK_MS, quietMs: (this.#levels.length - 1 - last) * BLOCK_MS }
  }

  /** Whether a block is speech, judged by what is known by now: steady noise shows only after a while. */
  #isLoud(index: number): boolean {
    const level = this.#levels[index] ?? null
    const { minLevelDbov, aboveNoiseDb } = this.#settings
    if (level === null || level < minLevelDbov) return false
    let floor = level
    const from = Math.max(0, index - FLOOR_BLOCKS)
    const to = Math.min(this.#levels.length - 1, index + FLOOR_BLOCKS)
    for (let at = from; at <= to; at += 1) floor = Math.min(floor, this.#levels[at] ?? floor)
    return level >= floor + aboveNoiseDb
  }

  #afterMachine(isLoud: boolean, toneEnded: number): AmdEvent | null {
    if (toneEnded >= BEEP_MIN_MS && toneEnded <= BEEP_MAX_MS) {
      this.#isOver = true
      return { kind: 'beep', atMs: this.#atMs }
    }
    this.#quietMs = isLoud || this.#toneMs > 0 ? 0 : this.#quietMs + BLOCK_MS
    if (!this.#hasWaited && this.#quietMs >= this.#settings.screeningQuietMs) {
      this.#hasWaited = true
      return { kind: 'screening', atMs: this.#atMs, quietMs: this.#quietMs }
    }
    if (this.#quietMs < NO_BEEP_MS) return null
    this.#isOver = true
    return { kind: 'greetingOver', atMs: this.#atMs }
  }

  #say(result: AmdResult, reason: AmdReason, greeting: Greeting): AmdEvent {
    this.#verdict = result
    this.#isOver = result !== 'machine'
    return { kind: 'verdict', result, reason, atMs: this.#atMs, greetingMs: greeting.ms, quietMs: greeting.quietMs }
  }

  #isAt(hz: number, ms: number): boolean {
    return Math.abs(this.#toneHz - hz) <= SAME_HZ + 10 && this.#toneMs >= ms
  }

  /** Follows a pure tone; gives the length of one that has just ended, 0 otherwise. */
  #followTone(): number {
    const hz = pureTone(this.#block)
    if (hz !== null && Math.abs(hz - this.#toneHz) <= SAME_HZ) {
      this.#toneMs += BLOCK_MS
      return 0
    }
    const ended = this.#toneMs
    this.#endedHz = this.#toneHz
    this.#toneHz = hz ?? 0
    this.#toneMs = hz === null ? 0 : BLOCK_MS
    return ended
  }

  /** A block with a hole tells nothing: what was, goes on. */
  #bridgeTone(): number {
    if (this.#toneMs > 0) this.#toneMs += BLOCK_MS
    return 0
  }

  /** The network may have begun before anybody listened: then the first tone that is heard is any of them, and cut short. */
  #followInformation(toneEnded: number, greeting: Greeting): void {
    if (toneEnded === 0) return
    const step = INFORMATION.findIndex(([low, high]) => this.#endedHz >= low && this.#endedHz <= high)
    const isWhole = toneEnded >= BEEP_MIN_MS
    const isFirst = !this.#hasHeardTone && greeting.ms === 0
    const isLastAlone = step === INFORMATION.length - 1
    const beganAtMs = this.#atMs - BLOCK_MS - toneEnded
    const mayBeCut = isFirst && step >= 0 && (!isLastAlone || (isWhole && beganAtMs <= LAST_ALONE_WITHIN_MS))
    this.#hasHeardTone ||= isWhole || step >= 0
    // The same one once more was torn by a lost packet.
    if (step >= 0 && step === this.#stepsHeard - 1) return
    this.#stepsHeard = mayBeCut || (step === this.#stepsHeard && isWhole) ? step + 1 : 0
  }
}

/** Whether one of the two packets of a block is missing: no line is perfectly silent for one packet and not for the other. */
function hasLostPacket(block: Int16Array): boolean {
  const half = block.length >> 1
  const isZero = (sample: number) => sample === 0
  return block.subarray(0, half).every(isZero) !== block.subarray(half).every(isZero)
}

/** The frequency of a block that is one sine wave and hardly anything else, from 350 to 2600 Hz; null otherwise. */
function pureTone(block: Int16Array): number | null {
  const power = meanSquare(block)
  // Below -42 dBov nothing is a beep.
  if (power < 260 ** 2) return null
  let crossings = 0
  let first = -1
  let last = -1
  for (let index = 1; index < block.length; index += 1) {
    const before = block[index - 1] as number
    const now = block[index] as number
    if (before < 0 === now < 0) continue
    // Where the line between the two samples meets zero.
    const at = index - now / (now - before)
    if (first < 0) first = at
    else crossings += 1
    last = at
  }
  if (crossings < 8) return null
  const hz = (crossings / 2 / (last - first)) * RATE_HZ
  if (hz < 350 || hz > 2_600) return null
  const best = Math.max(goertzelPower(block, hz - 6), goertzelPower(block, hz), goertzelPower(block, hz + 6))
  return best / power >= PURE ? hz : null
}
