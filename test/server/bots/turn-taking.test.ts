import fc from 'fast-check'
import t from 'tap'
import { lengthsOf, placeHeard } from '../../../server/bots/turn-heard.ts'
import { type TurnEvent, type TurnSounds, turn, turnStart } from '../../../server/bots/turn-machine.ts'
import { differences, PRODUCT_SETTINGS, replayTurn, type StoredTurn } from '../../../server/bots/turn-replay.ts'
import { DEFAULT_ENDPOINTS, endpointMs, isBackChannel, soundsUnfinished } from '../../../server/bots/turn-taking.ts'
import words from '../../../server/bots/turn-words.json' with { type: 'json' }

t.test('people who read digits or spell get longer pauses than people who answer yes or no', async t => {
  t.ok(endpointMs('digits', 'en', null) > endpointMs('yesNo', 'en', null))
  t.ok(endpointMs('spelled', 'en', 'a b') > endpointMs('phrases', 'en', null))
})

t.test('a sentence that sounds unfinished waits longer, in each language', async t => {
  const open: Record<string, readonly [unfinished: string, finished: string]> = {
    en: ['I ordered a phone and', 'I ordered a phone'],
    'en-GB': ['My order is um', 'Where is my order?'],
    es: ['quiero hablar con', 'quiero hablar con ventas'],
    de: ['Ich habe bestellt, aber', 'Ich habe bestellt.'],
    zh: ['我想问一下，因为', '我想退货'],
    ar: ['أريد أن أسأل عن', 'أين طلبي'],
    ja: ['注文したんですけど、', '注文しました']
  }
  for (const [language, [unfinished, finished]] of Object.entries(open)) {
    t.equal(endpointMs('open', language, unfinished), DEFAULT_ENDPOINTS.unfinished, unfinished)
    t.equal(endpointMs('open', language, finished), DEFAULT_ENDPOINTS.open, finished)
  }
  t.notOk(soundsUnfinished('band', 'en'), 'a word that ends with such a word is not one')
})

t.test('every sound of listening is told from answers, in each language, alone and said twice', async t => {
  for (const [language, { backChannels }] of Object.entries(words))
    for (const sound of backChannels) {
      t.ok(isBackChannel(sound, language), `${language}: ${sound}`)
      t.ok(isBackChannel(`${sound.toUpperCase()}, ${sound}.`, language), `${language}: ${sound}, twice`)
    }
  const asWritten: Record<string, string> = {
    en: 'Mm-hm.',
    es: 'Ajá',
    de: 'Ja, ja',
    zh: '嗯嗯。',
    ar: 'طيب',
    ja: 'はい、はい'
  }
  for (const [language, sound] of Object.entries(asWritten))
    t.ok(isBackChannel(sound, language), `${language}: ${sound}`)
  for (const sound of ['Haa.', 'haan', 'Haan, haan', 'Ji haan', 'Achha, okay'])
    for (const language of ['en', 'en-IN', 'hi', 'hi-IN']) t.ok(isBackChannel(sound, language), `${language}: ${sound}`)
  t.ok(isBackChannel('जी हाँ', 'hi'))
  const wishes: Record<string, string> = {
    en: 'okay stop',
    es: 'sí, pero no',
    de: 'Ja, Moment',
    hi: 'हाँ, रुकिए',
    zh: '好，等一下',
    ar: 'نعم، لكن انتظر',
    ja: 'はい、ちょっと待って'
  }
  for (const [language, wish] of Object.entries(wishes)) t.notOk(isBackChannel(wish, language), `${language}: ${wish}`)
  t.notOk(isBackChannel('', 'en'), 'nothing is none')
  t.notOk(isBackChannel('mhm', 'fi'), 'a language without a list has none')
})

