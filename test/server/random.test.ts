import t from 'tap'
import { fewRandomBytes } from '../../server/random.ts'

t.test('short secrets are of their length, and none is given twice', async t => {
  const given = Array.from({ length: 5_000 }, (_, index) => fewRandomBytes(12 + (index % 21)))
  t.ok(given.every((one, index) => one.length === 12 + (index % 21)))
  t.equal(new Set(given.map(one => one.toString('hex'))).size, given.length)
  const ones = given.reduce(
    (sum, one) => sum + one.reduce((bits, byte) => bits + byte.toString(2).replaceAll('0', '').length, 0),
    0
  )
  const bits = given.reduce((sum, one) => sum + 8 * one.length, 0)
  // Half of the bits, within eight standard deviations: bytes that were never filled would show.
  t.ok(Math.abs(ones - bits / 2) < 8 * Math.sqrt(bits / 4), `${ones} of ${bits} bits are set`)
  const [first] = given
  const copy = Buffer.from(first ?? [])
  fewRandomBytes(32)
  t.same(first, copy, 'what was given stays as it is')
  t.throws(() => fewRandomBytes(257), RangeError)
})
