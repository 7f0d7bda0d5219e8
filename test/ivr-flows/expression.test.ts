import t from 'tap'
import { checkSyntax, ExpressionError, evaluate, holds, type Scope } from '../../ivr-flows/expression.ts'
import { fillText, fillValue } from '../../ivr-flows/template.ts'
import { patient } from '../support/patience.ts'

const scope: Scope = {
  vars: { name: 'Ana', count: 3, list: [{ a: 1 }, { a: 2 }], order: { status: 'shipped' } },
  call: {
    id: 'c1',
    callerNumber: '+12025550123',
    calledNumber: '+12025550100',
    language: 'en',
    direction: 'inbound',
    startedAt: '2026-03-02T10:00:00.000Z'
  },
  now: '2026-03-02T10:00:05.000Z',
  result: { status: 404 }
}

t.test('an author reads variables, the call, the time and the last result', async t => {
  t.equal(evaluate('vars.order.status', scope), 'shipped')
  t.equal(evaluate('call.callerNumber', scope), '+12025550123')
  t.equal(evaluate('result.status >= 400', scope), true)
  t.same(evaluate('vars.list.a', scope), [1, 2])
  t.equal(evaluate('vars.missing', scope), undefined)
  t.equal(evaluate('vars.constructor', scope), undefined)
  t.equal(holds('vars.count > 2 and call.language = "en"', scope), true)
  t.equal(holds('vars.missing', scope), false)
})

t.test('an author fills values into texts', async t => {
  t.equal(fillText('Hello {{ vars.name }}, you have {{ vars.count + 1 }}.', scope), 'Hello Ana, you have 4.')
  t.equal(fillText('{{ vars.missing }}!', scope), '!')
  t.equal(fillText('{{ {"a": {"b": 1}} }}', scope), '{"a":{"b":1}}')
  t.equal(fillText('{{ {"a": {"b": 1}}}}', scope), '{"a":{"b":1}}')
  t.equal(fillText('{{ "}}" & vars.name }}', scope), '}}Ana')
  t.equal(fillValue('{{ vars.count }}', scope), 3)
  t.same(fillValue({ n: '{{ vars.count }}', t: ['x {{ vars.count }}'] }, scope), { n: 3, t: ['x 3'] })
})

t.test('an expression cannot hold up the calls of others', async t => {
  const slow = [
    '($f := function($x) { $f($x + 1) }; $f(0))',
    '($f := function($x) { 1 + $f($x + 1) }; $f(0))',
    '$match("aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab", /^(a+)+$/)',
    '$count($map([1..5000000], function($v) { $v * 2 }))'
  ]
  for (const text of slow) {
    const begin = performance.now()
    t.throws(() => evaluate(text, scope), { name: 'ExpressionError' })
    t.ok(performance.now() - begin < patient(2_000), text)
    t.equal(evaluate('vars.count * 2', scope), 6, 'the next expression works')
  }
  t.throws(() => evaluate('$pad("x", 400000)', scope), { code: 'EXPRESSION_TOO_LARGE' })
})

t.test('an expression reaches nothing outside of itself', async t => {
  for (const text of ['$eval("process")', 'constructor', '$lookup({}, "constructor")', '__proto__']) {
    t.equal(evaluate(text, scope), undefined, text)
  }
})

t.test('an expression always gives the same for the same input', async t => {
  const expression = '$now() & " " & $random() & " " & $join($shuffle(["a", "b", "c", "d"]))'
  t.equal(evaluate(expression, scope), evaluate(expression, scope))
  t.match(evaluate('$now()', scope), /^2026-03-02T10:00:05/)
})

t.test('what an expression failed at never shows values', async t => {
  const secret = { ...scope, vars: { pin: '4711x' } }
  try {
    evaluate('$number(vars.pin)', secret)
    t.fail('it fails')
  } catch (err) {
    t.ok(err instanceof ExpressionError)
    t.notMatch(String(err), /4711/)
  }
})

t.test('an author is told where an expression cannot be read', async t => {
  t.same(
    checkSyntax(['1 + 1', 'vars.']).map(problem => problem === null),
    [true, false]
  )
  t.match(checkSyntax(['a b'])[0], { offset: 2 })
})
