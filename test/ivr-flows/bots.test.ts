import t from 'tap'
import { parseFlow } from '../../ivr-flows/parse.ts'

/** What the checker says to a flow with this bot. */
function problemsOf(
  bot: string,
  languages = 'en'
): readonly (readonly [code: string, severity: string, message: string])[] {
  const { problems } = parseFlow(`
id: bot
name: Bot
languages: [${languages}]
defaultLanguage: ${languages.split(',')[0]}
start: bot
nodes:
  bot:
    kind: bot
    goal: Help.
    handover: end
${bot}
  end: { kind: hangup }
`)
  return problems.map(one => [one.code, one.severity, one.message] as const)
}

const tool = (more: string) => `    tools:
      - name: orders
        description: Lists orders.
        url: https://shop.example/orders
${more}`

t.test('a bot needs no more than a goal and where to hand over', async t => {
  t.same(problemsOf(''), [])
})

t.test('a bot that could not say in a language that it is no human is refused', async t => {
  t.match(problemsOf('', 'en, fr'), [['MISSING_TEXT', 'error', /cannot say in “fr” that it is not a human/]])
  t.same(problemsOf('    disclosure: { fr: Vous parlez avec un ordinateur. }', 'en, fr'), [])
  t.same(problemsOf('', 'de-AT, zh-Hant, ar, ja, es'), [], 'there are words for these')
})

t.test('a bot addresses callers formally or not where a language has both, and is refused elsewhere', async t => {
  const register = (text: string, languages: string) => problemsOf(`    register: ${text}`, languages)
  t.same(register('{ de: informal, es-MX: formal, zh: informal, JA: informal }', 'de-AT, es-MX, zh-Hant, ja'), [])
  t.match(register('{ en: informal }', 'en'), [
    ['NO_REGISTER', 'error', /“en” has no formal and informal way of addressing callers/]
  ])
  t.match(register('{ es-MX: informal }', 'es-ES'), [
    ['UNKNOWN_LANGUAGE', 'error', /does not speak “es-MX”: no caller is addressed so/]
  ])
  t.match(register('{ de: casual }', 'de'), [['WRONG_VALUE', 'error', /casual/]])
  t.match(register('informal', 'de'), [['WRONG_TYPE', 'error', /./]])
})

t.test('tools are checked before a caller meets them', async t => {
  const cases: readonly (readonly [string, RegExp, string?])[] = [
    ['        parameters: { type: object, properties: { a: { type: nonsense } } }', /schema cannot be read/],
    ['        parameters: { type: object, properties: { a: { type: array } } }', /not a text, a number or yes\/no/],
    ['        parameters: { type: string }', /not an object/],
    [
      '        facts: { phone: "{{ call.callerNumber }}" }\n        parameters: { type: object, properties: { phone: { type: string } } }',
      /both a fact and a parameter/
    ],
    ['        proven: { x: order }', /“x” is not a parameter/],
    [
      '        parameters: { type: object, properties: { x: { type: string } } }\n        proven: { x: order }',
      /No tool proves “order”/
    ],
    [
      '        parameters: { type: object, properties: { orderId: { type: string } } }',
      /Whatever a caller says may become “orderId”/,
      'warning'
    ],
    ['        changes: true', /Nobody asks the caller in “en”/],
    [
      '        facts: { phone: "1" }\n        changes: true\n        confirm: { en: "Call {phone}?" }',
      /\{phone\} is not a parameter/
    ],
    ['      - { name: orders, description: Again., url: "https://shop.example/x" }', /Two tools are called “orders”/]
  ]
  for (const [more, message, severity = 'error'] of cases) {
    const found = problemsOf(tool(more)).find(one => message.test(one[2]))
    t.equal(found?.[1], severity, `${message}: ${JSON.stringify(problemsOf(tool(more)))}`)
  }
  t.match(problemsOf(tool('').replace('/orders\n', '/orders/{id}\n')), [['BAD_TOOL', 'error', /\{id\} is neither/]])
})

t.test('the host of a tool cannot be chosen by a value', async t => {
  const problems = problemsOf(tool('').replace('https://shop.example', 'https://{host}'))
  t.ok(
    problems.some(([, severity]) => severity === 'error'),
    JSON.stringify(problems)
  )
})
