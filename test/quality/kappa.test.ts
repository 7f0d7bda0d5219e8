import t from 'tap'
import { agreementOf, wordFor } from '../../server/quality/kappa.ts'
import { checkScorecard, missingOf, type Scorecard, scoreOf } from '../../server/quality/scorecard.ts'

const times = <T>(count: number, value: T): T[] => Array.from({ length: count }, () => value)

t.test('two raters: Cohen’s kappa as it is worked out in textbooks', async t => {
  // 20 both yes, 5 and 10 apart, 15 both no: observed 0.7, expected 0.5.
  const ratings = [
    ...times(20, ['yes', 'yes']),
    ...times(5, ['yes', 'no']),
    ...times(10, ['no', 'yes']),
    ...times(15, ['no', 'no'])
  ]
  const found = agreementOf(ratings, ['yes', 'no'])
  t.match(found, { method: 'cohen', items: 50, raters: 2, agreed: 0.7 })
  t.equal(found.kappa?.toFixed(3), '0.400')
})

t.test('three answers in order: neighbours disagree less than the ends', async t => {
  const near = agreementOf(
    [...times(5, ['1', '1']), ...times(5, ['3', '3']), ['1', '2'], ['2', '3']],
    ['1', '2', '3'],
    true
  )
  const far = agreementOf(
    [...times(5, ['1', '1']), ...times(5, ['3', '3']), ['1', '3'], ['3', '1']],
    ['1', '2', '3'],
    true
  )
  t.ok((near.kappa ?? 0) > (far.kappa ?? 0))
  t.equal(near.method, 'cohenWeighted')
})

t.test('more raters: Fleiss’ kappa of the table in his paper’s form, 14 raters and 10 subjects', async t => {
  const table = [
    [0, 0, 0, 0, 14],
    [0, 2, 6, 4, 2],
    [0, 0, 3, 5, 6],
    [0, 3, 9, 2, 0],
    [2, 2, 8, 1, 1],
    [7, 7, 0, 0, 0],
    [3, 2, 6, 3, 0],
    [2, 5, 3, 2, 2],
    [6, 5, 2, 1, 0],
    [0, 2, 2, 3, 7]
  ]
  const ratings = table.map(row => row.flatMap((count, category) => times(count, String(category))))
  const found = agreementOf(ratings, ['0', '1', '2', '3', '4'])
  t.match(found, { method: 'fleiss', items: 10, raters: 14 })
  t.equal(found.kappa?.toFixed(3), '0.210')
})

t.test('where chance explains everything there is no kappa, and what one did not rate does not count', async t => {
  t.equal(agreementOf(times(5, ['yes', 'yes']), ['yes', 'no']).kappa, null)
  t.match(agreementOf([['yes', null]], ['yes', 'no']), { kappa: null, items: 0 })
  t.same([-0.1, 0.1, 0.3, 0.5, 0.7, 0.9].map(wordFor), [
    'poor',
    'slight',
    'fair',
    'moderate',
    'substantial',
    'almostPerfect'
  ])
})

const yesNo = [
  { value: 'yes', label: 'Yes', points: 100 },
  { value: 'no', label: 'No', points: 0 }
]
const CARD: Scorecard = {
  passPercent: 80,
  sections: [
    {
      title: 'All',
      questions: [
        { id: 'greeting', text: 'Greeting', weight: 10, options: yesNo },
        { id: 'identity', text: 'Identity', weight: 30, isCritical: true, options: yesNo },
        { id: 'tone', text: 'Tone', weight: 60, allowsNotApplicable: true, options: yesNo }
      ]
    }
  ]
}

t.test('weights, critical questions and what does not apply make the total', async t => {
  const span = [{ fromMs: 1, toMs: 2 }]
  const yes = { value: 'yes', evidence: span }
  t.match(scoreOf(CARD, { greeting: yes, identity: yes, tone: yes }), { percent: 100, isPassed: true, critical: [] })
  t.match(scoreOf(CARD, { greeting: yes, identity: yes, tone: { value: 'notApplicable' } }), { percent: 100 })
  t.match(scoreOf(CARD, { greeting: yes, identity: { value: 'no' }, tone: yes }), {
    percent: 70,
    isPassed: false,
    critical: ['identity']
  })
  t.match(scoreOf(CARD, {}), { percent: null, isPassed: null })
})

t.test('each answer cites the call or says that it is not evidenced; nothing is left open', async t => {
  const span = [{ fromMs: 1, toMs: 2 }]
  t.same(
    missingOf(CARD, {
      greeting: { value: 'yes' },
      identity: { value: 'yes', evidence: span },
      extra: { value: 'x' }
    }).map(one => one.at),
    ['/answers/extra', '/answers/greeting', '/answers/tone']
  )
  t.same(
    missingOf(CARD, {
      greeting: { value: 'yes', isNotEvidenced: true },
      identity: { value: 'maybe', evidence: span },
      tone: { value: 'notApplicable' }
    }).map(one => one.at),
    ['/answers/identity']
  )
})

t.test('a scorecard that cannot be scored is refused with every place', async t => {
  const twice = {
    sections: [
      {
        title: 'A',
        questions: [
          { id: 'q', text: 'Q', weight: 0, options: yesNo },
          { id: 'q', text: 'Q', weight: 0, options: [yesNo[0]!, yesNo[0]!] }
        ]
      }
    ]
  }
  t.throws(() => checkScorecard(twice), { code: 'SCORECARD_INVALID', problems: { length: 4 } })
})
