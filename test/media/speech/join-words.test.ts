import fc from 'fast-check'
import t from 'tap'
import type { SpokenWord } from '../../../media/speech/batch-recognizer.ts'
import { cutAtQuiet } from '../../../media/speech/cut-at-quiet.ts'
import { joinAtOverlap, joinText } from '../../../media/speech/join-words.ts'
import { hearTones, sayInTones } from '../../support/speech-servers/tone-words.ts'

const word = (text: string, startMs: number, endMs: number): SpokenWord => ({ text, startMs, endMs, confidence: 0.9 })

t.test('what two streams heard in their overlap is there once, wherever it begins', async () => {
  const said = fc.array(
    fc.record({ pauseMs: fc.integer({ min: 0, max: 900 }), lengthMs: fc.integer({ min: 80, max: 600 }) }),
    {
      minLength: 5,
      maxLength: 60
    }
  )
  fc.assert(
    fc.property(
      said,
      fc.integer({ min: 0, max: 20_000 }),
      fc.integer({ min: -20, max: 20 }),
      (lengths, fromMs, skewMs) => {
        let at = 0
        const words = lengths.map(({ pauseMs, lengthMs }, index) => {
          const startMs = at + pauseMs
          at = startMs + lengthMs
          return word(`w${index}`, startMs, at)
        })
        const toMs = fromMs + 3_000
        // The first hears what ends before it does; the second what begins after it began, on a clock slightly off.
        const first = words.filter(one => one.endMs <= toMs)
        const second = words
          .filter(one => one.startMs >= fromMs)
          .map(one => ({ ...one, startMs: one.startMs + skewMs, endMs: one.endMs + skewMs }))
        const joined = joinAtOverlap(first, second, { fromMs, toMs })
        return joined.map(one => one.text).join() === words.map(one => one.text).join()
      }
    ),
    { numRuns: 500 }
  )
})

t.test('text is joined as its language is written', async t => {
  t.equal(joinText(['guten ', ' Tag', ''], 'de-AT'), 'guten Tag')
  t.equal(joinText(['お届け', '先'], 'ja'), 'お届け先')
  t.equal(joinText(['你好', '世界'], 'zh-CN'), '你好世界')
})

t.test('a recording is cut where nobody speaks, and nothing of it is lost', async t => {
  const words = ['balance', 'order', 'agent', 'address', 'invoice', 'delivery', 'cancel', 'change'] as const
  const samples = sayInTones(words)
  const stretches = cutAtQuiet(samples, 8_000)
  t.equal(
    stretches.reduce((sum, one) => sum + one.samples.length, 0),
    samples.length
  )
  t.ok(stretches.every(one => one.samples.length <= 8_000))
  t.same(
    stretches.flatMap(one => hearTones(one.samples).map(heard => heard.word)),
    words
  )
})
