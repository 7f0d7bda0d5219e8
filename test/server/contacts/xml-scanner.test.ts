import fc from 'fast-check'
import t from 'tap'
import { SharedTexts } from '../../../server/contacts/shared-texts.ts'
import { XmlError, XmlScanner } from '../../../server/contacts/xml-scanner.ts'

type Heard = Readonly<{ kind: 'open' | 'close' | 'text'; value: string; attributes?: readonly (string | undefined)[] }>

const ASKED = ['r', 't', 's', 'xml:space', 'ref'] as const

function byScanner(pieces: readonly string[]): readonly Heard[] {
  const heard: Heard[] = []
  const scanner = new XmlScanner({
    open: (value, tag) => heard.push({ kind: 'open', value, attributes: ASKED.map(one => tag.get(one)) }),
    text: value => heard.push({ kind: 'text', value }),
    close: value => heard.push({ kind: 'close', value })
  })
  for (const piece of pieces) scanner.write(piece)
  scanner.end()
  return joined(heard)
}

/** Texts that follow each other are one text; blanks beside the root are nobody’s. */
function joined(heard: readonly Heard[]): readonly Heard[] {
  const all: Heard[] = []
  let depth = 0
  for (const one of heard) {
    if (one.kind === 'text' && (one.value === '' || depth === 0)) continue
    depth += one.kind === 'open' ? 1 : one.kind === 'close' ? -1 : 0
    const last = all.at(-1)
    if (one.kind === 'text' && last?.kind === 'text') all[all.length - 1] = { ...last, value: last.value + one.value }
    else all.push(one)
  }
  return all
}

const written = fc.stringMatching(/^[a-zA-Z0-9 äß漢𝄞>"'.-]{0,12}$/u)
const text = fc.oneof(
  written.map(one => one.replaceAll(']]>', '')),
  fc.constantFrom('&amp;', '&lt;b&gt;', '&#228;', '&#x6F22;', '&quot;', '&apos;', '\r\n', '\n', '\t'),
  written.map(one => `<![CDATA[${one}<&]]>`),
  written.map(one => `<!-- ${one.replaceAll('-', '')} <row> -->`),
  fc.constant('<?keep this?>')
)
const attribute = fc
  .tuple(
    fc.constantFrom(...ASKED),
    fc.constantFrom('=', ' = '),
    fc.constantFrom('"', "'"),
    fc.stringMatching(/^[a-zA-Z0-9 >äß漢=.]{0,8}$/u),
    fc.constantFrom('', '&amp;', '&#65;', '\t', '\r\n', '\n'),
    fc.constantFrom(' ', '\n', '\t ')
  )
  .map(([name, equals, quote, value, reference, blank]) => ({
    name,
    written: `${blank}${name}${equals}${quote}${value}${reference}${quote}`
  }))
const element = fc.letrec<{ tree: string }>(tie => ({
  tree: fc
    .tuple(
      fc.constantFrom('row', 'x:c', 'v', 't', 'si'),
      fc.uniqueArray(attribute, { selector: one => one.name, maxLength: 4 }),
      fc.array(fc.oneof({ maxDepth: 3 }, text, tie('tree')), { maxLength: 4 })
    )
    .map(([name, attributes, inside]) => {
      const opening = `<${name}${attributes.map(one => one.written).join('')}`
      return inside.length === 0 ? `${opening} />` : `${opening}>${inside.join('')}</${name}>`
    })
})).tree

t.test('a document is read alike wherever it is cut into pieces', async () => {
  fc.assert(
    fc.property(element, fc.array(fc.nat()), (root, cuts) => {
      const xml = `<?xml version="1.0"?>\n<!-- made by -->${root}\n`
      const at = [0, ...cuts.map(cut => cut % xml.length), xml.length].toSorted((one, other) => one - other)
      const pieces = at.slice(1).map((end, index) => xml.slice(at[index], end))
      const expected = byScanner([xml])
      const found = byScanner(pieces)
      if (JSON.stringify(found) !== JSON.stringify(expected))
        throw new Error(`${xml}\n${JSON.stringify(found)}\n${JSON.stringify(expected)}`)
    }),
    { numRuns: 1_000 }
  )
})

t.test('names lose their prefix, references become what they stand for, and comments are left out', async t => {
  t.same(
    byScanner([
      `<?xml version="1.0"?>\n<x:row r='1' xml:space="preserve"><!-- no --><v>&lt;&#x6F22;&amp;</v><![CDATA[<a>&b]]></x:row>\n`
    ]),
    [
      { kind: 'open', value: 'row', attributes: ['1', undefined, undefined, 'preserve', undefined] },
      { kind: 'open', value: 'v', attributes: ASKED.map(() => undefined) },
      { kind: 'text', value: '<漢&' },
      { kind: 'close', value: 'v' },
      { kind: 'text', value: '<a>&b' },
      { kind: 'close', value: 'row' }
    ]
  )
})

t.test('what is broken, or no workbook has, is refused', async t => {
  for (const [xml, why] of [
    ['<a><b></a>', 'crossed tags'],
    ['<a>', 'cut off'],
    ['<a></a', 'cut off in a tag'],
    ['', 'empty'],
    ['<a/><b/>', 'two roots'],
    ['<a/>text', 'text after the root'],
    ['text<a/>', 'text before the root'],
    ['<a>&unknown;</a>', 'an entity that XML does not have'],
    ['<a>&#0;</a>', 'a character that there is not'],
    ['<a>& b</a>', 'a reference without an end'],
    ['<!DOCTYPE a [<!ENTITY b "c">]><a>&b;</a>', 'a document type'],
    ['<a <b>/>', 'a tag in a tag'],
    ['< a/>', 'a tag without a name'],
    [`<a>${'<b>'.repeat(100)}`, 'too deep'],
    [`<a>${'x'.repeat(2 * 1024 * 1024)}`, 'a text without an end']
  ] as const)
    t.throws(() => byScanner([xml]), XmlError, why)
})

t.test('millions of texts are found by their numbers', async t => {
  const texts = new SharedTexts()
  const all = ['', 'a', '漢字', '𝄞'.repeat(40_000), ...Array.from({ length: 5_000 }, (_, index) => `Person ${index} ü`)]
  for (const one of all) texts.add(one)
  t.same(
    all.map((_, index) => texts.get(index)),
    all
  )
  t.equal(texts.get(all.length), undefined)
  t.equal(texts.get(-1), undefined)
  t.equal(texts.get(Number.NaN), undefined)
  t.equal(texts.bytes, Buffer.byteLength(all.join('')))
})
