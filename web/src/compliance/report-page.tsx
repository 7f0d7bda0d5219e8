import { Button, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './compliance.module.css'

const DAY_MS = 86_400_000

/** Opens the report of a period as a page to print or to save as PDF, for an auditor. */
export function ReportPage() {
  const { t } = useTranslation('compliance')
  const [from, setFrom] = useState(() => new Date(Date.now() - 30 * DAY_MS).toISOString().slice(0, 10))
  const [to, setTo] = useState(() => new Date().toISOString().slice(0, 10))
  const isUsable = from !== '' && to !== '' && from <= to
  // The last day counts as a whole.
  const end = isUsable ? new Date(Date.parse(`${to}T00:00:00Z`) + DAY_MS).toISOString() : ''
  const query = new URLSearchParams({ from: `${from}T00:00:00.000Z`, to: end })
  return (
    <div className={classes['section']} data-testid="report">
      <p className={classes['hint']}>{t('report.says')}</p>
      <div className={classes['row']}>
        <TextInput
          type="date"
          label={t('report.from')}
          value={from}
          onChange={event => setFrom(event.currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('report.to')}
          value={to}
          error={isUsable ? null : t('report.wrong')}
          onChange={event => setTo(event.currentTarget.value)}
        />
        {isUsable && (
          <Button component="a" href={`/api/v1/compliance/report?${query}`} target="_blank" rel="noopener">
            {t('report.open')}
          </Button>
        )}
      </div>
    </div>
  )
}
