import { useQuery, useQueryClient } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link, useParams } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './admin.module.css'
import { EditForm } from './edit-form.tsx'
import type { Field } from './fields.ts'
import { HoursEditor } from './hours-editor.tsx'
import { QUEUE_FIELDS, type QueueSettings, type Reach, STRATEGIES, type Tier } from './queue-settings.ts'
import { RemoveQueue } from './remove-queue.tsx'
import { TiersEditor } from './tiers-editor.tsx'
import { TryQueue } from './try-queue.tsx'
import { useMay } from './use-may.ts'

/** Fields that the form shows by parts of its own. */
const OWN_PARTS: readonly Field[] = [
  { name: 'tiers', kind: 'lines' },
  { name: 'calendar', kind: 'lines' }
]

/** One queue: who answers, whom that reaches now, what it promises, and what happens when nobody can answer. */
export function QueuePage() {
  const { t } = useTranslation('admin')
  const { id = '' } = useParams()
  const client = useQueryClient()
  const refusal = useMay('queues:write')
  const read = () => api<QueueSettings>(`/queues/${id}`)
  const queue = useQuery({ queryKey: ['admin', 'queue', id], queryFn: read })
  const reach = useQuery({
    queryKey: ['admin', 'reach', id],
    queryFn: ({ signal }) => api<Reach>(`/queues/${id}/reach`, { signal }),
    refetchInterval: 3_000
  })
  const skills = useQuery({
    queryKey: ['admin', 'skill-names'],
    queryFn: async ({ signal }) =>
      (await api<Readonly<{ items: readonly Readonly<{ name: string }>[] }>>('/skills', { signal })).items.map(
        skill => skill.name
      )
  })
  if (queue.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (queue.isError) return <Problem error={queue.error} onRetry={() => void queue.refetch()} />
  const fields = QUEUE_FIELDS.map(field =>
    field.name === 'strategy'
      ? { ...field, options: STRATEGIES.map(value => ({ value, label: t(`strategy.${value}`) })) }
      : field
  )
  return (
    <section className={classes['section']} aria-labelledby="queue-title" data-testid="queue">
      <p style={{ margin: 0 }}>
        <Link to="/admin/queues">{t('tab.queues')}</Link>
      </p>
      <h2 id="queue-title">
        <bdi>{queue.data.name}</bdi>
      </h2>
      {reach.data !== undefined && <UsedBy uses={reach.data.uses} />}
      <div className={classes['columns']}>
        <div className="card">
          <EditForm
            key={queue.data.version}
            draftKey={`queue/${id}/${queue.data.version}`}
            fields={[...OWN_PARTS, ...fields]}
            shownFields={fields}
            before={queue.data}
            isNew={false}
            refusal={refusal}
            first={(values, set) => (
              <>
                <TiersEditor
                  tiers={values['tiers'] as readonly Tier[]}
                  skills={skills.data ?? []}
                  onChange={tiers => set({ ...values, tiers })}
                />
                <HoursEditor
                  calendar={values['calendar'] as Parameters<typeof HoursEditor>[0]['calendar']}
                  onChange={calendar => set({ ...values, calendar })}
                />
              </>
            )}
            save={values => api(`/queues/${id}`, { method: 'PATCH', body: values })}
            readAgain={read}
            onSaved={() => void client.invalidateQueries({ queryKey: ['admin'] })}
          />
          <RemoveQueue queue={queue.data} refusal={refusal} />
        </div>
        <div className={classes['side']}>
          {reach.isError && <Problem error={reach.error} onRetry={() => void reach.refetch()} />}
          {reach.data !== undefined && <Reaches tiers={reach.data.tiers} />}
          <TryQueue queueId={id} />
        </div>
      </div>
    </section>
  )
}

function UsedBy({ uses }: Readonly<{ uses: Reach['uses'] }>) {
  const { t } = useTranslation('admin')
  const parts = [
    t('used.numbers', { count: uses.numbers.length }),
    t('used.flows', { count: uses.flows.length }),
    t('used.agents', { count: uses.agents }),
    t('used.waiting', { count: uses.waiting })
  ]
  return (
    <p className={classes['used']} data-testid="used-by">
      {t('used.by', { parts: listOf(parts) })}{' '}
      {[...uses.flows, ...uses.queues].length > 0 && <bdi>({listOf([...uses.flows, ...uses.queues])})</bdi>}
    </p>
  )
}

function Reaches({ tiers }: Readonly<{ tiers: Reach['tiers'] }>) {
  const { t } = useTranslation('admin')
  const { duration } = useFormat()
  return (
    <section className="card" aria-labelledby="reach-title" data-testid="reach">
      <h3 id="reach-title">{t('reach.title')}</h3>
      <ul className={classes['plain']}>
        {tiers.map(tier => (
          <li key={tier.afterMs}>
            <strong>
              {tier.afterMs === 0 ? t('reach.atOnce') : t('reach.after', { time: duration(tier.afterMs) })}
            </strong>{' '}
            {tier.added.length === 0 ? (
              t('reach.nobody')
            ) : (
              <>
                <bdi>{listOf(tier.added.map(agent => agent.name))}</bdi> ({t('reach.free', { count: tier.free })})
              </>
            )}
          </li>
        ))}
      </ul>
    </section>
  )
}
