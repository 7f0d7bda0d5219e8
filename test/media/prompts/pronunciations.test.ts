import fc from 'fast-check'
import { join } from 'node:path'
import t from 'tap'
import { pronounce, readPronunciations } from '../../../media/prompts/pronunciations.ts'
import { plainOf, ssmlOf } from '../../../media/prompts/spoken-text.ts'

const LISTS = {
  en: {
    Parley: { say: 'par lay' },
    'Parley Plus': { say: 'par lay plus' },
    Nguyen: { ipa: 'ŋwiən', say: 'win' },
    'AT&T': { say: 'A T and T' }
  },
  'en-GB': { Parley: { say: 'par lee' } },
  ja: { 様: { say: 'さま' } }
}

t.test('words of the list are spoken as it says, whole words only, the longest first', async t => {
  t.equal(pronounce(LISTS, 'Welcome to PARLEY.', 'en-US'), 'Welcome to par lay.')
  t.equal(pronounce(LISTS, 'Parley Plus, not parleys', 'en'), 'par lay plus, not parleys')
  t.equal(pronounce(LISTS, 'Parley', 'en-GB'), 'par lee', 'the country’s list wins')
  t.equal(pronounce(LISTS, 'Call AT&T now', 'en'), 'Call A T and T now')
  t.equal(pronounce(LISTS, '田中様です', 'ja'), '田中さまです')
  t.equal(pronounce(LISTS, 'Parley', 'de'), 'Parley')
})

t.test('a phonetic pronunciation is a part of its own, and stands in markup safely', async t => {
  const spoken = pronounce(LISTS, 'Mr Nguyen <b>& co</b>', 'en')
  t.same(spoken, [{ text: 'Mr ' }, { text: 'win', ipa: 'ŋwiən' }, { text: ' <b>& co</b>' }])
  t.equal(plainOf(spoken), 'Mr win <b>& co</b>')
  t.equal(ssmlOf(spoken), 'Mr <phoneme alphabet="ipa" ph="ŋwiən">win</phoneme> &lt;b&gt;&amp; co&lt;/b&gt;')
})

t.test('whatever the text and the list, no markup gets through and no other word is lost', async () => {
  const word = fc.string({ minLength: 1, maxLength: 8 })
  fc.assert(
    fc.property(fc.string(), fc.dictionary(word, fc.record({ say: word, ipa: word })), (text, list) => {
      const spoken = pronounce({ en: list }, text, 'en')
      const bare = ssmlOf(spoken).replace(/<phoneme alphabet="ipa" ph="[^"<>]*">|<\/phoneme>/g, '')
      return !/[<>]/.test(bare) && (Object.keys(list).length > 0 || spoken === text)
    })
  )
})

t.test('the file may be absent; a wrong one says where it is wrong', async t => {
  const folder = t.testdir({
    'good.yaml': 'en:\n  Parley: { say: par lay }\n',
    'empty.yaml': '',
    'wrong.yaml': 'en:\n  Parley: par lay\n',
    'broken.yaml': 'en: [\n'
  })
  t.same(await readPronunciations(join(folder, 'good.yaml')), { en: { Parley: { say: 'par lay' } } })
  t.same(await readPronunciations(join(folder, 'empty.yaml')), {})
  t.same(await readPronunciations(join(folder, 'nowhere.yaml')), {})
  await t.rejects(readPronunciations(join(folder, 'wrong.yaml')), {
    code: 'PRONUNCIATIONS_INVALID',
    message: /\/en\/Parley/
  })
  await t.rejects(readPronunciations(join(folder, 'broken.yaml')), { code: 'PRONUNCIATIONS_INVALID' })
})
