import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { queryClient } from '../api/query-client.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { ConsentEvent, ConsentRecord } from './answers.ts'
import classes from './compliance.module.css'
import { looksLikeNumber, PURPOSES } from './question.ts'

const GRADES = ['implied', 'oral_express', 'express_electronic', 'written_signed'] as const
const METHODS = ['oral', 'written', 'keypress', 'web', 'email', 'sms'] as const

/** What a person has agreed to, how it can be proved, and taking it back in one step. */
export function ConsentsPage() {
  const { t } = useTranslation('compliance')
  const [number, setNumber] = useState('')
  const [asked, setAsked] = useState<string | null>(null)
  const [isWrong, setWrong] = useState(false)
  return (
    <div className={classes['section']} data-testid="consents">
      <form
        className={classes['row']}
        onSubmit={event => {
          event.preventDefault()
          setWrong(!looksLikeNumber(number))
          if (looksLikeNumber(number)) setAsked(number.trim())
        }}
      >
        <TextInput
          label={t('when.number')}
          placeholder="+12025550123"
          inputMode="tel"
          autoComplete="off"
          value={number}
          error={isWrong && t('when.numberWrong')}
          onChange={event => setNumber(event.currentTarget.value)}
        />
        <Button type="submit">{t('consents.find')}</Button>
      </form>
      {asked === null ? <p className={classes['hint']}>{t('consents.says')}</p> : <Record key={asked} number={asked} />}
    </div>
  )
}

function Record({ number }: Readonly<{ number: string }>) {
  const { t } = useTranslation('compliance')
  const { dateTime } = useFormat()
  const record = useQuery({
    queryKey: ['compliance', 'consents', number],
    queryFn: ({ signal }) => api<ConsentRecord>('/consents/search', { method: 'POST', body: { number }, signal })
  })
  if (record.isPending) return <Waiting what={t('consents.waiting')} lines={4} />
  if (record.isError) return <Problem error={record.error} onRetry={() => void record.refetch()} />
  const { now, events } = record.data
  const sellers = [...new Set(events.map(one => one.seller))]
  return (
    <>
      <section className={classes['card']} aria-live="polite" data-testid="consent-now">
        {now === null ? (
          <p>{t('consents.none')}</p>
        ) : (
          <p>
            <Icon name={now.revokedAt === undefined ? 'check' : 'cross'} size={16} />{' '}
            {now.revokedAt === undefined
              ? t('consents.holds', { grade: t(`consentGrade.${now.grade}` as 'consentGrade.implied') })
              : t('consents.withdrawn', { at: dateTime(now.revokedAt) })}{' '}
            {now.expiresAt !== undefined && t('consents.until', { at: dateTime(now.expiresAt) })}
          </p>
        )}
        {now !== null && now.revokedAt === undefined && <Withdraw number={number} sellers={sellers} />}
      </section>
      <RecordConsent number={number} />
      <section className={classes['section']} aria-labelledby="events-title">
        <h2 id="events-title">{t('consents.history')}</h2>
        <ul className={classes['rules']}>
          {[...events].reverse().map(one => (
            <Event key={one.id} event={one} />
          ))}
        </ul>
        {events.length === 0 && <p className={classes['hint']}>{t('consents.noHistory')}</p>}
      </section>
    </>
  )
}

function Event({ event }: Readonly<{ event: ConsentEvent }>) {
  const { t } = useTranslation('compliance')
  const { dateTime } = useFormat()
  return (
    <li>
      <strong>{t(`consentKind.${event.kind}` as 'consentKind.grant')}</strong> {dateTime(event.at)} ·{' '}
      <bdi dir="auto">{event.seller}</bdi> · {t(`consentGrade.${event.grade}` as 'consentGrade.implied')}
      <p className={classes['hint']}>
        {listOf(event.purposes.map(one => t(`purpose.${one}` as 'purpose.service')))}{' '}
        {listOf(event.modes.map(one => t(`mode.${one}` as 'mode.ai_voice')))} {event.channels.join(', ')}
      </p>
      <p>{event.hasEvidence ? t('consents.evidence') : t('consents.noEvidence')}</p>
      <Proof evidence={event.evidence} />
      <Named named={event.named} />
      {event.expiresAt !== null && <p>{t('consents.until', { at: dateTime(event.expiresAt) })}</p>}
    </li>
  )
}

const PROOFS = ['method', 'textVersion', 'language', 'callId', 'recordingRef', 'references'] as const

