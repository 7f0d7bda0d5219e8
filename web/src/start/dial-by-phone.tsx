import { Button, CopyButton, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { numbersQuery } from '../api/numbers.ts'
import { PhoneNumber } from '../parts/people.tsx'
import classes from './start-page.module.css'

/** The other way in: a telephone of one's own. */
export function DialByPhone() {
  const { t } = useTranslation('start')
  const { t: common } = useTranslation()
  const numbers = useQuery(numbersQuery)
  if (numbers.data === undefined || numbers.data.length === 0) return null
  return (
    <section className="card">
      <Title order={2} size="h4">
        {t('dial.title')}
      </Title>
      <p>{t('dial.says', { host: location.hostname })}</p>
      <ul className={classes['numbers']}>
        {numbers.data.map(({ id, number, label }) => (
          <li key={id} className={classes['line']}>
            <PhoneNumber number={number} /> <span>{label}</span>
            <CopyButton value={number}>
              {({ copied, copy }) => (
                <Button
                  size="compact-sm"
                  variant="default"
                  aria-label={`${common('action.copy')} ${number}`}
                  onClick={copy}
                >
                  {copied ? common('action.copied') : common('action.copy')}
                </Button>
              )}
            </CopyButton>
          </li>
        ))}
      </ul>
    </section>
  )
}
