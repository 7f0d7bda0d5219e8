import t from 'tap'
import { cutPassages } from '../../server/bots/knowledge/passages.ts'
import { readCsvArticles } from '../../server/bots/knowledge/read-csv-articles.ts'
import { readHtmlArticles } from '../../server/bots/knowledge/read-html-articles.ts'
import { readMarkdownArticles } from '../../server/bots/knowledge/read-markdown-articles.ts'
import { pairTerms } from '../../server/bots/knowledge/words.ts'
import { fitsLanguage, fitsRegion } from '../../server/bots/knowledge/language-fit.ts'
import { rankPassages } from '../../server/bots/knowledge/rank.ts'

t.test('each heading of the first level in Markdown begins an article', async t => {
  const { articles, problems } = readMarkdownArticles(
    '\ufeffStray words.\r\n\r\n# Returns\r\n\r\nYou have **30 days**.\r\n\r\n## Costs\r\n\r\n- free at home\r\n- [abroad](https://shop.example/x) 9 euros\r\n\r\n<div>box</div>\r\n\r\n# Opening hours\r\n\r\nNine to five.\r\n'
  )
  t.same(
    articles.map(one => [one.line, one.key, one.text.title]),
    [
      [3, 'returns', 'Returns'],
      [14, 'opening-hours', 'Opening hours']
    ]
  )
  t.same(
    problems.map(one => [one.line, one.code]),
    [
      [1, 'TEXT_BEFORE_TITLE'],
      [12, 'LEFT_OUT']
    ]
  )
  t.same(cutPassages('Returns', articles[0]?.text.body ?? ''), [
    { heading: 'Returns', text: 'You have 30 days.' },
    { heading: 'Costs', text: 'free at home. abroad 9 euros.' }
  ])
})

t.test('HTML becomes the same kind of article, and what cannot be read out is told by line', async t => {
  const { articles, problems } = readHtmlArticles(
    `<!doctype html><html><head><title>Help</title><style>p{}</style></head><body>
<nav>Home</nav>
<h1>Warranty &amp; repair</h1>
<script>alert(1)</script>
<p>Two years, <b>in all</b> countries.</p>
<h2>How</h2><ul><li>Call us</li><li>Send *it*</li></ul>
<h1>Shipping</h1><p>Three days.</p></body></html>`
  )
  t.same(
    articles.map(one => [one.line, one.text.title]),
    [
      [3, 'Warranty & repair'],
      [7, 'Shipping']
    ]
  )
  t.same(problems, [{ line: 4, code: 'LEFT_OUT', message: '<script> is not read out.' }])
  t.same(cutPassages('Warranty & repair', articles[0]?.text.body ?? ''), [
    { heading: 'Warranty & repair', text: 'Two years, in all countries.' },
    { heading: 'How', text: 'Call us. Send *it*.' }
  ])
  const whole = readHtmlArticles('<title>One page</title><p>Only this.</p>')
  t.same(
    whole.articles.map(one => [one.text.title, one.text.body]),
    [['One page', 'Only this.']]
  )
})

t.test('a table of articles tells each wrong line and takes the others', async t => {
  const { articles, problems } = await readCsvArticles(
    'id;title;body;language;valid_from;colour\n1;Hours;"Nine\nto five";en;2026-01-01;red\n2;Öffnung;Von neun;deutsch sprache;;\n3;Late;Never;en;tomorrow;\n'
  )
  t.match(articles, [{ key: '1', text: { title: 'Hours', body: 'Nine\nto five', validFrom: new Date('2026-01-01') } }])
  t.equal(articles.length, 1)
  t.same(
    problems.map(one => one.code),
    ['COLUMN_UNKNOWN', 'VALUE_INVALID', 'VALUE_INVALID']
  )
  t.match(await readCsvArticles('name,text\nx,y\n'), {
    articles: [],
    problems: [
      { code: 'COLUMN_UNKNOWN' },
      { code: 'COLUMN_UNKNOWN' },
      { code: 'COLUMN_MISSING' },
      { code: 'COLUMN_MISSING' }
    ]
  })
})

t.test('long texts are cut at the ends of sentences', async t => {
  const sentence = 'This sentence is about as long as one that somebody reads out on the telephone. '
  const passages = cutPassages('Long', sentence.repeat(12))
  t.ok(passages.length > 1)
  for (const { text } of passages) t.ok(text.length <= 420 && text.endsWith('.'), `${text.length} characters`)
})

t.test('Chinese and Japanese are cut into pairs of letters; endings alone are no pair', async t => {
  t.same(pairTerms('退货期限', 'zh'), ['退货', '货期', '期限'])
  t.ok(pairTerms('返品できますか', 'ja').includes('返品'))
  t.notOk(pairTerms('返品できますか', 'ja').includes('ます'))
})

t.test('British and American English are told apart, and so are the two Chinese scripts', async t => {
  t.ok(fitsLanguage('en', 'en-GB'))
  t.ok(fitsLanguage('en-GB', 'en'))
  t.notOk(fitsLanguage('en-US', 'en-GB'))
  t.notOk(fitsLanguage('zh-Hant', 'zh-Hans'))
  t.ok(fitsLanguage('zh-Hant', 'zh-Hant-TW'))
  t.notOk(fitsLanguage('de', 'en'))
  t.ok(fitsRegion('US', 'US-CA'))
  t.notOk(fitsRegion('US', 'UY'))
  t.notOk(fitsRegion('US', null))
})

t.test('a rare word weighs more than a common one', async t => {
  const [first, second] = rankPassages(
    ['order', 'warranty'],
    [
      { passage: 'orders', matched: ['order'], size: 10 },
      { passage: 'warranty', matched: ['warranty'], size: 90 }
    ],
    new Map([
      ['order', 80],
      ['warranty', 2]
    ]),
    100
  )
  t.equal(first?.passage, 'warranty')
  t.ok((first?.score ?? 0) > 0.7 && (second?.score ?? 1) < 0.3)
})
