import { joinSamples } from '../../media/audio/pcm.ts'
import { generateTone } from '../../media/audio/tone.ts'
import type { TestParley } from '../support/parley.ts'
import type { RtpPeer } from '../support/rtp-peer.ts'
import { createToneRecognizer, thenSilence, type ToneText } from '../support/tone-recognizer.ts'

/** What the tones of these tests stand for. */
export const SAID = {
  returns: 500,
  tiger: 700,
  person: 900,
  nothing: 1_100,
  yes: 1_300,
  order: 1_500,
  cancel: 1_700,
  ridiculous: 1_900,
  fedUp: 2_200,
  mumble: 2_400,
  address: 2_850
} as const

export const TEXTS: Readonly<Record<number, ToneText>> = {
  [SAID.returns]: 'How can I return the goods that I bought?',
  [SAID.tiger]: 'What do I feed a tiger?',
  [SAID.person]: 'I want to speak to a real person',
  [SAID.nothing]: 'No, thank you.',
  [SAID.yes]: 'Yes',
  [SAID.order]: 'Where is my order?',
  [SAID.cancel]: 'Please cancel order A-4711',
  [SAID.ridiculous]: 'This is ridiculous!',
  [SAID.fedUp]: 'I am fed up with this.',
  [SAID.address]: 'What about my address?',
  // More likely something else, but not noise either.
  [SAID.mumble]: { text: 'It is about the thing', confidence: 0.4 }
}

/** Long enough to be no cough. */
const SPOKEN_MS = 700

export const RETURNS = 'You may return goods within 30 days. We pay for the parcel.'

export const botRecognizers = (languages: readonly string[] = ['en']) => [
  createToneRecognizer({ texts: TEXTS, languages, sameWithinMs: 2_000, centsPerMinute: 6 })
]

/** A flow whose greeting is 440 Hz, whose goodbye is 1200 Hz, and whose bot hands over to the queue `support`. */
export function botFlow(more = ''): string {
  return `
id: bot
name: Bot
languages: [en]
defaultLanguage: en
start: bot
onFailure: sorry
nodes:
  bot:
    kind: bot
    goal: Answer questions about orders and returns.
    greeting: { tone: "%(500,0,440)" }
    handover: people
    done: bye
    noAnswer: bye
${more}
  people: { kind: queue, queue: support, overflow: sorry }
  sorry: { kind: say, prompt: { tone: "%(1500,0,1700)" }, next: end }
  bye: { kind: say, prompt: { tone: "%(900,0,1200)" }, next: end }
  end: { kind: hangup }
`
}

export async function publishReturns(server: TestParley): Promise<string> {
  const { body } = await server.api('POST', '/knowledge-articles', {
    language: 'en',
    title: 'Returning goods',
    body: RETURNS
  })
  await server.api('POST', `/knowledge-articles/${body['id']}/publish`, { version: 1 })
  return body['id'] as string
}

type StoryEvent = Readonly<{ kind: string; data: Readonly<Record<string, unknown>> }>

/** Enough to see why something else happened. */
const SHOWN_OF_EVENT = 400

function shortly({ kind, data }: StoryEvent): string {
  return `${kind} ${JSON.stringify(data)}`.slice(0, SHOWN_OF_EVENT)
}

const SAID_AGAIN_AFTER_MS = 12_000
const MOST_TIMES_SAID = 3

/** A caller in a conversation with a bot. */
export class BotCaller implements AsyncDisposable {
  readonly #server: TestParley
  readonly #stack: AsyncDisposableStack
  readonly audio: RtpPeer
  readonly id: string
  readonly sipCallId: string
  readonly bye: () => Promise<unknown>

  private constructor(
    server: TestParley,
    stack: AsyncDisposableStack,
    audio: RtpPeer,
    id: string,
    sipCallId: string,
    bye: () => Promise<unknown>
  ) {
    this.#server = server
    this.#stack = stack
    this.audio = audio
    this.id = id
    this.sipCallId = sipCallId
    this.bye = bye
  }

  static async call(server: TestParley, number: string): Promise<BotCaller> {
    await using stack = new AsyncDisposableStack()
    const caller = stack.use(await server.phone())
    const leg = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
    caller.audio.connect((await leg.answered()).sdp).sendSilence()
    await server.parley.storiesWritten()
    const { status, body } = await server.api('GET', '/calls?limit=200')
    const call = (body.items as { id: string; sipCallId: string }[]).find(one => one.sipCallId === leg.callId)
    if (call === undefined) throw new Error(`${leg.callId} is not among the calls: ${status} ${JSON.stringify(body)}`)
    return new BotCaller(server, stack.move(), caller.audio, call.id, leg.callId, () => leg.bye())
  }

  async events(): Promise<readonly StoryEvent[]> {
    await this.#server.parley.storiesWritten()
    const { body } = await this.#server.api('GET', `/calls/${this.id}`)
    return (body['events'] as StoryEvent[] | undefined) ?? []
  }

  /** Resolves with the nth event of a kind, counted from 1, when it is in the call's story. */
  async until(kind: string, nth = 1, limitMs = 60_000): Promise<Readonly<Record<string, unknown>>> {
    const limit = AbortSignal.timeout(limitMs)
    for (;;) {
      const events = await this.events()
      const found = events.filter(one => one.kind === kind)[nth - 1]
      if (found !== undefined) return found.data
      if (limit.aborted) throw new Error(`no ${kind} in ${events.map(shortly).join(', ')}`)
      await new Promise(resolve => setTimeout(resolve, 50))
    }
  }

