import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const LOCALES = fileURLToPath(new URL('../../web/src/i18n/locales', import.meta.url))
const SOURCES = fileURLToPath(new URL('../../web/src', import.meta.url))
const LANGUAGES = ['en', 'de', 'es', 'zh', 'ar', 'ja'] as const
const PLURAL = /_(zero|one|two|few|many|other)$/

type Texts = { [key: string]: string | Texts }

const namespaces = (await readdir(join(LOCALES, 'en'))).sort()
const read = async (language: string, namespace: string) =>
  flatten(JSON.parse(await readFile(join(LOCALES, language, namespace), 'utf8')) as Texts)

function flatten(texts: Texts, before = ''): Map<string, string> {
  return new Map(
    Object.entries(texts).flatMap(([key, text]) =>
      typeof text === 'string' ? [[before + key, text] as const] : [...flatten(text, `${before}${key}.`)]
    )
  )
}

const bases = (texts: Map<string, string>) => [...new Set([...texts.keys()].map(key => key.replace(PLURAL, '')))].sort()
const placeholders = (text: string) => [...new Set(text.match(/\{\{\w+\}\}/g) ?? [])].sort()

t.test('every language has the same files', async t => {
  for (const language of LANGUAGES) t.same((await readdir(join(LOCALES, language))).sort(), namespaces, language)
})

for (const namespace of namespaces)
  t.test(`${namespace} says the same things in six languages`, async t => {
    const english = await read('en', namespace)
    for (const language of LANGUAGES) {
      const texts = await read(language, namespace)
      t.same(bases(texts), bases(english), `${language} has each text and no other`)
      const forms = new Intl.PluralRules(language).resolvedOptions().pluralCategories
      const plurals = new Set([...texts.keys()].filter(key => PLURAL.test(key)).map(key => key.replace(PLURAL, '')))
      for (const base of plurals)
        for (const form of forms) t.ok(texts.has(`${base}_${form}`), `${language} has the form ${form} of ${base}`)
      for (const [key, text] of texts) {
        t.not(text.trim(), '', `${language}: ${key} is not empty`)
        if (PLURAL.test(key)) continue
        t.same(placeholders(text), placeholders(english.get(key) ?? ''), `${language}: ${key} fills in the same values`)
        t.notMatch(text, /!|！/, `${language}: ${key} does not shout`)
      }
    }
  })

t.test('a text that is the same in English and elsewhere is one that is meant to be', async t => {
  /** Names, and words that the other language has taken over. */
  const SAME = /^(Marimba|Name|Transfer|Navigation|Hold|SIP|\+1 min|-?)$|^\{\{|Parley/
  for (const namespace of namespaces) {
    const english = await read('en', namespace)
    for (const language of ['zh', 'ar', 'ja'])
      for (const [key, text] of await read(language, namespace))
        if (english.get(key) === text) t.match(text, SAME, `${language}: ${namespace} ${key} is translated`)
  }
})

t.test('every text is used by some screen', async t => {
  const files = (await readdir(SOURCES, { recursive: true })).filter(name => /\.tsx?$/.test(name))
  const code = (await Promise.all(files.map(name => readFile(join(SOURCES, name), 'utf8')))).join('\n')
  for (const namespace of namespaces)
    for (const key of bases(await read('en', namespace))) {
      const parents = key.split('.').slice(0, -1)
      // `t(`missed.${reason}`)` uses all texts below `missed`.
      const isUsed =
        code.includes(`'${key}'`) ||
        code.includes(`\`${key}`) ||
        parents.some((_, depth) => code.includes(`\`${parents.slice(0, depth + 1).join('.')}.\${`))
      t.ok(isUsed, `${namespace} ${key}`)
    }
})
