import { useTranslation } from 'react-i18next'
import { Icon } from '../parts/icons.tsx'
import type { Step } from './board.ts'
import classes from './wallboard.module.css'

/** Nothing, an outlined triangle with "Watch", or a filled one with "Act". */
export function StepMark({ step }: Readonly<{ step: Step }>) {
  const { t } = useTranslation('supervision')
  if (step === 'plain') return null
  return (
    <span className={classes['step']} data-step={step}>
      <Icon name={step === 'act' ? 'triangle' : 'triangleOutline'} size={16} />
      {t(`step.${step}`)}
    </span>
  )
}
