import t from 'tap'
import type { GatherOptions } from '../../ivr-flows/host.ts'
import { rung } from '../../ivr-flows/nodes/asking.ts'
import { judgeConfidence } from '../../ivr-flows/nodes/confirmation.ts'
import { parseFlow } from '../../ivr-flows/parse.ts'
import { runFlow } from '../../ivr-flows/run.ts'
import { document, flowOf, host, never } from './support.ts'

const gather = (speech: unknown, others: Record<string, unknown> = {}) =>
  document({
    ask: {
      kind: 'gather',
      prompt: 'What?',
      speech,
      next: 'bye',
      noInput: 'bye',
      noMatch: 'bye',
      failed: 'bye',
      ...others
    },
    bye: { kind: 'hangup' }
  })

t.test('what is asked for reaches whoever listens', async t => {
  const asked: GatherOptions[] = []
  const listener = host({
    gather: async options => {
      asked.push(options)
      return { kind: 'noInput' }
    }
  })
  await runFlow(flowOf(gather({ kind: 'digits', pauseMs: 2_500 })), listener, { signal: never })
  t.match(asked[0]?.speech, { kind: 'digits', pauseMs: 2_500, grammar: /^#JSGF V1.0;/ })
  t.equal(asked.length, 3)
  t.equal(asked[2]?.speech, undefined, 'the third time only keys count')
})

t.test('a question that fails goes down the ladder', async t => {
  const ladder = { attempts: 4, speechAttempts: 2 }
  t.same(
    [1, 2, 3, 4, 5].map(attempt => rung(attempt, ladder, true)),
    ['ask', 'ask', 'offerKeys', 'offerKeys', 'leave']
  )
  t.same(
    [1, 3, 5].map(attempt => rung(attempt, ladder, false)),
    ['ask', 'ask', 'leave'],
    'where nobody listens there are only keys anyway'
  )
})

t.test('confidence decides what is taken, confirmed and asked again', async t => {
  t.same(
    [0.39, 0.4, 0.74, 0.75].map(one => judgeConfidence(one)),
    ['again', 'confirm', 'confirm', 'take']
  )
  t.equal(judgeConfidence(0.99, { when: 'always' }), 'confirm')
  t.equal(judgeConfidence(0.5, { when: 'never' }), 'take')
  t.equal(judgeConfidence(0.1, { when: 'never' }), 'again')
})

t.test('an author hears what is wrong with a spoken answer, and where', async t => {
  const problemsOf = (source: string) => parseFlow(source).problems
  t.same(problemsOf(gather({ kind: 'number' })), [])
  t.match(problemsOf(gather({ kind: 'phrases' })), [{ code: 'MISSING_PROPERTY', message: /no “phrases”/ }])
  t.match(problemsOf(gather({ kind: 'grammar' })), [{ code: 'MISSING_PROPERTY', message: /no “grammar”/ }])
  t.match(problemsOf(gather({ kind: 'grammar', grammar: { en: '<a> = (b;' } })), [
    { code: 'BAD_GRAMMAR', message: /“\)” is expected here/ }
  ])
  t.match(problemsOf(gather({ kind: 'phrases', phrases: { a: { en: ['Red'] }, b: { en: ['red!'] } } })), [
    { code: 'DUPLICATE_KEY', message: /both “a” and “b”/ }
  ])
  t.match(problemsOf(gather({ kind: 'number' }, { card: true })), [{ message: /card number is never listened to/ }])
  t.match(problemsOf(gather({ kind: 'number' }, { accept: ['digits'] })), [{ message: /accept leaves speech out/ }])
  t.match(problemsOf(gather(undefined, { accept: ['digits', 'speech'] })), [{ message: /no “speech”/ }])
  const finnish = JSON.parse(gather({ kind: 'date' })) as Record<string, unknown>
  t.match(problemsOf(JSON.stringify({ ...finnish, languages: ['fi'], defaultLanguage: 'fi' })), [
    { code: 'UNKNOWN_LANGUAGE', severity: 'warning', message: /not read in “fi”/ }
  ])
})
