import t from 'tap'
import { chooseLanguage } from '../../../server/bots/turn-languages.ts'

const english = { language: 'en', phrases: ['English'] }
const german = { language: 'de', phrases: ['Deutsch', 'auf Deutsch'] }
const spanish = { language: 'es', phrases: ['Español'] }

t.test('the language is the one whose phrase was heard, with a margin', async t => {
  t.same(
    chooseLanguage([
      { ...english, found: { text: 'english', confidence: 0.5 } },
      { ...german, found: { text: 'Auf Deutsch!', confidence: 0.8 } },
      { ...spanish, found: null }
    ]),
    { language: 'de', phrase: 'auf Deutsch', confidence: 0.8 }
  )
})

t.test('nobody guesses between two that are as good, nor takes what is hardly heard', async t => {
  t.equal(
    chooseLanguage([
      { ...english, found: { text: 'english', confidence: 0.75 } },
      { ...german, found: { text: 'deutsch', confidence: 0.8 } }
    ]),
    null
  )
  t.equal(chooseLanguage([{ ...german, found: { text: 'deutsch', confidence: 0.4 } }]), null)
  t.equal(chooseLanguage([]), null)
})

t.test('a recogniser that is sure of nonsense does not decide', async t => {
  const nonsense = { ...english, found: { text: 'ash boat is paniole', confidence: 0.97 } }
  t.same(chooseLanguage([nonsense, { ...spanish, found: { text: 'español', confidence: 0.6 } }]), {
    language: 'es',
    phrase: 'Español',
    confidence: 0.6
  })
  t.equal(chooseLanguage([nonsense, { ...spanish, found: null }]), null)
})
