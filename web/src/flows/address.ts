import { isMap, isScalar, type YAMLMap } from 'yaml'
import { addText, type Edit, replaceValue } from './document.ts'

/** Languages that address a customer otherwise than a friend, with a word of each way; the server's ivr-flows/nodes/bot.ts has the list. */
export const ADDRESS_FORMS: Readonly<Record<string, Readonly<Record<AddressWay, string>>>> = {
  de: { formal: 'Sie', informal: 'du' },
  es: { formal: 'usted', informal: 'tú' },
  zh: { formal: '您', informal: '你' },
  ja: { formal: 'です・ます', informal: 'だ・する' }
}

export type AddressWay = 'formal' | 'informal'

/** How a bot addresses callers of one language of the flow. `edits` has the change of the text that each way takes. */
export type Address = Readonly<{
  language: string
  way: AddressWay
  forms: Readonly<Record<AddressWay, string>>
  edits: Readonly<Record<AddressWay, Edit>>
}>

/** What a bot's step says of it, in the languages of the flow that have a choice. */
export function readAddresses(source: string, step: YAMLMap, languages: readonly string[]): readonly Address[] {
  return languages.flatMap(language => {
    const forms = ADDRESS_FORMS[language.split('-')[0]?.toLowerCase() ?? '']
    if (forms === undefined) return []
    const edits = { formal: edit(source, step, language, 'formal'), informal: edit(source, step, language, 'informal') }
    return [{ language, way: wayOf(step, language), forms, edits }]
  })
}

/** The tag itself decides, or a shorter form of it, as in a call. */
function wayOf(step: YAMLMap, language: string): AddressWay {
  const registers = step.get('register')
  if (!isMap(registers)) return 'formal'
  const parts = language.split('-')
  for (let length = parts.length; length > 0; length -= 1) {
    const found = registers.get(parts.slice(0, length).join('-'))
    if (found !== undefined) return found === 'informal' ? 'informal' : 'formal'
  }
  return 'formal'
}

function edit(source: string, step: YAMLMap, language: string, way: AddressWay): Edit {
  const registers = step.get('register')
  const whole = `{ ${language}: ${way} }`
  if (!isMap(registers)) return addProperty(source, step, `register: ${whole}`)
  const texts = registers.items.flatMap(({ key, value }) =>
    isScalar(key) && isScalar(value)
      ? [
          {
            language: String(key.value),
            value: String(value.value),
            from: value.range?.[0] ?? 0,
            to: value.range?.[1] ?? 0
          }
        ]
      : []
  )
  const own = texts.find(one => one.language === language)
  if (own !== undefined) return replaceValue(source, own, way)
  const [from = 0, to = 0] = registers.range ?? []
  return addText(source, { path: 'register', texts, missing: [language] }, language, way) ?? { from, to, insert: whole }
}

/** Behind the step's kind, which every step has. */
function addProperty(source: string, step: YAMLMap, property: string): Edit {
  const kind = step.items.find(one => isScalar(one.key) && one.key.value === 'kind')
  const keyAt = (isScalar(kind?.key) ? kind.key.range?.[0] : undefined) ?? 0
  const at = (isScalar(kind?.value) ? kind.value.range?.[1] : undefined) ?? 0
  const indent = source.slice(source.lastIndexOf('\n', keyAt) + 1, keyAt)
  return { from: at, to: at, insert: step.flow === true ? `, ${property}` : `\n${indent}${property}` }
}
