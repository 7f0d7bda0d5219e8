import { useTranslation } from 'react-i18next'
import { Icon, type IconName } from '../parts/icons.tsx'
import type { Outcome } from './answers.ts'
import classes from './compliance.module.css'
import { useWords } from './use-words.ts'

const ICONS = {
  ALLOW: 'check',
  DEFER: 'pauseBars',
  REVIEW: 'triangleOutline',
  BLOCK: 'cross'
} as const satisfies Record<Outcome, IconName>

/** The outcome as icon and sentence, so that colour never says it alone. */
export function Verdict({ outcome, isLarge = false }: Readonly<{ outcome: Outcome; isLarge?: boolean }>) {
  const words = useWords()
  return (
    <span className={classes['verdict']} data-outcome={outcome} data-large={isLarge}>
      <Icon name={ICONS[outcome]} size={isLarge ? 22 : 16} /> <span>{words.outcome(outcome)}</span>
    </span>
  )
}

/** Says that a value is not confirmed and the stricter choice is used. */
export function Unverified() {
  const { t } = useTranslation('compliance')
  return (
    <span className={classes['unverified']} title={t('unverifiedSays')}>
      <Icon name="triangleOutline" size={14} /> {t('unverified')}
    </span>
  )
}
