import { Button, Title } from '@mantine/core'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { DeskQueue } from '../../../server/softphone/protocol.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import classes from './queues.module.css'

const Directory = lazy(async () => ({ default: (await import('../call-bar/directory.tsx')).Directory }))

/** The agent's own queues with what waits there, and for each why no call comes from it now. */
export function Queues({ queues, isFree }: Readonly<{ queues: readonly DeskQueue[]; isFree: boolean }>) {
  const { t } = useTranslation('desk')
  const { duration } = useFormat()
  const [isCalling, setCalling] = useState(false)
  const waiting = queues.reduce((sum, queue) => sum + queue.waiting, 0)
  return (
    <div className="card">
      <Title order={2} size="h5">
        {t('queues.title')}
      </Title>
      <p className={classes['sum']}>{t('queues.waiting', { count: waiting })}</p>
      {queues.length === 0 && <p>{t('queues.none')}</p>}
      <ul className={classes['list']} aria-label={t('queues.why')} data-testid="queues">
        {queues.map(queue => (
          <li key={queue.id} className={classes['queue']}>
            <span className={classes['head']}>
              <bdi className={classes['name']}>{queue.name}</bdi>
              <span className="nowrap">
                {t('queues.waiting', { count: queue.waiting })}
                {queue.waiting > 0 && ` · ${duration(queue.longestWaitMs)}`}
              </span>
            </span>
            <span className={classes['why']} data-is-away={!isFree}>
              {queue.whyNot === null ? t('queues.next') : t(`queues.whyNot.${queue.whyNot}`)}
            </span>
          </li>
        ))}
      </ul>
      <Button
        className={classes['dial']}
        data-is-away={!isFree}
        mt="md"
        variant="default"
        fullWidth
        leftSection={<Icon name="handset" size={18} />}
        onClick={() => setCalling(true)}
        data-testid="dial"
      >
        {t('queues.callSomebody')}
      </Button>
      {isCalling && (
        <Suspense>
          <Directory purpose="call" onClose={() => setCalling(false)} />
        </Suspense>
      )}
    </div>
  )
}
