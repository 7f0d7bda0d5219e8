import { Button, Textarea } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { Problem } from '../parts/problem.tsx'
import type { MadeScenario } from './api.ts'
import classes from './simulator.module.css'

/** Makes a scripted caller out of a call that was, to be tried against its flow again and again. */
export function MakeScenario({ callId, mayKeep }: Readonly<{ callId: string; mayKeep: boolean }>) {
  const { t } = useTranslation('simulator')
  const make = useMutation({ mutationFn: () => api<MadeScenario>(`/calls/${callId}/scenario`, { method: 'POST' }) })
  const keep = useMutation({
    mutationFn: ({ flowId, name, source }: MadeScenario) =>
      api(`/flows/${flowId}/scenarios/${encodeURIComponent(name)}`, { method: 'PUT', body: { source } })
  })
  const made = make.data
  return (
    <section className={`card ${classes['panel']}`} data-testid="make-scenario">
      <div className={classes['row']}>
        <Button variant="default" loading={make.isPending} onClick={() => make.mutate()}>
          {t('fromCall.make')}
        </Button>
      </div>
      {make.isError && <Problem error={make.error} />}
      {made !== undefined && (
        <>
          <p>
            {t('fromCall.says')} {made.notes > 0 && <strong>{t('fromCall.notes', { count: made.notes })}</strong>}
          </p>
          <Textarea
            className={classes['script'] ?? ''}
            label={t('script')}
            value={made.source}
            readOnly
            dir="ltr"
            lang="en"
            autosize
            minRows={6}
            maxRows={20}
          />
          {mayKeep && (
            <div className={classes['row']}>
              {keep.isSuccess ? (
                <Link to={`/flows/${made.flowId}?script=${encodeURIComponent(made.name)}`}>
                  {t('fromCall.open', { flow: made.flowId })}
                </Link>
              ) : (
                <Button loading={keep.isPending} onClick={() => keep.mutate(made)}>
                  {t('fromCall.keep', { flow: made.flowId })}
                </Button>
              )}
            </div>
          )}
          {keep.isError && <Problem error={keep.error} />}
        </>
      )}
    </section>
  )
}