t.test('a voice over a prompt', async t => {
  const held = { holdMs: 600 }
  const run = (rules: { holdMs: number }, ...events: TurnEvent[]) => {
    let state = turnStart(true)
    return events.flatMap(event => {
      const step = turn(rules, state, event)
      state = step.state
      return step.decisions
    })
  }
  await t.test('takes the turn at once where nothing is held back', async t => {
    t.same(run({ holdMs: 0 }, { kind: 'speaking', atMs: 0 }), ['speak'])
  })
  await t.test('is ignored when it was a sound of listening or a cough', async t => {
    const mhm: TurnEvent[] = [
      { kind: 'speaking', atMs: 0 },
      { kind: 'partial', atMs: 100, sounds: 'backChannel' },
      { kind: 'paused', atMs: 300 },
      { kind: 'ended', atMs: 1_000 }
    ]
    t.same(run(held, ...mhm, { kind: 'answer', atMs: 1_050, sounds: 'backChannel' }), ['ignore'])
    t.same(run(held, ...mhm, { kind: 'answer', atMs: 1_050, sounds: null }), ['ignore'])
    t.same(
      run(held, ...mhm, { kind: 'promptOver', atMs: 1_020 }, { kind: 'answer', atMs: 1_050, sounds: 'backChannel' }),
      ['ignore'],
      'also when the prompt ends while the recogniser thinks'
    )
  })
  await t.test('takes the turn with its first word, or by going on, or when the prompt ends under it', async t => {
    const speaking: TurnEvent = { kind: 'speaking', atMs: 0 }
    t.same(run(held, speaking, { kind: 'partial', atMs: 200, sounds: 'words' }), ['speak'])
    t.same(run(held, speaking, { kind: 'clock', atMs: 599 }), [])
    t.same(run(held, speaking, { kind: 'clock', atMs: 600 }), ['speak'])
    t.same(run(held, speaking, { kind: 'promptOver', atMs: 100 }), ['speak'])
    t.same(
      run(held, speaking, { kind: 'paused', atMs: 300 }, { kind: 'clock', atMs: 900 }),
      [],
      'quiet does not count as going on'
    )
  })
  await t.test('that took the turn is answered once', async t => {
    const all = run(
      held,
      { kind: 'speaking', atMs: 0 },
      { kind: 'ended', atMs: 500 },
      { kind: 'answer', atMs: 600, sounds: 'words' },
      { kind: 'answer', atMs: 700, sounds: 'words' }
    )
    t.same(all, ['speak', 'answer'])
  })
})

t.test('a stored turn played again with other settings tells what would have changed', async t => {
  const stored: StoredTurn = {
    expects: 'open',
    isPrompted: true,
    wasIgnored: false,
    holdMs: 600,
    events: [
      { kind: 'speaking', atMs: 1_000 },
      { kind: 'partial', atMs: 1_200, sounds: 'backChannel' },
      { kind: 'paused', atMs: 1_400 },
      { kind: 'resumed', atMs: 1_900 },
      { kind: 'partial', atMs: 2_100, sounds: 'words' },
      { kind: 'paused', atMs: 2_500 },
      { kind: 'ended', atMs: 3_200 },
      { kind: 'answer', atMs: 3_300, sounds: 'words' }
    ]
  }
  const now = replayTurn(stored, PRODUCT_SETTINGS)
  t.same(now, { spokeAtMs: 2_100, endedAtMs: 3_200 }, 'the product’s own settings give what happened')
  const quick = { endpoints: { ...DEFAULT_ENDPOINTS, open: 450 }, holdMs: 0 }
  t.same(differences(now, replayTurn(stored, quick)), [
    'the customer gets the turn at 1000 ms instead of at 2100 ms',
    'the answer is over at 1850 ms instead of at 3200 ms'
  ])
  const slow = { endpoints: { ...DEFAULT_ENDPOINTS, open: 900 }, holdMs: null }
  t.same(differences(now, replayTurn(stored, slow)), [
    'the answer is over after more quiet than there was instead of at 3200 ms'
  ])
})

t.test('which prompt was interrupted is told from how much was heard', async t => {
  t.same(placeHeard([1_000, 2_000], 1_500), { prompt: 1, ms: 500 })
  t.same(placeHeard([1_000, 2_000], 9_000), { prompt: 1, ms: 8_000 })
  t.same(placeHeard([1_000, null, 500], 1_600), { prompt: 1, ms: 600 }, 'a length that is not known hides what follows')
  t.same(await lengthsOf(['silence_stream://250', 'tone_stream://%(100,0,440)', '/nowhere/there.wav']), [
    250,
    null,
    null
  ])
})

t.test('whatever happens, an answer follows a voice that got the turn, and nothing takes the turn twice', async t => {
  const atMs = fc.nat({ max: 5_000 })
  const sounds = fc.constantFrom<TurnSounds>('backChannel', 'unfinished', 'words')
  const event: fc.Arbitrary<TurnEvent> = fc.oneof(
    fc.record({
      kind: fc.constantFrom('speaking', 'paused', 'resumed', 'ended', 'promptOver', 'clock'),
      atMs
    }),
    fc.record({ kind: fc.constant('partial'), atMs, sounds }),
    fc.record({ kind: fc.constant('answer'), atMs, sounds: fc.option(sounds) })
  )
  fc.assert(
    fc.property(
      fc.boolean(),
      fc.constantFrom(0, 600),
      fc.array(event, { maxLength: 40 }),
      (isPrompted, holdMs, all) => {
        let state = turnStart(isPrompted)
        let hasTurn = false
        for (const one of all) {
          const step = turn({ holdMs }, state, one)
          state = step.state
          for (const decision of step.decisions) {
            if (decision === 'answer' && !hasTurn) return false
            if (decision === 'ignore' && (hasTurn || holdMs === 0)) return false
            if (decision === 'speak' && hasTurn && one.kind !== 'speaking') return false
            hasTurn = decision === 'speak'
          }
        }
        return true
      }
    ),
    { numRuns: 2_000 }
  )
  t.pass()
})
