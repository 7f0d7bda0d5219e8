import '@mantine/core/styles/Drawer.layer.css'
import { Button, Drawer, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { Timer } from '../parts/timer.tsx'
import { SupervisePanel } from '../supervise/supervise-panel.tsx'
import { AgentDay } from './agent-day.tsx'
import { type BoardAgent, shownAgent } from './board.ts'
import { FollowCall } from './follow-call.tsx'
import { useAgentWords } from './use-agent-words.ts'
import classes from './wallboard.module.css'

const STATUSES = ['available', 'onBreak', 'offline'] as const
type Status = (typeof STATUSES)[number]

/** What one agent does now and did today, with listening in and forcing the status. */
export function AgentDrawer({
  agentId,
  agent,
  onClose,
  onChanged
}: Readonly<{ agentId: string; agent: BoardAgent | null; onClose(): void; onChanged(): void }>) {
  const { t } = useTranslation('supervision')
  const { t: common } = useTranslation()
  const words = useAgentWords()
  const me = useQuery(meQuery).data
  const mayControl = me?.permissions.includes('agents:control') === true
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={agent === null ? t('agent.gone') : agent.name}
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      <div className={classes['stack']} data-testid="agent-drawer">
        {agent !== null && (
          <p className={classes['head']}>
            <StateMark state={shownAgent(agent)}>{words(agent)}</StateMark>
            <Timer since={agent.since} />
            {agent.state === 'talking' && <FollowCall agentName={agent.name} callId={agent.callId} />}
          </p>
        )}
        {agent !== null && mayControl && me.id !== agentId && (
          <SupervisePanel agentName={agent.name} callId={agent.callId} />
        )}
        {agent !== null && (
          <ForceStatus agentId={agentId} name={agent.name} mayControl={mayControl} onChanged={onChanged} />
        )}
        <AgentDay agentId={agentId} />
      </div>
    </Drawer>
  )
}

function ForceStatus({
  agentId,
  name,
  mayControl,
  onChanged
}: Readonly<{ agentId: string; name: string; mayControl: boolean; onChanged(): void }>) {
  const { t } = useTranslation('supervision')
  const { t: common } = useTranslation()
  const [status, setStatus] = useState<Status>('onBreak')
  const [reason, setReason] = useState('')
  const force = useMutation({
    mutationFn: () => api(`/agents/${agentId}/status`, { method: 'POST', body: { status, reason } }),
    onSuccess() {
      notify(t('force.done', { name, status: common(`status.${status}`) }))
      setReason('')
      onChanged()
    }
  })
  return (
    <form
      className={classes['stack']}
      onSubmit={event => {
        event.preventDefault()
        force.mutate()
      }}
    >
      <h3 className={classes['subtitle']}>{t('force.title')}</h3>
      <NativeSelect
        label={t('force.status')}
        value={status}
        onChange={event => setStatus(STATUSES.find(one => one === event.currentTarget.value) ?? 'onBreak')}
        data={STATUSES.map(value => ({ value, label: common(`status.${value}`) }))}
      />
      <TextInput
        label={t('force.reason')}
        description={t('force.says')}
        maxLength={200}
        value={reason}
        onChange={event => setReason(event.currentTarget.value)}
      />
      {force.isError && <Problem error={force.error} />}
      <div className={classes['head']}>
        <Button
          type="submit"
          variant="default"
          disabled={!mayControl || reason.trim() === ''}
          loading={force.isPending}
        >
          {t('force.submit')}
        </Button>
        {!mayControl && <span>{t('noRight')}</span>}
      </div>
    </form>
  )
}
