import { readFile } from 'node:fs/promises'
import t from 'tap'
import { parseScenarioFile, withDefaults } from '../../ivr-flows/testing/scenario-file.ts'
import { levelDbov } from '../../media/audio/speech-energy.ts'
import { noiseLoop, speechLike, VOICE_DBOV, withoutEdges } from '../../media/simulator/caller-sounds.ts'
import { createScriptedRecognizer } from '../../media/simulator/scripted-recognizer.ts'
import { wordErrors } from '../../media/speech/compare-words.ts'
import type { CallerTurn } from '../../server/simulator/report.ts'
import { reportJunit, reportText } from '../../server/simulator/report-text.ts'
import { scoreOf } from '../../server/simulator/score.ts'
import { turnsOf } from '../../server/simulator/turns.ts'

const FACTS = { answeredAtMs: 1_000, language: 'en', nowMs: 9_000 }

t.test('words that were replaced, lost or invented are counted, whatever their case and marks', async t => {
  t.same(wordErrors('Where is my order?', 'where is my order', 'en'), { wrong: 0, of: 4 })
  t.same(wordErrors('where is my order', 'where was order now', 'en'), { wrong: 3, of: 4 })
  t.same(wordErrors('where is my order', '', 'en'), { wrong: 4, of: 4 })
  t.same(wordErrors('我的订单', '我的单', 'zh'), { wrong: 1, of: 4 }, 'by character where words have no spaces')
})

t.test('latency is from the end of a turn to the first sound after it, in the caller’s own audio', async t => {
  const prompts = [{ kind: 'speech' as const, text: 'Hello', language: 'en' }]
  const turns = turnsOf(
    [
      { fromMs: 1_100, toMs: 2_000 },
      { fromMs: 4_300, toMs: 5_000 }
    ],
    [
      { prompts, fromMs: 1_050, toMs: 2_010, wasStopped: false },
      { prompts, fromMs: 4_250, toMs: 5_000, wasStopped: true }
    ],
    [
      {
        step: 0,
        fromMs: 2_500,
        toMs: 3_500,
        what: { kind: 'speech', text: 'my order' },
        heard: [{ text: 'my odour', confidence: 0.6 }]
      },
      { step: 2, fromMs: 4_700, toMs: 5_200, what: { kind: 'keys', keys: '1' }, heard: [] }
    ],
    FACTS
  )
  t.match(turns, [
    { who: 'flow', fromMs: 100, toMs: 1_010, text: 'Hello', wasCut: false },
    { who: 'caller', fromMs: 1_500, latencyMs: 800, interruptMs: null, heard: 'my odour', words: { wrong: 1, of: 2 } },
    { who: 'flow', fromMs: 3_300, wasCut: true },
    { who: 'caller', kind: 'keys', latencyMs: null, interruptMs: 300 }
  ])
})

const turn = (latencyMs: number | null): CallerTurn => ({
  who: 'caller',
  kind: 'keys',
  keys: '1',
  step: 0,
  fromMs: 0,
  toMs: 100,
  latencyMs,
  interruptMs: null
})

t.test('a call succeeds when all goals are reached and no limit is passed', async t => {
  const expect = { end: 'hangup' as const, variables: { a: 1, b: 2 } }
  t.match(scoreOf({ expect }, [turn(400)], [], 5_000), {
    failures: [],
    score: { isSuccess: true, goals: { met: 3, of: 3 } }
  })
  const limits = { latencyMs: 500, medianLatencyMs: 350, turns: 2, wordErrorRate: 0.2 }
  const { score, failures } = scoreOf(
    { expect, limits },
    [turn(300), turn(900), turn(400)],
    [
      { path: ['expect', 'variables', 'a'], message: 'a is 2' },
      { path: ['steps', 3], message: 'not done' }
    ],
    5_000
  )
  t.match(score, { isSuccess: false, goals: { met: 2, of: 3 }, latency: { medianMs: 400, maxMs: 900, turns: 3 } })
  t.same(
    failures.map(one => one.path.join('.')),
    [
      'expect.variables.a',
      'steps.3',
      'limits.turns',
      'limits.latencyMs',
      'limits.medianLatencyMs',
      'limits.wordErrorRate'
    ],
    'and what could not be measured is not within its limit'
  )
})