  /**
   * Says something and waits until it is heard as the nth thing said; says it again, as people do, where a busy machine has
   * torn the sound and it was not understood.
   */
  async sayUntilHeard(samples: Int16Array, nth: number): Promise<void> {
    for (let times = 1; ; times += 1) {
      this.audio.sendFrames(thenSilence(samples))
      const heard = this.until('speechHeard', nth, SAID_AGAIN_AFTER_MS)
      if (times === MOST_TIMES_SAID) return void (await heard)
      const isHeard = await heard.then(
        () => true,
        () => false
      )
      if (isHeard) return
    }
  }

  /** Says something into whatever plays, `afterMs` from now. */
  say(what: keyof typeof SAID, afterMs = 0): void {
    const words = generateTone({ frequenciesHz: [SAID[what]], durationMs: SPOKEN_MS, amplitude: 8_000 })
    this.audio.sendFrames(thenSilence(joinSamples([new Int16Array(afterMs * 8), words])))
  }

  /** Waits for the greeting, after which the bot listens. */
  async greeted(): Promise<void> {
    await this.audio.hears(440)
    await this.audio.hearsSilence()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}

/** Resolves when the caller has heard these words of this voice, since what was heard before was forgotten. */
export async function hearsWords({ audio }: BotCaller, words: Int16Array, limitMs = 60_000): Promise<void> {
  const limit = AbortSignal.timeout(limitMs)
  for (;;) {
    const alike = likeness(audio.captured(), words)
    if (alike > HEARD_LIKENESS) return
    if (limit.aborted) throw new Error(`the words were not heard: likeness ${alike.toFixed(2)}`)
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** In frames of 20 ms: speech comes in stretches, between which a busy machine makes callers wait. */
const PIECE_FRAMES = 75
const SLACK_FRAMES = 10
const LONGEST_GAP_FRAMES = 100
const FRAME_SAMPLES = 160
/** What was heard is looked at every 5 ms: after a gap it need not go on at the border of a frame. */
const STEPS_A_FRAME = 4
/** Other words of the same voice are less alike. */
const HEARD_LIKENESS = 0.9

/**
 * How alike what was spoken and what was heard are in their loudness over time, from -1 to 1: piece by piece, each at its best
 * place in what was heard, after the one before. Silence counts for nothing: between two stretches of a speech FreeSWITCH puts a
 * frame or two of it, and a word that is cut in two by 40 ms is still that word.
 */
export function likeness(heard: Int16Array, spoken: Int16Array): number {
  // The last frames may be on their way when the caller is asked.
  const late = Array.from({ length: SLACK_FRAMES * STEPS_A_FRAME }, () => 0)
  const long = [...envelope(withoutSilence(heard), FRAME_SAMPLES / STEPS_A_FRAME), ...late]
  const short = envelope(withoutSilence(spoken), FRAME_SAMPLES)
  const pieces = Math.max(1, Math.round(short.length / PIECE_FRAMES))
  let sum = 0
  let from = 0
  let reach = long.length
  for (let piece = 0; piece < pieces; piece += 1) {
    const part = short.slice(
      Math.round((piece * short.length) / pieces),
      Math.round(((piece + 1) * short.length) / pieces)
    )
    const steps = part.length * STEPS_A_FRAME
    let [best, bestAt] = [-1, from]
    for (let at = from; at < reach && at + steps <= long.length; at += 1) {
      const found = correlation(
        part.map((_, index) => long[at + index * STEPS_A_FRAME] ?? 0),
        part
      )
      if (found > best) [best, bestAt] = [found, at]
    }
    sum += best * part.length
    from = Math.max(0, bestAt + steps - SLACK_FRAMES * STEPS_A_FRAME)
    reach = bestAt + steps + LONGEST_GAP_FRAMES * STEPS_A_FRAME
  }
  return sum / short.length
}

/** The smallest step of G.711 is 8: what is quieter is silence on the line. */
const SILENT = 8
const LONGEST_PAUSE_SAMPLES = 80

/** Without runs of silence of 10 ms or more. */
function withoutSilence(samples: Int16Array): Int16Array {
  const kept = new Int16Array(samples.length)
  let length = 0
  let quiet = 0
  for (const sample of samples) {
    quiet = Math.abs(sample) <= SILENT ? quiet + 1 : 0
    kept[length] = sample
    length += 1
    if (quiet === LONGEST_PAUSE_SAMPLES) length -= LONGEST_PAUSE_SAMPLES
    else if (quiet > LONGEST_PAUSE_SAMPLES) length -= 1
  }
  return kept.slice(0, length)
}

function envelope(samples: Int16Array, step: number): readonly number[] {
  const levels: number[] = []
  for (let at = 0; at + FRAME_SAMPLES <= samples.length; at += step) {
    let sum = 0
    for (const sample of samples.subarray(at, at + FRAME_SAMPLES)) sum += sample ** 2
    levels.push(Math.sqrt(sum / FRAME_SAMPLES))
  }
  return levels
}

function correlation(one: readonly number[], other: readonly number[]): number {
  const mean = (values: readonly number[]) => values.reduce((sum, value) => sum + value, 0) / values.length
  const [a, b] = [mean(one), mean(other)]
  let [top, left, right] = [0, 0, 0]
  for (const [at, value] of one.entries()) {
    const [x, y] = [value - a, (other[at] ?? 0) - b]
    top += x * y
    left += x * x
    right += y * y
  }
  return left === 0 || right === 0 ? 0 : top / Math.sqrt(left * right)
}
