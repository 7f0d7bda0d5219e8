import { useTranslation } from 'react-i18next'

/** Something a customer said, wrote or is called: in its own language and direction. */
export function CustomerText({ children, lang }: Readonly<{ children: string; lang?: string | null }>) {
  return (
    <bdi dir="auto" {...(lang != null && { lang })}>
      {children}
    </bdi>
  )
}

/**
 * A telephone number as the server gave it; a masked one is read out as such. Never mirrored.
 * `null` is a caller who hides the number.
 */
export function PhoneNumber({ number }: Readonly<{ number: string | null }>) {
  const { t } = useTranslation()
  if (number === null) return <span>{t('person.numberHidden')}</span>
  if (!number.includes('..')) return <bdi dir="ltr">{groupDigits(number)}</bdi>
  const ending = number.replace(/^.*\.\.\s*/, '')
  return (
    <span role="img" aria-label={t('person.numberEnding', { digits: [...ending].join(' ') })}>
      <bdi dir="ltr">{number}</bdi>
    </span>
  )
}

/** `+493023125020` → `+49 302 312 502 0`: groups of three, because plans differ and grouping only helps to read. */
function groupDigits(number: string): string {
  const match = /^(\+(?:1|7|2[07]|3[0-469]|4[013-9]|5[1-8]|6[0-6]|8[1246]|9[0-58]|\d{3}))(\d+)$/.exec(number)
  if (match === null) return number
  const [, country = '', rest = ''] = match
  return `${country} ${rest.replace(/(\d{3})(?=\d{2,})/g, '$1 ')}`
}
