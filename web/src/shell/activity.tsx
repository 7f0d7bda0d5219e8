import '@mantine/core/styles/Drawer.layer.css'
import { Drawer, EmptyState } from '@mantine/core'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { activity, unseenNotices } from '../parts/notices.tsx'
import { useStore } from '../store.ts'
import classes from './activity.module.css'

/** Everything that was shown as a notice on this page, newest first. */
export function Activity({ onClose }: Readonly<{ onClose(): void }>) {
  const { t } = useTranslation()
  const { clock } = useFormat()
  const notices = useStore(activity)
  useEffect(() => unseenNotices.set(0), [])
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      title={t('activity.title')}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      {notices.length === 0 && <EmptyState icon={<Icon name="list" size={32} />} title={t('activity.empty')} />}
      <ul className={classes['list']}>
        {notices.map(notice => (
          <li key={notice.id}>
            <time dateTime={notice.at.toISOString()} className="tabular">
              {clock(notice.at)}
            </time>
            <span>
              {notice.text} {notice.code !== null && <code className="ltr">{notice.code}</code>}
            </span>
          </li>
        ))}
      </ul>
    </Drawer>
  )
}
