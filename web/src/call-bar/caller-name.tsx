import { useTranslation } from 'react-i18next'
import type { CustomerCard } from '../../../server/softphone/protocol.ts'
import { CustomerText, PhoneNumber } from '../parts/people.tsx'
import classes from './call-bar.module.css'

/** The customer's name, else the number as far as the role may see it. */
export function CallerName({ customer }: Readonly<{ customer: CustomerCard }>) {
  return (
    <span className={classes['name']} data-testid="caller">
      {customer.name === null ? (
        <PhoneNumber number={customer.number} />
      ) : (
        <CustomerText lang={customer.language}>{customer.name}</CustomerText>
      )}
    </span>
  )
}

/** The same as plain text, for sentences that are spoken. */
export function useCallerWords(): (customer: CustomerCard) => string {
  const { t } = useTranslation()
  return customer => {
    if (customer.name !== null) return customer.name
    if (customer.number === null) return t('person.numberHidden')
    const ending = customer.number.replace(/^.*\.\.\s*/, '').slice(-4)
    return t('person.numberEnding', { digits: [...ending].join(' ') })
  }
}
