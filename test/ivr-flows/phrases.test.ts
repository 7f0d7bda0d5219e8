import t from 'tap'
import { parseFlow } from '../../ivr-flows/parse.ts'

const FLOW = (say: string) => `
id: spoken
name: Spoken
languages: [en, de]
defaultLanguage: en
start: menu
onFailure: bye
nodes:
  menu:
    kind: menu
    prompt: { en: Sales or support, de: Verkauf oder Kundendienst }
    choices: { "1": sales, "2": support }
    say: ${say}
    noInput: bye
    noMatch: bye
  sales: { kind: tag, tags: [sales], next: bye }
  support: { kind: tag, tags: [support], next: bye }
  bye: { kind: hangup }
`
const GOOD = '{ "1": { en: [sales, buy something], de: [Verkauf] }, "2": { en: [support], de: [Kundendienst] } }'

t.test('phrases that lead nowhere or to two choices are found, with their place', async t => {
  t.same(parseFlow(FLOW(GOOD)).problems, [])
  t.match(parseFlow(FLOW('{ "7": { en: [sales] } }')).problems, [{ code: 'UNKNOWN_TARGET', message: /key “7”/ }])
  t.match(parseFlow(FLOW('{ "1": { en: [Help me!] }, "2": { en: [help me] } }')).problems, [
    { code: 'DUPLICATE_KEY', message: /“help me” is a phrase for both “1” and “2”/, line: 13 }
  ])
})
