import { Alert, Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useParams } from 'react-router'
import { api } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { RequestDetail } from './api.ts'
import classes from './privacy.module.css'
import { useStoreName } from './store-name.ts'

const STEPS = ['identity', 'plan', 'do', 'proof'] as const
const RUNNING = new Set(['approved', 'running', 'partly'])

/** One request from its receipt to the proof; each step says what the next one will do. */
export function RequestPage() {
  const { t } = useTranslation('privacy')
  const { id = '' } = useParams()
  const request = useQuery({
    queryKey: ['privacy', 'request', id],
    queryFn: ({ signal }) => api<RequestDetail>(`/privacy-requests/${id}`, { signal }),
    refetchInterval: query => (RUNNING.has(query.state.data?.status ?? '') ? 1_000 : false)
  })
  if (request.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (request.isError) return <Problem error={request.error} onRetry={() => void request.refetch()} />
  return <Detail request={request.data} />
}

function Detail({ request }: Readonly<{ request: RequestDetail }>) {
  const { t } = useTranslation('privacy')
  const { date, dateTime } = useFormat()
  const me = useQuery(meQuery).data
  const client = useQueryClient()
  const [how, setHow] = useState('')
  const [typed, setTyped] = useState('')
  const act = useMutation({
    mutationFn: ({ path, body }: { path: string; body?: unknown }) =>
      api<RequestDetail>(`/privacy-requests/${request.id}/${path}`, {
        method: 'POST',
        ...(body !== undefined && { body })
      }),
    onSuccess(next) {
      client.setQueryData(['privacy', 'request', request.id], next)
      void client.invalidateQueries({ queryKey: ['privacy', 'requests'] })
    }
  })
  const may = me?.permissions.includes('privacy:write') === true
  const step = stepOf(request)
  const isErase = request.kind === 'erase'
  const isOwnPlan = request.plannedBy === me?.username
  const word = `ERASE ${request.reference}`
  const storeName = useStoreName()
  return (
    <section className={classes['page']} data-testid="privacy-request">
      <p>
        <Link to="/privacy/requests">{t('detail.back')}</Link>
      </p>
      <h1>
        {t(`kind.${request.kind}`)} · <code>{request.reference}</code>
      </h1>
      <p>
        {request.regimeTitle} · {t('list.due', { due: date(request.dueAt), house: date(request.houseDueAt) })} ·{' '}
        {t(`status.${request.status as 'received'}`)}
      </p>
      <ol className={classes['steps']}>
        {STEPS.map((one, at) => (
          <li key={one} aria-current={at === step ? 'step' : undefined} data-done={at < step}>
            {at + 1}. {t(`step.${one}`)}
          </li>
        ))}
      </ol>
      {request.asked !== null && (
        <div className="card">
          <h2>{t('detail.who')}</h2>
          <p>
            {request.asked.name !== undefined && <bdi>{request.asked.name} </bdi>}
            {[...request.asked.numbers, ...request.asked.emails].map(one => (
              <bdi key={one} dir="ltr" className={classes['chip']}>
                {one}
              </bdi>
            ))}
          </p>
          {request.asked.note !== undefined && request.asked.note !== '' && (
            <blockquote dir="auto">{request.asked.note}</blockquote>
          )}
        </div>
      )}
      {step === 0 && may && (
        <form
          className={`card ${classes['form']}`}
          onSubmit={event => {
            event.preventDefault()
            act.mutate({ path: 'identity', body: { result: 'proved', how } })
          }}
        >
          <TextInput
            label={t('detail.how')}
            description={t('detail.howSays')}
            required
            minLength={3}
            value={how}
            onChange={event => setHow(event.currentTarget.value)}
          />
          <div className={classes['row']}>
            <Button type="submit" loading={act.isPending}>
              {t('detail.proved')}
            </Button>
            <Button
              variant="default"
              disabled={how.length < 3}
              onClick={() => act.mutate({ path: 'identity', body: { result: 'failed', how } })}
            >
              {t('detail.failed')}
            </Button>
          </div>
          {request.identity === 'failed' && <p className={classes['late']}>{t('detail.identityFailed')}</p>}
        </form>
      )}
      {step === 1 && may && (
        <div>
          <Button loading={act.isPending} onClick={() => act.mutate({ path: 'plan' })}>
            {t('detail.find')}
          </Button>
        </div>
      )}
      {request.plan !== null && request.certificate === null && (
        <div className="card" data-testid="plan">
          <h2>{t('step.plan')}</h2>
          <p>{t('detail.calls', { count: request.plan.calls })}</p>
          <table className={classes['table']}>
            <tbody>
              {request.plan.take.map(line => (
                <tr key={line.store}>
                  <th scope="row">{isErase ? t('detail.delete') : t('detail.copy')}</th>
                  <td>{line.count}</td>
                  <td>{storeName(line.store)}</td>
                  <td />
                </tr>
              ))}
              {request.plan.keep.map(line => (
                <tr key={`${line.store} ${line.why}`}>
                  <th scope="row">{t('detail.keep')}</th>
                  <td>{line.count}</td>
                  <td>{storeName(line.store)}</td>
                  <td dir="auto">{line.why}</td>
                </tr>
              ))}
            </tbody>
          </table>
          {request.plan.take.length === 0 && <p>{t('detail.nothing')}</p>}
        </div>
      )}
      {step === 2 && request.status === 'planned' && may && (
        <form
          className={`card ${classes['form']}`}
          onSubmit={event => {
            event.preventDefault()
            act.mutate({ path: 'approve', body: isErase ? { typed } : {} })
          }}
        >
          {isErase && isOwnPlan && <Alert color="yellow">{t('detail.second')}</Alert>}
          {isErase && !isOwnPlan && (
            <TextInput
              label={t('detail.type', { word })}
              value={typed}
              autoComplete="off"
              onChange={event => setTyped(event.currentTarget.value)}
            />
          )}
          <div>
            <Button
              type="submit"
              color={isErase ? 'red' : 'blue'}
              disabled={isErase && (isOwnPlan || typed !== word)}
              loading={act.isPending}
            >
              {isErase ? t('detail.eraseNow') : t('detail.doNow')}
            </Button>
          </div>
        </form>
      )}
      {RUNNING.has(request.status) && (
        <p role="status">{request.status === 'partly' ? t('detail.partly') : t('detail.running')}</p>
      )}
      {act.isError && <Problem error={act.error} />}
      {request.certificate !== null && (
        <div className="card" data-testid="certificate">
          <h2>{t('detail.certificate')}</h2>
          {request.certificate.stores.length === 0 ? (
            <p>{t('detail.nothing')}</p>
          ) : (
            <table className={classes['table']}>
              <thead>
                <tr>
                  <th scope="col">{t('field.store')}</th>
                  <th scope="col">{t('field.found')}</th>
                  <th scope="col">{t('field.erased')}</th>
                  <th scope="col">{t('field.kept')}</th>
                  <th scope="col">{t('field.method')}</th>
                </tr>
              </thead>
              <tbody>
                {request.certificate.stores.map(line => (
                  <tr key={line.store}>
                    <th scope="row">{storeName(line.store)}</th>
                    <td>{line.found}</td>
                    <td>{line.erased}</td>
                    <td>{line.kept}</td>
                    <td dir="auto">{line.method}</td>
                  </tr>
                ))}
              </tbody>
            </table>
          )}
          {request.certificate.kept.map(line => (
            <p key={`${line.store} ${line.why}`} dir="auto">
              {t('detail.keep')} {line.count} {storeName(line.store)}: {line.why}
            </p>
          ))}
          <p className={classes['hash']}>
            {dateTime(request.certificate.finishedAt)} ·{' '}
            <code className="ltr">sha256:{request.certificate.sha256}</code>
          </p>
          <div className={classes['row']}>
            {request.hasExport && (
              <Button component="a" href={`/api/v1/privacy-requests/${request.id}/export`} download>
                {t('detail.download')}
              </Button>
            )}
            <Button variant="default" onClick={() => print()}>
              {t('detail.print')}
            </Button>
          </div>
        </div>
      )}
      {isLiftable(request) && may && (
        <Lift onLift={body => act.mutate({ path: 'lift', body })} isBusy={act.isPending} />
      )}
      <details>
        <summary>{t('detail.story')}</summary>
        <ul>
          {request.events.map(event => (
            <li key={`${event.at} ${event.what}`}>
              {dateTime(event.at)} · <bdi>{event.by}</bdi> · <code>{event.what}</code>
            </li>
          ))}
        </ul>
      </details>
    </section>
  )
}

/** 0 identity, 1 plan, 2 do, 3 proof. */
function stepOf(request: RequestDetail): number {
  if (request.certificate !== null) return 3
  if (request.identity !== 'proved') return 0
  return request.plan === null ? 1 : 2
}

/** In force, as far as this request's own story tells. */
function isLiftable({ kind, status, events }: RequestDetail): boolean {
  return (
    (kind === 'restrict' || kind === 'do-not-sell') &&
    status === 'done' &&
    !events.some(event => event.what === 'lifted')
  )
}

function Lift({
  onLift,
  isBusy
}: Readonly<{ onLift(body: Readonly<{ reason: string; toldAt: string }>): void; isBusy: boolean }>) {
  const { t } = useTranslation('privacy')
  const [reason, setReason] = useState('')
  const [told, setTold] = useState('')
  return (
    <details className="card" data-testid="lift">
      <summary>{t('lift.title')}</summary>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          onLift({ reason, toldAt: new Date(`${told}T12:00:00`).toISOString() })
        }}
      >
        <p>{t('lift.says')}</p>
        <TextInput
          label={t('lift.reason')}
          required
          minLength={5}
          value={reason}
          onChange={event => setReason(event.currentTarget.value)}
        />
        <TextInput
          type="date"
          label={t('lift.told')}
          required
          value={told}
          onChange={event => setTold(event.currentTarget.value)}
        />
        <div>
          <Button type="submit" variant="default" loading={isBusy}>
            {t('lift.now')}
          </Button>
        </div>
      </form>
    </details>
  )
}
