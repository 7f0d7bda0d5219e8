import type { Prompt } from '../../ivr-flows/host.ts'

/** What a waiting caller is told, by language. `{n}` is filled in; minutes are whole and at least one. */
const TEXTS: Readonly<
  Record<string, Readonly<{ next: string; position: string; soon: string; minute: string; minutes: string }>>
> = {
  en: {
    next: 'You are next in line.',
    position: 'You are number {n} in line.',
    soon: 'The wait is less than a minute.',
    minute: 'The estimated wait is about one minute.',
    minutes: 'The estimated wait is about {n} minutes.'
  },
  es: {
    next: 'Usted es la siguiente persona en la cola.',
    position: 'Usted ocupa el lugar número {n} en la cola.',
    soon: 'La espera es de menos de un minuto.',
    minute: 'La espera estimada es de aproximadamente un minuto.',
    minutes: 'La espera estimada es de aproximadamente {n} minutos.'
  },
  de: {
    next: 'Sie sind als Nächstes an der Reihe.',
    position: 'Sie sind an Position {n} in der Warteschlange.',
    soon: 'Die Wartezeit beträgt weniger als eine Minute.',
    minute: 'Die Wartezeit beträgt voraussichtlich etwa eine Minute.',
    minutes: 'Die Wartezeit beträgt voraussichtlich etwa {n} Minuten.'
  },
  zh: {
    next: '您是下一位。',
    position: '您目前排在第 {n} 位。',
    soon: '预计等待时间不到一分钟。',
    minute: '预计等待时间约为一分钟。',
    minutes: '预计等待时间约为 {n} 分钟。'
  },
  ar: {
    next: 'أنت التالي في قائمة الانتظار.',
    position: 'ترتيبك في قائمة الانتظار هو {n}.',
    soon: 'مدة الانتظار أقل من دقيقة.',
    minute: 'مدة الانتظار المتوقعة دقيقة واحدة تقريبًا.',
    minutes: 'مدة الانتظار المتوقعة بالدقائق هي {n} تقريبًا.'
  },
  ja: {
    next: 'つぎに おつなぎ いたします。',
    position: 'げんざいの じゅんばんは {n} ばんめ です。',
    soon: 'まちじかんは いっぷん みまん です。',
    minute: 'まちじかんは やく いっぷん です。',
    minutes: 'まちじかんは やく {n} ふん です。'
  }
}

const MINUTE_MS = 60_000
/** An estimate beyond this would only drive people away, and is worth little. */
const LONGEST_ANNOUNCED_MS = 60 * MINUTE_MS

/**
 * The words for a caller's place and wait in the caller's language, English where there are none. The wait is rounded
 * up: to come sooner than announced is no disappointment.
 */
export function announcePlace(
  language: string,
  place: Readonly<{ position: number; estimatedWaitMs: number | null }>,
  wants: Readonly<{ position: boolean; wait: boolean }>
): readonly Prompt[] {
  const base = language.split('-')[0] ?? 'en'
  const spoken = base in TEXTS ? base : 'en'
  const texts = TEXTS[spoken]
  if (texts === undefined) return []
  const prompts: Prompt[] = []
  const say = (text: string, recorded: string) => prompts.push({ kind: 'speech', text, language: spoken, recorded })
  if (wants.position)
    if (place.position === 1) say(texts.next, 'queue-next')
    else say(texts.position.replace('{n}', String(place.position)), `queue-position-${place.position}`)
  const { estimatedWaitMs } = place
  if (wants.wait && estimatedWaitMs !== null && estimatedWaitMs <= LONGEST_ANNOUNCED_MS) {
    const minutes = Math.ceil(estimatedWaitMs / MINUTE_MS)
    if (estimatedWaitMs < MINUTE_MS / 2) say(texts.soon, 'queue-wait-0')
    else if (minutes === 1) say(texts.minute, 'queue-wait-1')
    else say(texts.minutes.replace('{n}', String(minutes)), `queue-wait-${minutes}`)
  }
  return prompts
}