function Proof({ evidence }: Pick<ConsentEvent, 'evidence'>) {
  const { t } = useTranslation('compliance')
  const { languageName } = useFormat()
  const shown = (what: (typeof PROOFS)[number], value: unknown) => {
    if (what === 'method') return t(`method.${String(value)}` as 'method.web')
    if (what === 'language') return languageName(String(value))
    const text = Array.isArray(value) ? value.join(', ') : String(value)
    if (what === 'callId') return <Link to={`/quality/calls/${encodeURIComponent(text)}`}>{text}</Link>
    return <bdi dir="auto">{text}</bdi>
  }
  return (
    <dl className={classes['facts']}>
      {PROOFS.filter(what => evidence[what] !== undefined).map(what => (
        <div key={what} className={classes['factLine']}>
          <dt>{t(`consents.proof.${what}`)}</dt>
          <dd>{shown(what, evidence[what])}</dd>
        </div>
      ))}
    </dl>
  )
}

function Named({ named }: Pick<ConsentEvent, 'named'>) {
  const { t } = useTranslation('compliance')
  if (named.state === 'erased') return <p>{t('consents.erased')}</p>
  if (named.state === 'unreadable')
    return (
      <p>
        <Icon name="cross" size={16} /> {t('consents.unreadable')}
      </p>
    )
  const personal = Object.entries(named.personal ?? {})
  if (personal.length === 0) return null
  return (
    <p>
      {t('consents.personal')}{' '}
      {personal.map(([what, value]) => (
        <span key={what} className={classes['hint']}>
          <bdi dir="auto">{what}</bdi>: <bdi dir="auto">{value}</bdi>{' '}
        </span>
      ))}
    </p>
  )
}

function refresh(): void {
  void queryClient.invalidateQueries({ queryKey: ['compliance'] })
}

function Withdraw({ number, sellers }: Readonly<{ number: string; sellers: readonly string[] }>) {
  const { t } = useTranslation('compliance')
  const refusal = useMay('consents:write')
  const withdraw = useMutation({
    mutationFn: async () => {
      for (const seller of sellers)
        await api<unknown>('/consents/withdraw', { method: 'POST', body: { number, seller, channel: 'form' } })
    },
    onSuccess() {
      notify(t('consents.withdrawDone'))
      refresh()
    }
  })
  return (
    <>
      <div>
        <Button
          variant="default"
          loading={withdraw.isPending}
          disabled={refusal !== null}
          title={refusal ?? undefined}
          onClick={() => withdraw.mutate()}
        >
          {t('consents.withdraw')}
        </Button>
      </div>
      {withdraw.isError && <Problem error={withdraw.error} />}
    </>
  )
}

function RecordConsent({ number }: Readonly<{ number: string }>) {
  const { t } = useTranslation('compliance')
  const refusal = useMay('consents:write')
  const [form, setForm] = useState({
    seller: '',
    grade: 'express_electronic',
    method: 'web',
    purpose: 'marketing',
    reference: ''
  })
  const record = useMutation({
    mutationFn: () =>
      api<unknown>('/consents', {
        method: 'POST',
        body: {
          number,
          seller: form.seller,
          grade: form.grade,
          purposes: [form.purpose],
          evidence: {
            method: form.method,
            ...(form.reference.trim() !== '' && { references: [form.reference.trim()] })
          }
        }
      }),
    onSuccess() {
      notify(t('consents.recorded'))
      refresh()
    }
  })
  return (
    <details>
      <summary>{t('consents.record')}</summary>
      <form
        className={classes['row']}
        onSubmit={event => {
          event.preventDefault()
          record.mutate()
        }}
      >
        <TextInput
          label={t('consents.seller')}
          required
          value={form.seller}
          onChange={event => setForm({ ...form, seller: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('consents.grade')}
          value={form.grade}
          data={GRADES.map(value => ({ value, label: t(`consentGrade.${value}`) }))}
          onChange={event => setForm({ ...form, grade: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('when.purpose')}
          value={form.purpose}
          data={PURPOSES.map(value => ({ value, label: t(`purpose.${value}`) }))}
          onChange={event => setForm({ ...form, purpose: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('consents.method')}
          value={form.method}
          data={METHODS.map(value => ({ value, label: t(`method.${value}`) }))}
          onChange={event => setForm({ ...form, method: event.currentTarget.value })}
        />
        <TextInput
          label={t('consents.reference')}
          maxLength={200}
          value={form.reference}
          onChange={event => setForm({ ...form, reference: event.currentTarget.value })}
        />
        <Button type="submit" loading={record.isPending} disabled={refusal !== null} title={refusal ?? undefined}>
          {t('consents.record')}
        </Button>
      </form>
      {record.isError && <Problem error={record.error} />}
    </details>
  )
}
