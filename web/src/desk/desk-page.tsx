import { EmptyState } from '@mantine/core'
import { lazy, Suspense, useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { barStateOf } from '../call-bar/bar-state.ts'
import { Icon } from '../parts/icons.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { useSoftphoneView } from '../softphone/softphone-provider.tsx'
import { BeforeShift } from './before-shift.tsx'
import { Card } from './card.tsx'
import classes from './desk-page.module.css'
import { forgetOldNotes } from './notes.ts'
import { Queues } from './queues.tsx'
import { Workspace } from './workspace.tsx'

const CampaignOffer = lazy(async () => ({
  default: (await import('../campaigns/campaign-offer.tsx')).CampaignOffer
}))

/** What the agent does this second, and who is on the line. */
export function DeskPage() {
  const { t } = useTranslation('desk')
  const view = useSoftphoneView()
  useEffect(forgetOldNotes, [])
  const { desk } = view
  if (desk === null) return <Waiting what={t('waiting')} lines={6} />
  const call = desk.call
  const about = call ?? desk.offer ?? desk.wrapUp
  const state = barStateOf(view)
  const work = call ?? desk.wrapUp
  return (
    <div className={classes['desk']} data-testid="desk" data-state={state}>
      <h1 className={classes['title']}>{t('title')}</h1>
      {about !== null && (
        <section className={classes['customer']} aria-labelledby="customer-title">
          <Card
            key={about.callId}
            customer={about.customer}
            language={desk.call?.language ?? desk.offer?.language ?? null}
          />
        </section>
      )}
      <div className={about === null ? classes['wide'] : classes['work']}>
        {work !== null && (
          <Workspace
            key={work.callId}
            callId={work.callId}
            note={work.note}
            customer={work.customer}
            script={call?.script ?? null}
            language={call?.language ?? null}
          />
        )}
        {about === null && state === 'beforeShift' && <BeforeShift />}
        {about === null && state !== 'beforeShift' && (
          <div className="card">
            <EmptyState
              icon={<Icon name={state === 'ready' ? 'dot' : 'circle'} size={32} />}
              title={state === 'ready' ? t('ready.title') : t('notReady.title')}
              description={state === 'ready' ? t('ready.says') : t('notReady.says')}
            />
          </div>
        )}
        {work === null && desk.offer?.campaign !== undefined && (
          <div className="card">
            <Suspense fallback={null}>
              <CampaignOffer key={desk.offer.id} offer={desk.offer} />
            </Suspense>
          </div>
        )}
        {work === null && desk.offer !== null && <p className={classes['hint']}>{t('noteAfterAnswer')}</p>}
      </div>
      <aside className={classes['side']} aria-label={t('side')}>
        <Queues queues={desk.queues} isFree={work === null} />
      </aside>
    </div>
  )
}
