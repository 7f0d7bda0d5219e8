import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Judged, Timeline } from './answers.ts'
import classes from './compliance.module.css'
import { DayBars } from './day-bars.tsx'
import { FIRST_QUESTION, looksLikeNumber, MODES, PARTIES, PURPOSES, type Question } from './question.ts'
import { RuleResults } from './rule-results.tsx'
import { StopNumber } from './stop-number.tsx'
import { useWords } from './use-words.ts'
import { Verdict } from './verdict.tsx'

const DAYS = 14

/** When may this number be called? */
export function WhenPage() {
  const { t } = useTranslation('compliance')
  const [form, setForm] = useState(FIRST_QUESTION)
  // The number is personal: it is kept neither in the address of the page nor in the browser's history.
  const [asked, setAsked] = useState<Question | null>(null)
  const [isWrong, setWrong] = useState(false)
  const set = (change: Partial<Question>) => setForm(now => ({ ...now, ...change }))
  const ask = (event: FormEvent) => {
    event.preventDefault()
    setWrong(!looksLikeNumber(form.number))
    if (looksLikeNumber(form.number)) setAsked({ ...form, number: form.number.trim() })
  }
  const choices = (group: 'purpose' | 'mode' | 'party', values: readonly string[]) =>
    values.map(value => ({ value, label: t(`${group}.${value}` as 'mode.ai_voice') }))
  return (
    <div className={classes['section']} data-testid="when">
      <form className={classes['row']} onSubmit={ask}>
        <TextInput
          label={t('when.number')}
          placeholder="+12025550123"
          inputMode="tel"
          autoComplete="off"
          value={form.number}
          error={isWrong && t('when.numberWrong')}
          onChange={event => set({ number: event.currentTarget.value })}
          classNames={{ input: 'ltr' }}
        />
        <NativeSelect
          label={t('when.purpose')}
          value={form.purpose}
          data={choices('purpose', PURPOSES)}
          onChange={event => set({ purpose: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('when.mode')}
          value={form.mode}
          data={choices('mode', MODES)}
          onChange={event => set({ mode: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('when.party')}
          value={form.party}
          data={choices('party', PARTIES)}
          onChange={event => set({ party: event.currentTarget.value })}
        />
        <Button type="submit">{t('when.ask')}</Button>
      </form>
      {asked === null ? <p className={classes['hint']}>{t('when.says')}</p> : <Answer asked={asked} />}
    </div>
  )
}

function Answer({ asked }: Readonly<{ asked: Question }>) {
  const { t, i18n } = useTranslation('compliance')
  const { dateTime } = useFormat()
  const words = useWords()
  const body = { call: asked }
  const times = useQuery({
    queryKey: ['compliance', 'timeline', asked],
    queryFn: async ({ signal }) => ({
      ...(await api<Timeline>('/compliance/timeline', { method: 'POST', body: { ...body, days: DAYS }, signal })),
      asOf: new Date()
    })
  })
  const judged = useQuery({
    queryKey: ['compliance', 'decide', asked, i18n.language],
    queryFn: ({ signal }) =>
      api<Judged>('/compliance/decide', { method: 'POST', query: { language: i18n.language }, body, signal })
  })
  if (times.isPending || judged.isPending) return <Waiting what={t('when.waiting')} lines={6} />
  if (times.isError) return <Problem error={times.error} onRetry={() => void times.refetch()} />
  if (judged.isError) return <Problem error={judged.error} onRetry={() => void judged.refetch()} />
  const { decision } = judged.data
  const zone = decision.zones[0]
  return (
    <>
      <section className={classes['card']} aria-live="polite" data-testid="verdict">
        <Verdict outcome={decision.outcome} isLarge />
        <p>
          <span className="ltr">{decision.jurisdictions.join(', ')}</span>{' '}
          {decision.zones
            .map(one => t('when.localTime', { zone: one.zone, time: one.local.slice(11, 16) }))
            .join(' · ')}
        </p>
        {decision.reasons.map(reason => (
          <p key={reason}>{words.reason(reason)}</p>
        ))}
        {decision.nextAt !== null && <p>{t('when.next', { at: dateTime(decision.nextAt) })}</p>}
        {decision.outcome === 'ALLOW' && decision.open.length > 0 && (
          <p>{t('when.open', { facts: listOf(decision.open.map(words.openFact)) })}</p>
        )}
        <StopNumber number={asked.number} />
      </section>
      {zone === undefined ? (
        <p className={classes['hint']}>{t('when.noZone')}</p>
      ) : (
        <DayBars
          spans={times.data.spans}
          zone={zone.zone}
          otherZones={decision.zones.slice(1).map(one => one.zone)}
          asOf={times.data.asOf}
          days={DAYS}
          question={asked}
        />
      )}
      {decision.obligations.length > 0 && (
        <section className={classes['section']}>
          <h2>{t('decision.mustDo')}</h2>
          <ul>
            {decision.obligations.map(one => (
              <li key={one.code}>{words.obligation(one.code, one.seconds)}</li>
            ))}
          </ul>
        </section>
      )}
      <RuleResults decision={decision} />
    </>
  )
}
