import { Button, CloseButton, Notification } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { createStore, useStore } from '../store.ts'
import classes from './notices.module.css'
import { say } from './say.ts'

/**
 * `interrupt`: a live call is at risk; stays until it is closed. `notice`: shown for some seconds and kept in the
 * activity list. `quiet`: the activity list only.
 */
export type NoticeLevel = 'interrupt' | 'notice' | 'quiet'

export type Notice = Readonly<{
  id: number
  at: Date
  level: NoticeLevel
  text: string
  /** Stable code, shown beside the words so that it can be quoted. */
  code: string | null
  undo: (() => void) | null
}>

const SHOWN_MS = 8_000
/** How long something that can be undone can be undone. */
const UNDO_MS = 10_000
const KEPT = 200

/** Everything that happened on this page, newest first. */
export const activity = createStore<readonly Notice[]>([])
export const unseenNotices = createStore(0)
const shown = createStore<readonly Notice[]>([])
let lastId = 0

export function notify(
  text: string,
  options: Readonly<{ level?: NoticeLevel; code?: string; undo?: () => void }> = {}
): void {
  const { level = 'notice', code = null, undo = null } = options
  lastId += 1
  const notice: Notice = { id: lastId, at: new Date(), level, text, code, undo }
  activity.set(list => [notice, ...list].slice(0, KEPT))
  unseenNotices.set(count => count + 1)
  if (level === 'quiet') return
  say(text, level === 'interrupt' ? 'now' : 'soon')
  shown.set(list => [...list, notice])
  if (level === 'notice') setTimeout(() => hide(notice.id), undo === null ? SHOWN_MS : UNDO_MS)
}

function hide(id: number): void {
  shown.set(list => list.filter(notice => notice.id !== id))
}

/** The notices of the moment, at the lower end of the page, away from call controls. */
export function Notices() {
  const { t } = useTranslation()
  const notices = useStore(shown)
  return (
    <section className={classes['stack']} aria-label={t('notices.label')}>
      {notices.map(notice => (
        <Notification
          key={notice.id}
          role="group"
          withBorder
          withCloseButton={false}
          color={notice.level === 'interrupt' ? 'red' : 'blue'}
        >
          <div className={classes['row']}>
            <span>
              {notice.text} {notice.code !== null && <code>{notice.code}</code>}
            </span>
            {notice.undo !== null && (
              <Button
                size="compact-sm"
                variant="light"
                onClick={() => {
                  notice.undo?.()
                  hide(notice.id)
                }}
              >
                {t('action.undo')}
              </Button>
            )}
            <CloseButton aria-label={t('action.close')} onClick={() => hide(notice.id)} />
          </div>
        </Notification>
      ))}
    </section>
  )
}
