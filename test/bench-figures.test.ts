import t from 'tap'
import { isMissed } from '../bench/figures.ts'

t.test('a bench tells which figure misses its aim', async t => {
  const missed = (measured: string, wanted: string) => isMissed({ what: 'figure', measured, wanted })
  t.notOk(missed('60.0 ms', '≤ 60 ms'))
  t.ok(missed('60.1 ms', '≤ 60 ms'))
  t.ok(missed('500 MB', '< 500 MB'))
  t.notOk(missed('499 MB', '< 500 MB'))
  t.notOk(missed('80.00 %', '≥ 80 %'))
  t.ok(missed('79.99 %', '≥ 80 %'))
  t.notOk(missed('0.0 s of 400 s', '≤ 0 s'))
  t.notOk(missed('50, 0', '50, 0'))
  t.ok(missed('50, 1', '50, 0'))
  t.ok(missed('NaN ms', '≤ 60 ms'), 'what was not measured')
  t.ok(missed('> 5000 ms', '≤ 200 ms'), 'what is beyond measure')
  t.notOk(missed('7 ms', ''), 'no aim is stated')
})
