/** Digits in a text, written or said in words, that follow each other with nothing but pauses between. */
export type DigitRun = Readonly<{ digits: string; from: number; to: number }>

/** Digits 0 to 9 as they are said, by language; several words for one digit. */
const SAID: Readonly<Record<string, readonly (readonly string[])[]>> = {
  en: [
    ['zero', 'oh', 'nought', 'o'],
    ['one'],
    ['two'],
    ['three'],
    ['four'],
    ['five'],
    ['six'],
    ['seven'],
    ['eight'],
    ['nine']
  ],
  de: [
    ['null'],
    ['eins', 'ein'],
    ['zwei', 'zwo'],
    ['drei'],
    ['vier'],
    ['fünf'],
    ['sechs'],
    ['sieben'],
    ['acht'],
    ['neun']
  ],
  es: [['cero'], ['uno', 'un'], ['dos'], ['tres'], ['cuatro'], ['cinco'], ['seis'], ['siete'], ['ocho'], ['nueve']],
  ar: [
    ['صفر', 'زيرو'],
    ['واحد', 'واحدة'],
    ['اثنان', 'اثنين', 'اتنين', 'ثنين', 'إثنان', 'إثنين'],
    ['ثلاثة', 'ثلاث', 'تلاتة', 'تلاته', 'ثلاثه'],
    ['أربعة', 'اربعة', 'أربع', 'اربعه', 'أربعه'],
    ['خمسة', 'خمس', 'خمسه'],
    ['ستة', 'ست', 'سته'],
    ['سبعة', 'سبع', 'سبعه'],
    ['ثمانية', 'ثماني', 'تمانية', 'تمنية', 'ثمانيه'],
    ['تسعة', 'تسع', 'تسعه']
  ],
  ja: [
    ['ゼロ', 'れい', 'まる', 'ぜろ'],
    ['いち', 'イチ'],
    ['に', 'ニ'],
    ['さん', 'サン'],
    ['よん', 'ヨン', 'し'],
    ['ご', 'ゴ'],
    ['ろく', 'ロク'],
    ['なな', 'ナナ', 'しち'],
    ['はち', 'ハチ'],
    ['きゅう', 'キュウ', 'く']
  ],
  zh: [['洞'], ['幺'], ['两'], [], [], [], [], ['拐'], [], ['勾']]
}

const TENS: Readonly<Record<string, Readonly<Record<string, number>>>> = {
  en: {
    ten: 10,
    eleven: 11,
    twelve: 12,
    thirteen: 13,
    fourteen: 14,
    fifteen: 15,
    sixteen: 16,
    seventeen: 17,
    eighteen: 18,
    nineteen: 19,
    twenty: 20,
    thirty: 30,
    forty: 40,
    fifty: 50,
    sixty: 60,
    seventy: 70,
    eighty: 80,
    ninety: 90
  },
  de: {
    zehn: 10,
    elf: 11,
    zwölf: 12,
    dreizehn: 13,
    vierzehn: 14,
    fünfzehn: 15,
    sechzehn: 16,
    siebzehn: 17,
    achtzehn: 18,
    neunzehn: 19,
    zwanzig: 20,
    dreißig: 30,
    dreissig: 30,
    vierzig: 40,
    fünfzig: 50,
    sechzig: 60,
    siebzig: 70,
    achtzig: 80,
    neunzig: 90
  },
  es: {
    diez: 10,
    once: 11,
    doce: 12,
    trece: 13,
    catorce: 14,
    quince: 15,
    dieciséis: 16,
    diecisiete: 17,
    dieciocho: 18,
    diecinueve: 19,
    veinte: 20,
    veintiuno: 21,
    veintidós: 22,
    veintitrés: 23,
    veinticuatro: 24,
    veinticinco: 25,
    veintiséis: 26,
    veintisiete: 27,
    veintiocho: 28,
    veintinueve: 29,
    treinta: 30,
    cuarenta: 40,
    cincuenta: 50,
    sesenta: 60,
    setenta: 70,
    ochenta: 80,
    noventa: 90
  }
}

const REPEATS: Readonly<Record<string, number>> = { double: 2, triple: 3, doble: 2, doppel: 2, مرتين: 2 }

/** What may stand between two digits of one number without ending it. */
const FILLERS = new Set(
  'and y und dann then uh um ah eh äh ähm este pues dash minus hyphen bindestrich strich guion guión point و ثم يعني'.split(
    ' '
  )
)

const HAN_DIGITS = '〇一二三四五六七八九'
const MORE_HAN: Readonly<Record<string, string>> = {
  零: '0',
  幺: '1',
  两: '2',
  壹: '1',
  贰: '2',
  叁: '3',
  肆: '4',
  伍: '5'
}

const spoken = new Map<string, string>()
for (const digits of Object.values(SAID))
  for (const [digit, words] of digits.entries()) for (const word of words) spoken.set(word, String(digit))
for (const tens of Object.values(TENS))
  for (const [word, value] of Object.entries(tens)) spoken.set(word, String(value))
