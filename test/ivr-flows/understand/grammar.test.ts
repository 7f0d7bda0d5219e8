import fc from 'fast-check'
import t from 'tap'
import { type Grammar, GrammarError, parseGrammar, type Part, toJsgf } from '../../../ivr-flows/understand/grammar.ts'
import { matchGrammar } from '../../../ivr-flows/understand/match-grammar.ts'

const PIZZA = `
  #JSGF V1.0;
  grammar pizza;
  // What is on it, and how large it is.
  public <order> = [ I would like | give me ] (a {one} | two {two}) <size> (pizza | pizzas) [with <topping> (and <topping>)*] [please];
  <size> = small {small} | (large | big) {large};
  <topping> = cheese {cheese} | ham {ham};
`

t.test('sentences that a grammar can say give its tags', async t => {
  const grammar = parseGrammar(PIZZA)
  const match = (text: string) => matchGrammar(grammar, text, 'en')
  t.same(match('Give me two big pizzas with cheese and ham, please!'), ['two', 'large', 'cheese', 'ham'])
  t.same(match('a small pizza'), ['one', 'small'])
  t.same(match('a small'), null, 'the rest is missing')
  t.same(match('a smallpizza'), null, 'words end where words end')
  t.same(match('two big pizzas with cheese and'), null)
  t.same(
    matchGrammar(parseGrammar('<a> = 订 (两 {2} | 三 {3}) 张 票;'), '订三张票', 'zh'),
    ['3'],
    'no spaces in Chinese'
  )
})

t.test('faults are named with their place', async t => {
  const faults: Record<string, readonly [message: string, offset: number]> = {
    '': ['the grammar has no rule', 0],
    '<a> = b': ['the grammar ends in the middle', 7],
    '<a> = (b;': ['“)” is expected here, not “;”', 8],
    '<a> = ;': ['words are expected here', 6],
    '<a> = b | ;': ['words are expected here', 10],
    'a = b;': ['a rule’s name in < > is expected here, not “a”', 0],
    '<a> = b; <a> = c;': ['the rule <a> is given twice', 9],
    '<a> = <b>;': ['there is no rule <b>', 0],
    '<a> = x <b>; <b> = y <a>;': ['the rule <a> leads back to itself', 0],
    '<a> = b {};': ['the tag “{}” is empty or not closed', 8],
    '<a> = * b;': ['“*” makes no sense here', 6]
  }
  for (const [source, [message, offset]] of Object.entries(faults)) {
    let found: unknown
    try {
      parseGrammar(source)
    } catch (err) {
      found = err
    }
    t.match(found, { code: 'BAD_GRAMMAR', message, offset }, source)
    t.ok(found instanceof GrammarError)
  }
})

const WORDS = ['red', 'green', 'blue', 'one', 'two', 'three']
const { part } = fc.letrec<{ part: Part }>(tie => ({
  part: fc.oneof(
    { maxDepth: 4, withCrossShrink: true },
    fc.constantFrom(...WORDS).map((text): Part => ({ kind: 'word', text })),
    fc.array(tie('part'), { minLength: 2, maxLength: 3 }).map((parts): Part => ({ kind: 'sequence', parts })),
    fc.array(tie('part'), { minLength: 2, maxLength: 3 }).map((parts): Part => ({ kind: 'choice', parts })),
    tie('part').map((one): Part => ({ kind: 'repeat', part: one, least: 0, isEndless: false })),
    tie('part').map((one): Part => ({ kind: 'repeat', part: one, least: 1, isEndless: true }))
  )
}))

/** One of the sentences of a part, by chance. */
function sentence(one: Part, choose: (many: number) => number): readonly string[] {
  switch (one.kind) {
    case 'word':
      return [one.text]
    case 'sequence':
      return one.parts.flatMap(each => sentence(each, choose))
    case 'choice':
      return sentence(one.parts[choose(one.parts.length)] as Part, choose)
    case 'repeat': {
      const times = one.least + (one.isEndless ? choose(3) : choose(2))
      return Array.from({ length: times }, () => sentence(one.part, choose)).flat()
    }
    default:
      throw new Error(`the test makes no ${one.kind}`)
  }
}

t.test('whatever a grammar can say it understands, also after it was written out and read again', async t => {
  fc.assert(
    fc.property(part, fc.infiniteStream(fc.nat()), (one, chances) => {
      const words = sentence(one, many => (chances.next().value as number) % many)
      fc.pre(words.length > 0 && words.length <= 30)
      const grammar: Grammar = { root: 'all', rules: { all: one } }
      const text = words.join(' ')
      const isFound = matchGrammar(grammar, text, 'en') !== null
      const isFoundAgain = matchGrammar(parseGrammar(toJsgf(grammar)), text, 'en') !== null
      return isFound && isFoundAgain && matchGrammar(grammar, `${text} purple`, 'en') === null
    }),
    { numRuns: 500 }
  )
  t.pass()
})

t.test('a grammar that offers every way many times is matched at once', async t => {
  const nested = parseGrammar('<a> = (<b>+)+ end; <b> = (x | x | x x)*  x;')
  t.same(matchGrammar(nested, `${'x '.repeat(60)}y`, 'en'), null)
})