t.test('a recogniser that is given words hears them only where they fit', async t => {
  const saying = { text: 'Customer support!', confidence: 0.7, soundMs: 1_000 }
  const same = (one: string, other: string) => one === other.toLowerCase().replace('!', '')
  const recognizer = createScriptedRecognizer(['en'], () => saying, same)
  const open = recognizer.open({ language: 'en', phrases: null })
  t.same(await open.finish(), { text: 'Customer support!', confidence: 0.7 })
  const closed = recognizer.open({ language: 'en', phrases: ['sales', 'customer support'] })
  t.same(await closed.finish(), { text: 'customer support', confidence: 0.7 })
  t.equal(await recognizer.open({ language: 'en', phrases: ['sales'] }).finish(), null)
  const partials: string[] = []
  const told = recognizer.open({ language: 'en', phrases: null }, text => partials.push(text))
  for (let at = 0; at < 60; at += 1) told.write(new Int16Array(160))
  t.same([partials[0], partials.at(-1)], ['Customer', 'Customer support!'], 'word by word, as the sound goes on')
  const silent = createScriptedRecognizer(['en'], () => null, same)
  t.equal(await silent.open({ language: 'en', phrases: null }).finish(), null)
})

t.test('noise lies as far below the voice as the scenario says', async t => {
  const voice = withoutEdges(speechLike('where is my order'))
  t.ok(voice.length > 6_000)
  for (const kind of ['white', 'street', 'voices'] as const) {
    const level = levelDbov(noiseLoop({ kind, snrDb: 15 }))
    t.ok(Math.abs(level - (VOICE_DBOV - 15)) < 3, `${kind}: ${level}`)
  }
})

t.test('a scenario takes what its file says for all, and says it better', async t => {
  const { value: scenarios, problems } = parseScenarioFile(`
defaults: { language: de, variables: { a: 1, b: 1 }, limits: { turns: 3, latencyMs: 900 } }
calls: [{ name: x, variables: { b: 2 }, limits: { turns: 5 }, expect: { end: hangup } }]`)
  t.same(problems, [])
  const [one] = scenarios!.calls
  t.match(withDefaults(scenarios!, one!), {
    language: 'de',
    variables: { a: 1, b: 2 },
    limits: { turns: 5, latencyMs: 900 }
  })
  t.match(parseScenarioFile('calls: [{ name: x, start: noon, expect: { end: hangup } }]').problems, [
    { line: 1, column: 27 }
  ])
})

t.test('a build server is told what failed, also where it holds marks', async t => {
  const { score } = scoreOf(
    { expect: { end: 'hangup' } },
    [turn(1)],
    [{ path: ['expect', 'end'], message: 'a < b & "c"\u0001' }],
    1
  )
  const calls = [
    {
      name: 'A <caller>',
      callId: null,
      hearing: 'sound' as const,
      path: [],
      endReason: 'flowHungUp',
      turns: [turn(1)],
      score,
      failures: [{ path: ['expect', 'end'], message: 'a < b & "c"\u0001' }],
      places: [{ line: 7, column: 3 }]
    }
  ]
  const xml = reportJunit([{ file: 'x.call.yaml', calls }])
  t.match(xml, '<testsuite name="x.call.yaml" tests="1" failures="1">')
  t.match(xml, 'message="x.call.yaml:7:3 a &lt; b &amp; &quot;c&quot;\ufffd"')
  t.match(
    reportText({ file: 'x.call.yaml', calls }, { allTurns: false }),
    /FAIL A <caller>[\s\S]*x\.call\.yaml:7:3 a < b[\s\S]*0 of 1 calls/
  )
})

t.test('an author who follows the guide has written a scenario', async t => {
  const guide = await readFile(new URL('../../docs/guide/simulator.md', import.meta.url), 'utf8')
  const [, yaml = ''] = /```yaml\n([\s\S]*?)```/.exec(guide) ?? []
  t.same(parseScenarioFile(yaml).problems, [])
  t.equal(parseScenarioFile(yaml).value?.calls.length, 1)
})
