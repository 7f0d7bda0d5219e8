/** Digits as Chinese and Japanese write and say them, with those of banks, telephones and kana readings. */
const DIGITS: Readonly<Record<'zh' | 'ja', string>> = {
  zh: '零〇洞0 一壹幺1 二贰两2 三叁3 四肆4 五伍5 六陆6 七柒拐7 八捌8 九玖勾9',
  ja: '零〇0 一壱1 二弐2 三参3 四4 五5 六6 七7 八8 九9'
}
const UNITS: Readonly<Record<string, number>> = { 十: 10, 拾: 10, 百: 100, 佰: 100, 千: 1_000, 仟: 1_000 }
const MYRIAD = /[万萬]/

const digitTables = {
  zh: digitTable(DIGITS.zh),
  ja: digitTable(DIGITS.ja)
}

function digitTable(written: string): ReadonlyMap<string, number> {
  return new Map(written.split(' ').flatMap((group, value) => [...group].map(one => [one, value] as const)))
}

/** The digit of a character; null when it is none. */
export function characterDigit(character: string, language: 'zh' | 'ja'): number | null {
  return digitTables[language].get(character) ?? null
}

/**
 * A number written with 十, 百, 千 and 万; null when it is none. In Chinese a digit may stand for the next smaller unit at
 * the end: 一百五 is 150, 一万二 is 12,000.
 */
export function readCharacterNumber(text: string, language: 'zh' | 'ja'): number | null {
  const parts = text.split(MYRIAD)
  if (text === '' || parts.length > 2) return null
  if (parts.length === 1) return readSmall(text, language)
  const [before = '', after = ''] = parts
  const myriads = readSmall(before, language)
  if (myriads === null || myriads === 0) return null
  if (after === '') return myriads * 10_000
  const lone = language === 'zh' && [...after].length === 1 ? characterDigit(after, language) : null
  if (lone !== null && lone > 0) return myriads * 10_000 + lone * 1_000
  const rest = readSmall(after.replace(/^[零〇]/, ''), language)
  return rest === null ? null : myriads * 10_000 + rest
}

/** Up to 9999. */
function readSmall(text: string, language: 'zh' | 'ja'): number | null {
  if (/^\d{1,4}$/.test(text)) return Number(text)
  let total = 0
  let digit: number | null = null
  let lastUnit = 10_000
  let hasZero = false
  for (const character of text) {
    const unit = UNITS[character]
    const value = characterDigit(character, language)
    if (unit !== undefined) {
      if (unit >= lastUnit || digit === 0) return null
      total += (digit ?? 1) * unit
      digit = null
      lastUnit = unit
      hasZero = false
    } else if (value === null || digit !== null) return null
    else if (value === 0 && total > 0) hasZero = true
    else digit = value
  }
  if (digit === null) return hasZero ? null : total
  if (lastUnit === 10_000) return digit
  const isLoose = language === 'zh' && !hasZero && lastUnit > 10
  return total + digit * (isLoose ? lastUnit / 10 : 1)
}