// German puts the unit first and writes one word: zweiundvierzig.
for (const [unit, words] of (SAID['de'] ?? []).entries())
  if (unit > 0)
    for (const word of words)
      for (const [tens, value] of Object.entries(TENS['de'] ?? {}))
        if (value >= 20) spoken.set(`${word}und${tens}`, String(value + unit))

/** Kana are words only where nothing else sticks to them: に is also a particle. */
const KANA_DIGITS = [...(SAID['ja'] ?? [])].flatMap((words, digit) => words.map(word => [word, String(digit)] as const))

const TOKEN =
  /\p{Nd}|[〇零一二三四五六七八九幺两壹贰叁肆伍]|(?:(?![〇零一二三四五六七八九幺两壹贰叁肆伍])[\p{L}\p{M}])+/gu

/**
 * Every run of digits in the text: 0-9 of any script, Chinese numerals, and words of six languages. The language only
 * settles what is ambiguous; people read numbers out in the language they know them in.
 */
export function digitRuns(text: string, language: string): readonly DigitRun[] {
  const primary = language.split('-')[0]?.toLowerCase() ?? ''
  const runs: { digits: string; from: number; to: number }[] = []
  let run: { digits: string; from: number; to: number } | null = null
  let repeat = 1
  let tens = false
  const end = () => {
    if (run !== null) runs.push(run)
    run = null
    tens = false
  }
  const add = (digits: string, from: number, to: number) => {
    const times = repeat
    repeat = 1
    // "forty two" is 42, not 402.
    if (tens && run !== null && digits.length === 1 && digits !== '0' && primary !== 'de') {
      run.digits = `${run.digits.slice(0, -1)}${digits}`
      run.to = to
      tens = false
      return
    }
    tens = digits.length === 2 && digits.endsWith('0') && digits !== '10'
    if (run === null) run = { digits: digits.repeat(times), from, to }
    else {
      run.digits += digits.repeat(times)
      run.to = to
    }
  }
  for (const { token, from, to } of tokens(text, primary)) {
    const digits = digitsOf(token)
    if (digits !== null) add(digits, from, to)
    else if (REPEATS[token] !== undefined) repeat = REPEATS[token] ?? 1
    else if (!FILLERS.has(token)) end()
  }
  end()
  return runs
}

function digitsOf(token: string): string | null {
  const said = spoken.get(token)
  if (said !== undefined) return said
  const han = HAN_DIGITS.indexOf(token)
  if (token.length === 1 && han !== -1) return String(han)
  if (MORE_HAN[token] !== undefined) return MORE_HAN[token] ?? null
  // Any script's own digits stand in tens from its zero (Unicode, Nd): ٤ is 4.
  if (/^\p{Nd}$/u.test(token)) return String(digitValue(token))
  return null
}

function digitValue(digit: string): number {
  const code = digit.codePointAt(0) ?? 0
  if (code <= 0x39) return code - 0x30
  let zero = code
  while (/^\p{Nd}$/u.test(String.fromCodePoint(zero - 1)) && code - zero < 9) zero -= 1
  return code - zero
}

function* tokens(text: string, language: string): Generator<Readonly<{ token: string; from: number; to: number }>> {
  for (const match of text.matchAll(TOKEN)) {
    const token = match[0].toLowerCase()
    const from = match.index
    if (token.length > 1 && (language === 'ja' || /^[\p{Script=Hiragana}\p{Script=Katakana}ー]+$/u.test(token))) {
      yield* kana(token, from)
      continue
    }
    yield { token, from, to: from + match[0].length }
  }
}

/** Digits in kana are read out without spaces between: よんにいち. */
function* kana(token: string, from: number): Generator<Readonly<{ token: string; from: number; to: number }>> {
  let at = 0
  const found: { token: string; from: number; to: number }[] = []
  while (at < token.length) {
    const rest = token.slice(at)
    const digit = KANA_DIGITS.filter(([word]) => rest.startsWith(word)).sort(([a], [b]) => b.length - a.length)[0]
    if (digit === undefined) {
      // Not a row of digits: the whole is a word.
      yield { token, from, to: from + token.length }
      return
    }
    found.push({ token: digit[0], from: from + at, to: from + at + digit[0].length })
    at += digit[0].length
  }
  yield* found
}

/** The check that card numbers pass (ISO/IEC 7812-1, annex B). */
export function passesLuhn(digits: string): boolean {
  let sum = 0
  for (let at = 0; at < digits.length; at++) {
    let value = digits.charCodeAt(digits.length - 1 - at) - 48
    if (at % 2 === 1) {
      value *= 2
      if (value > 9) value -= 9
    }
    sum += value
  }
  return digits.length > 0 && sum % 10 === 0
}

const CARD_LENGTHS = [16, 15, 14, 13, 19] as const

/** Whether somewhere in these digits stands what could be a payment card's number. */
export function holdsCard(digits: string): boolean {
  for (const length of CARD_LENGTHS)
    for (let from = 0; from + length <= digits.length; from++) {
      const part = digits.slice(from, from + length)
      // Major industry identifiers of payment cards: 2 to 6 (ISO/IEC 7812-1).
      if (/^[2-6]/.test(part) && !/^(\d)\1+$/.test(part) && passesLuhn(part)) return true
    }
  return false
}
