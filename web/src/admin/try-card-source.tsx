import { Button, TextInput } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import classes from './admin.module.css'
import type { JsonPath } from './fields.ts'

/** `POST /card-sources/:id/try`. */
type Tried = Readonly<{
  state: 'loading' | 'ready' | 'late' | 'failed'
  tookMs: number | null
  problem: string | null
  customerName: string | null
  fields: readonly (JsonPath & Readonly<{ value: string | null }>)[]
}>

/** Asks a source about a number as a call would, and shows what an agent would see of the answer. */
export function TryCardSource({ sourceId }: Readonly<{ sourceId: string }>) {
  const { t } = useTranslation('admin')
  const { number: format } = useFormat()
  const [number, setNumber] = useState('')
  const attempt = useMutation({
    mutationFn: () =>
      api<Tried>(`/card-sources/${sourceId}/try`, {
        method: 'POST',
        body: { number: number.replace(/[\s()./-]/g, '') }
      })
  })
  const result = attempt.data
  return (
    <section className={classes['remove']} aria-labelledby="try-card-title" data-testid="try-card">
      <h3 id="try-card-title" style={{ margin: 0 }}>
        {t('card.try')}
      </h3>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          attempt.mutate()
        }}
      >
        <p>{t('card.trySays')}</p>
        <div className={classes['row']} style={{ alignItems: 'end' }}>
          <TextInput
            label={t('field.number')}
            dir="ltr"
            inputMode="tel"
            autoComplete="off"
            placeholder="+12025550123"
            value={number}
            onChange={event => setNumber(event.currentTarget.value)}
          />
          <Button type="submit" variant="default" loading={attempt.isPending} disabled={number.trim() === ''}>
            {t('try.submit')}
          </Button>
        </div>
        {attempt.isError && <Problem error={attempt.error} />}
        {result !== undefined && (
          <div role="status" data-testid="tried">
            <p className={classes['mark']} data-state={result.state === 'ready' ? 'delivered' : 'failed'}>
              <Icon name={result.state === 'ready' ? 'check' : 'triangle'} size={16} />
              {result.state === 'ready'
                ? t('card.answered', { ms: format(result.tookMs ?? 0) })
                : t('card.failed', { problem: result.problem ?? '-' })}
            </p>
            {result.state === 'ready' && (
              <dl className={classes['answer']}>
                <div className={classes['pair']}>
                  <dt>{t('card.customerName')}</dt>
                  <dd dir="auto">{result.customerName ?? t('card.notThere')}</dd>
                </div>
                {result.fields.map(one => (
                  <div key={`${one.label} ${one.path}`} className={classes['pair']}>
                    <dt dir="auto">{one.label}</dt>
                    <dd dir="auto">{one.value ?? t('card.notThere')}</dd>
                  </div>
                ))}
              </dl>
            )}
          </div>
        )}
      </form>
    </section>
  )
}
