import { Button, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import classes from './admin.module.css'
import { fromLines, toLines, type Week } from './hours.ts'

/** The part of a calendar that is edited here; holidays, special days and Ramadan hours are kept as they are. */
export type QueueCalendar = Readonly<{ timeZone: string; weekly: Week; [more: string]: unknown }>

/** When the queue is open: always, or by the hours of a week in a named time zone. */
export function HoursEditor({
  calendar,
  onChange
}: Readonly<{ calendar: QueueCalendar | null; onChange(calendar: QueueCalendar | null): void }>) {
  const { t } = useTranslation('admin')
  const [text, setText] = useState(() => (calendar === null ? '' : toLines(calendar.weekly)))
  const kept = calendar === null ? [] : ['holidays', 'specialDays', 'ramadan'].filter(part => calendar[part] != null)
  return (
    <fieldset className={classes['group']}>
      <legend>{t('hours.title')}</legend>
      {calendar === null ? (
        <div className={classes['row']}>
          <span>{t('hours.always')}</span>
          <Button
            variant="default"
            onClick={() => {
              const weekly = { 'mon-fri': ['09:00-17:00'] }
              setText(toLines(weekly))
              onChange({ timeZone: Intl.DateTimeFormat().resolvedOptions().timeZone, weekly })
            }}
          >
            {t('hours.set')}
          </Button>
        </div>
      ) : (
        <>
          <TextInput
            label={t('hours.zone')}
            list="time-zones"
            value={calendar.timeZone}
            onChange={event => onChange({ ...calendar, timeZone: event.currentTarget.value })}
          />
          <datalist id="time-zones">
            {Intl.supportedValuesOf('timeZone').map(zone => (
              <option key={zone} value={zone} />
            ))}
          </datalist>
          <Textarea
            label={t('hours.week')}
            description={t('hours.weekSays')}
            className="ltr"
            autosize
            minRows={2}
            value={text}
            error={fromLines(text) === null ? t('hours.wrong') : null}
            onChange={event => {
              setText(event.currentTarget.value)
              const weekly = fromLines(event.currentTarget.value)
              if (weekly !== null) onChange({ ...calendar, weekly })
            }}
          />
          {kept.length > 0 && <p>{t('hours.kept')}</p>}
          <div>
            <Button variant="default" onClick={() => onChange(null)}>
              {t('hours.openAlways')}
            </Button>
          </div>
        </>
      )}
    </fieldset>
  )
}
