import { Button, CloseButton, Menu } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { DeskState } from '../../../server/softphone/protocol.ts'
import { Icon } from '../parts/icons.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { Timer } from '../parts/timer.tsx'
import { useAct, useSoftphoneView, useStartShift } from '../softphone/softphone-provider.tsx'
import { shownStateOf } from './bar-state.ts'
import classes from './status-menu.module.css'
import { useReasonWords } from './use-reason-words.ts'

/** What the agent chose and what the system sees; choosing during a call takes effect after it. */
export function StatusMenu() {
  const { t } = useTranslation()
  const view = useSoftphoneView()
  const act = useAct()
  const startShift = useStartShift()
  const reasonWords = useReasonWords()
  const { desk, hello } = view
  if (desk === null) return <span />
  const isConnected = view.connection === 'open'
  const shown = isConnected ? shownStateOf(desk) : 'reconnecting'
  return (
    <div className={classes['status']}>
      <Menu position="bottom-start">
        <Menu.Target>
          <Button
            variant="default"
            h={44}
            px="sm"
            disabled={!isConnected}
            data-testid="status"
            data-state={shown}
            rightSection={<span aria-hidden="true">▾</span>}
          >
            <StateMark state={shown}>{t(`state.${shown}`)}</StateMark>
          </Button>
        </Menu.Target>
        <Menu.Dropdown>
          <Menu.Item leftSection={<Icon name="dot" size={16} />} onClick={startShift}>
            {t('status.available')}
          </Menu.Item>
          <Menu.Divider />
          {(hello?.statusReasons ?? []).map(reason => (
            <Menu.Item
              key={reason}
              leftSection={<Icon name="cup" size={16} />}
              onClick={() => act(softphone => softphone.request('status', { status: 'onBreak', reason }))}
            >
              {t('status.breakFor', { reason: reasonWords(reason) })}
            </Menu.Item>
          ))}
          <Menu.Item
            leftSection={<Icon name="cup" size={16} />}
            onClick={() => act(softphone => softphone.request('status', { status: 'onBreak' }))}
          >
            {t('status.onBreak')}
          </Menu.Item>
          <Menu.Divider />
          <Menu.Item
            leftSection={<Icon name="circle" size={16} />}
            onClick={() =>
              act(async softphone => {
                await softphone.request('status', { status: 'offline' })
                if (softphone.view.desk?.call == null) softphone.endShift()
              })
            }
          >
            {t('status.endShift')}
          </Menu.Item>
        </Menu.Dropdown>
      </Menu>
      {desk.call === null && desk.offer === null && desk.wrapUp === null && (
        <span className={classes['since']}>
          <Timer since={desk.state === 'idle' ? desk.statusSince : desk.stateSince} testId="state-timer" />
        </span>
      )}
      {desk.nextStatus !== null && <NextStatus desk={desk} />}
    </div>
  )
}

function NextStatus({ desk }: Readonly<{ desk: DeskState }>) {
  const { t } = useTranslation()
  const act = useAct()
  const reasonWords = useReasonWords()
  const { nextStatus, status } = desk
  if (nextStatus === null) return null
  const word = nextStatus.reason !== null ? reasonWords(nextStatus.reason) : t(`status.${nextStatus.status}`)
  return (
    <span className={classes['next']} data-testid="next-status">
      {t('status.afterCall', { status: word })}
      <CloseButton
        size="sm"
        aria-label={t('status.revoke')}
        onClick={() => act(softphone => softphone.request('status', { status }))}
      />
    </span>
  )
}
