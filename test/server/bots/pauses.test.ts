import t from 'tap'
import { joinSamples } from '../../../media/audio/pcm.ts'
import { generateTone } from '../../../media/audio/tone.ts'
import { BotCaller, botFlow, publishReturns, SAID, TEXTS } from '../../bots/support.ts'
import { TestParley } from '../../support/parley.ts'
import { createToneRecognizer, thenSilence } from '../../support/tone-recognizer.ts'

/** What the tones stand for beside those of bots; each answer is in two parts with a pause between them. */
const PARTS = {
  digits: { hz: [1_000, 1_400], texts: ['four', 'two'] },
  spelled: { hz: [1_800, 2_000], texts: ['a', 'b'] },
  number: { hz: [2_600, 3_000], texts: ['two hundred', 'five'] }
} as const
type Kind = keyof typeof PARTS

/** Longer than what ends a number or an open answer (700 ms), shorter than what ends digits and spelling (1200 ms). */
const PAUSE_MS = 950
const OPEN_ENDS_MS = 700
const DIGITS_END_MS = 1_200
/** On a machine that has much to do a pause arrives longer or shorter than it was made. */
const TRIES = 6

const asking = (kind: Kind, whole: string, cut: string) => `
id: ${kind}
name: Asks for ${kind}
languages: [en]
defaultLanguage: en
start: ask
onFailure: other
vars: { said: { type: ${kind === 'number' ? 'number' : 'string'} } }
nodes:
  ask:
    kind: gather
    prompt: { tone: "%(400,0,440)" }
    timeoutMs: 20000
    speech: { kind: ${kind}, confirm: { when: never } }
    attempts: 1
    save: said
    next: byAnswer
    noInput: other
    noMatch: other
  byAnswer:
    kind: branch
    cases: [{ when: 'vars.said = ${whole}', next: whole }, { when: 'vars.said = ${cut}', next: cut }]
    otherwise: other
  whole: { kind: say, bargeIn: false, prompt: { tone: "%(900,0,1200)" }, next: bye }
  cut: { kind: say, bargeIn: false, prompt: { tone: "%(900,0,660)" }, next: bye }
  other: { kind: say, bargeIn: false, prompt: { tone: "%(900,0,300)" }, next: bye }
  bye: { kind: hangup }
`

type Heard = Readonly<{ kind: string; atMs: number }>
/** How the first turn of a caller was heard: the pause within it, or the quiet that ended it. */
type Turn = Readonly<{ expects: string; withinMs: number | null; endedAfterMs: number | null }>

t.test('an answer ends after the pause that people make in such answers', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({
    env: { PARLEY_POCKETSPHINX: 'off' },
    recognizers: [
      createToneRecognizer({
        texts: {
          [SAID.returns]: TEXTS[SAID.returns] ?? '',
          [SAID.tiger]: TEXTS[SAID.tiger] ?? '',
          ...Object.fromEntries(Object.values(PARTS).flatMap(({ hz, texts }) => hz.map((one, at) => [one, texts[at]])))
        }
      })
    ]
  })
  const ask = async (kind: Kind, number: string, whole: string, cut: string) => {
    await server.publish(asking(kind, whole, cut))
    await server.addNumber(number, kind)
  }
  await ask('digits', '+12025550201', '"42"', '"4"')
  await ask('spelled', '+12025550202', '"AB"', '"A"')
  await ask('number', '+12025550203', '205', '200')

  /** Calls until the pause arrives as it was made; by which tone the flow says what it has understood. */
  const answer = async (number: string, kind: Kind, endsMs: number) => {
    for (let tries = 1; ; tries += 1) {
      await using caller = await server.phone()
      const leg = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
      caller.audio.connect((await leg.answered()).sdp).sendSilence()
      await caller.audio.hears(440)
      await caller.audio.hearsSilence()
      caller.audio.sendFrames(thenSilence(inTwoParts(PARTS[kind].hz)))
      const hz = await caller.audio.hearsOneOf([1_200, 660, 300])
      await leg.bye()
      const turn = firstTurn((await server.story(leg.callId)).events)
      if (isAsMade(turn, endsMs) || tries === TRIES) return { hz, turn }
    }
  }

  await t.test('who pauses between digits is not cut off, and neither is who spells', async t => {
    for (const [number, kind] of [
      ['+12025550201', 'digits'],
      ['+12025550202', 'spelled']
    ] as const) {
      const { hz, turn } = await answer(number, kind, DIGITS_END_MS)
      t.equal(hz, 1_200, `${kind}: both parts are one answer, ${JSON.stringify(turn)}`)
      t.ok((turn.withinMs ?? 0) > OPEN_ENDS_MS, `${kind}: with a pause that ends other answers`)
    }
  })

  await t.test('the same pause ends a number', async t => {
    const { hz, turn } = await answer('+12025550203', 'number', OPEN_ENDS_MS)
    t.equal(hz, 660, `the first part is the answer, ${JSON.stringify(turn)}`)
    t.equal(turn.endedAfterMs, OPEN_ENDS_MS)
  })

  await t.test('the same pause ends what is said in open speech: two sentences are two questions', async t => {
    await publishReturns(server)
    await server.publish(botFlow())
    await server.addNumber('+12025550204', 'bot')
    for (let tries = 1; ; tries += 1) {
      await using caller = await BotCaller.call(server, '+12025550204')
      await caller.audio.hears(440)
      await caller.audio.hearsSilence()
      caller.audio.sendFrames(thenSilence(inTwoParts([SAID.returns, SAID.tiger])))
      await caller.until('turnHeard', 2)
      const events = await caller.events()
      await caller.bye()
      const turn = firstTurn(events)
      if (!isAsMade(turn, OPEN_ENDS_MS) && tries < TRIES) continue
      t.equal(turn.expects, 'open')
      t.equal(turn.withinMs, null, `the first sentence is a turn of its own, ${JSON.stringify(turn)}`)
      t.equal(turn.endedAfterMs, OPEN_ENDS_MS)
      break
    }
  })
})

function inTwoParts(hz: readonly number[]): Int16Array {
  const [first, second] = hz.map(one => generateTone({ frequenciesHz: [one], durationMs: 400, amplitude: 8_000 }))
  return joinSamples([first ?? new Int16Array(), new Int16Array(8 * PAUSE_MS), second ?? new Int16Array()])
}

function firstTurn(events: readonly { kind: string; data: Readonly<Record<string, unknown>> }[]): Turn {
  const { expects, events: turn } = (events.find(one => one.kind === 'turnHeard')?.data ?? {
    expects: 'nothing',
    events: []
  }) as { expects: string; events: readonly Heard[] }
  const at = (kind: string) => turn.find(one => one.kind === kind)?.atMs ?? null
  const [paused, resumed, ended] = [at('paused'), at('resumed'), at('ended')]
  return {
    expects,
    withinMs: paused === null || resumed === null ? null : resumed - paused,
    endedAfterMs: paused === null || resumed !== null || ended === null ? null : ended - paused
  }
}

/** Whether the pause arrived as it was made, and not so late that any answer of this kind ends in it, or hardly at all. */
function isAsMade({ withinMs, endedAfterMs }: Turn, endsMs: number): boolean {
  return withinMs === null ? endedAfterMs !== DIGITS_END_MS || endsMs !== DIGITS_END_MS : withinMs > OPEN_ENDS_MS
}
