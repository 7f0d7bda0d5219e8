import { spawnSync } from 'node:child_process'
import { writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { pino } from 'pino'
import t from 'tap'
import { composeHoldMusic } from '../../../media/audio/hold-music.ts'
import { createSherpa } from '../../../media/speech/providers/sherpa.ts'
import { readSherpaModels } from '../../../media/speech/providers/sherpa-models.ts'
import { Speech } from '../../../server/bots/speech.ts'
import { PRODUCT_SETTINGS, replayTurn, type StoredTurn } from '../../../server/bots/turn-replay.ts'
import type { Call } from '../../../server/calls/call.ts'
import { LegAudio, type VoiceInput } from '../../../server/calls/leg-audio.ts'
import { type TestCall, TestParley } from '../../support/parley.ts'
import { sayInTones } from '../../support/speech-servers/tone-words.ts'
import { writeToneModel } from '../../support/tone-model.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../../support/tone-recognizer.ts'

const NUMBER = '+12025550100'
const TEXTS = { 500: 'where is', 700: 'my order', 900: 'and', 1100: 'mhm', 1300: 'stop' }
/** So long that it is still playing when a slow machine has understood what was said meanwhile. */
const PROMPT_MS = 20_000
const PROMPT = [`tone_stream://%(${PROMPT_MS},0,440)`]
const RULES = { minDigits: 1, maxDigits: 1, terminators: '', timeoutMs: 6_000, interDigitMs: 3_000 }
const FLOW = `
id: waits
name: Waits
languages: [en]
defaultLanguage: en
start: wait
onFailure: bye
nodes:
  wait:
    kind: gather
    prompt: { tone: "%(300,0,440)" }
    timeoutMs: 60000
    interDigitMs: 30000
    min: 20
    max: 20
    next: bye
  bye: { kind: hangup }
`

t.test('a caller says a sentence, and it is heard as said', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start()
  await server.publish(FLOW)
  await server.addNumber(NUMBER, 'waits')
  const log = pino({ level: 'silent' })
  const models = t.testdir({})
  await writeToneModel(join(models, 'tones'), ['es'])
  const {
    streaming: [model]
  } = await readSherpaModels(models)
  await using speech = new Speech([createToneRecognizer({ texts: TEXTS }), createSherpa(model!, log)], log)
  await using caller = await server.phone()
  const leg = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await leg.answered()).sdp).sendSilence()
  await caller.audio.hears(440)
  const call = [...server.parley.liveCalls.values()][0] as Call
  if (call.customer === null) throw new Error('the caller is not answered')
  using audio = new LegAudio(call.customer)
  const { signal } = call
  const ask = async (frequenciesHz: readonly number[], prompt?: readonly string[], amplitude = 8_000) =>
    await answered('en', toneSpeech(frequenciesHz, amplitude), prompt)
  const answered = async (language: string, said: Int16Array, prompt: readonly string[] = ['silence_stream://200']) => {
    const partials: string[] = []
    const input = await speech.listenOpen(call, language, { expects: 'open', hints: ['order'] }, signal)
    if (input === null) throw new Error('nobody listens')
    const told: VoiceInput = {
      listen: (onEvent, isPrompted) =>
        input.listen(event => {
          if (event.kind === 'partial') partials.push(event.text)
          onEvent(event)
        }, isPrompted)
    }
    const answer = audio.collect(prompt, RULES, true, signal, told)
    caller.audio.sendFrames(thenSilence(said))
    return { outcome: await answer, partials }
  }

  await t.test('with what was understood on the way', async t => {
    const { outcome, partials } = await ask([500, 700])
    t.match(outcome, { kind: 'spoken', phrase: 'where is my order', confidence: 0.9 })
    t.same(partials, ['where is', 'where is my order'])
  })

  await t.test('by a network on this machine in another language, end of the sentence included', async t => {
    const { outcome, partials } = await answered('es', sayInTones(['order', 'agent', 'address'], 240))
    t.match(outcome, { kind: 'spoken', phrase: 'order agent address' })
    t.ok(partials.includes('order'), partials.join(', '))
  })

  /** Resolves when so much more of the call has been heard. */
  const heardFor = async (ms: number) => {
    const { promise, resolve } = Promise.withResolvers<void>()
    let frames = 0
    using _ = call.tap?.attach({
      name: 'test',
      onFrame() {
        frames += 1
        if (frames * 20 >= ms) resolve()
      }
    }) as Disposable
    await promise
  }
  /** Resolves when the story says that a turn was none. */
  const ignored = async () => {
    for (;;) {
      await server.parley.storiesWritten()
      const { body } = await server.api('GET', `/calls/${call.id}`)
      const events = (body as unknown as TestCall).events
      if (events.some(one => one.kind === 'turnHeard' && one.data['wasIgnored'] === true)) return
      await heardFor(100)
    }
  }

  await t.test('keys win over a voice', async t => {
    caller.audio.sendDigits('7')
    t.match((await ask([])).outcome, { kind: 'digits', digits: '7' })
  })

  await t.test('a sound of listening does not stop the prompt, and words after it do', async t => {
    const answer = ask([1100], PROMPT)
    await caller.audio.hears(440)
    const first = await Promise.race([ignored(), answer])
    if (first !== undefined) throw new Error(`the sound was taken for an answer: ${JSON.stringify(first)}`)
    await caller.audio.hears(440)
    caller.audio.sendFrames(thenSilence(toneSpeech([1300])))
    const { outcome } = await answer
    t.match(outcome, { kind: 'spoken', phrase: 'stop' })
    const heardMs = outcome.kind === 'spoken' ? (outcome.heardMs ?? 0) : 0
    t.ok(heardMs > 800 && heardMs < PROMPT_MS - 500, `heard ${heardMs} ms of the prompt`)
  })

  await t.test('the same sound after the prompt is the answer', async t => {
    t.match((await ask([1100], ['silence_stream://20'])).outcome, { kind: 'spoken', phrase: 'mhm' })
  })

  await t.test('a caller who shouts is told from one who speaks as before', async t => {
    t.notOk(((await ask([500, 700, 500, 700, 500, 700, 500, 700])).outcome as { isRaised?: boolean }).isRaised)
    t.ok(((await ask([500, 700], undefined, 30_000)).outcome as { isRaised?: boolean }).isRaised)
  })

  await t.test('music is no answer', async t => {
    const input = await speech.listenOpen(call, 'en', { expects: 'open' }, signal)
    const music = composeHoldMusic()
    const answer = audio.collect([], { ...RULES, timeoutMs: 10_000 }, true, signal, input)
    caller.audio.sendPcm(music)
    t.match(await answer, { kind: 'notUnderstood' })
    caller.audio.sendSilence()
  })

  await t.test('a card number that begins cuts off what was being said, and nobody hears the rest', async t => {
    const input = await speech.listenOpen(call, 'en', { expects: 'open' }, signal)
    const events: string[] = []
    using _ = input?.listen(event => {
      events.push(event.kind)
      if (event.kind === 'partial') hidden = call.tap?.hide()
    }, false) as Disposable
    let hidden: Disposable | undefined
    caller.audio.sendFrames(thenSilence(toneSpeech([500, 700, 700, 700])))
    while (!events.includes('notUnderstood')) await heardFor(20)
    await heardFor(700)
    hidden?.[Symbol.dispose]()
    t.same(events, ['speaking', 'partial', 'notUnderstood'])
  })

  await t.test('where nobody understands open speech the story says so once', async t => {
    t.equal(await speech.listenOpen(call, 'de', { expects: 'open' }, signal), null)
    t.equal(await speech.listenOpen(call, 'de', { expects: 'open' }, signal), null)
  })

  leg.bye()
  const story = await server.story(leg.callId)
  t.match(
    story.events.filter(one => one.kind === 'speechUnavailable').map(one => one.data),
    [{ language: 'de', code: 'SPEECH_MISSING' }]
  )
  const turns = story.events.filter(one => one.kind === 'turnHeard').map(one => one.data as unknown as StoredTurn)
  t.ok(turns.length >= 8)
  for (const turn of turns) {
    const { spokeAtMs } = replayTurn(turn, PRODUCT_SETTINGS)
    t.equal(spokeAtMs === null, turn.wasIgnored, 'a stored turn goes again as it went')
  }
  t.notOk(/my order|mhm|stop/.test(JSON.stringify(turns)), 'no words are kept')
  const file = join(server.dataDir, 'call.json')
  await writeFile(file, JSON.stringify(story))
  const program = fileURLToPath(new URL('../../../server/bots/turn-replay-cli.ts', import.meta.url))
  const { stdout } = spawnSync(process.execPath, [program, '--endpoint', 'open=100', file], { encoding: 'utf8' })
  t.match(stdout, /the answer is over at \d+ ms instead of at \d+ ms/)
  t.match(stdout, new RegExp(`${turns.length} turns, [1-9]\\d* would have gone otherwise`))
  const held = spawnSync(process.execPath, [program, '--hold', '0', file], { encoding: 'utf8' })
  t.match(
    held.stdout,
    /the customer gets the turn at \d+ ms instead of never/,
    'the “mhm” would have stopped the prompt'
  )
  const asItWas = spawnSync(process.execPath, [program, '--hold', '600', file], { encoding: 'utf8' })
  t.notMatch(asItWas.stdout, /instead of never/)
  t.not(spawnSync(process.execPath, [program, '--hold', 'long', file]).status, 0)
  const refused = spawnSync(process.execPath, [program, '--endpoint', 'shout=100', file], { encoding: 'utf8' })
  t.not(refused.status, 0, 'a setting that does not exist is refused')
})
