import '@mantine/core/styles/Drawer.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Button, Drawer, NumberInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { meQuery } from '../api/session.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Board, BoardQueue } from './board.ts'
import { candidatesFor, type HelpAgent, type HelpQueue, withSkills } from './help.ts'
import classes from './wallboard.module.css'

const MINUTE_MS = 60_000

/** What can be done now for a queue that cannot keep up: more agents, another queue, a call back. */
export function HelpDrawer({ queue, board, onClose }: Readonly<{ queue: BoardQueue; board: Board; onClose(): void }>) {
  const { t } = useTranslation('supervision')
  const { t: common } = useTranslation()
  const settings = useQuery({
    queryKey: ['queues', queue.id],
    queryFn: ({ signal }) => api<HelpQueue>(`/queues/${queue.id}`, { signal })
  })
  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={t('help.title', { queue: queue.name })}
      closeButtonProps={{ 'aria-label': common('action.close') }}
    >
      <div className={classes['stack']} data-testid="help">
        {settings.isPending && <Waiting what={t('help.waiting')} />}
        {settings.isError && <Problem error={settings.error} onRetry={() => void settings.refetch()} />}
        {settings.isSuccess && (
          <>
            <MoreAgents queue={settings.data} board={board} />
            <Overflow queue={settings.data} board={board} />
            <Callback queue={settings.data} />
          </>
        )}
      </div>
    </Drawer>
  )
}

function MoreAgents({ queue, board }: Readonly<{ queue: HelpQueue; board: Board }>) {
  const { t } = useTranslation('supervision')
  const client = useQueryClient()
  const agents = useQuery({
    queryKey: ['agents', 'all'],
    queryFn: ({ signal }) => everyPage<HelpAgent>('/agents', signal)
  })
  const set = useMutation({
    mutationFn: ({ agent, skills }: Readonly<{ agent: HelpAgent; skills: HelpAgent['skills'] }>) =>
      api(`/agents/${agent.id}/skills`, { method: 'PUT', body: skills }),
    onSuccess(_, { agent, skills }) {
      void client.invalidateQueries({ queryKey: ['agents'] })
      if (skills === agent.skills) return
      notify(t('help.moved', { name: agent.name, queue: queue.name }), {
        undo: () => set.mutate({ agent, skills: agent.skills })
      })
    }
  })
  if (agents.isPending) return <Waiting what={t('help.waiting')} />
  if (agents.isError) return <Problem error={agents.error} onRetry={() => void agents.refetch()} />
  const present = new Set(board.agents.map(agent => agent.id))
  const candidates = candidatesFor(
    queue,
    agents.data.filter(agent => present.has(agent.id))
  )
  return (
    <Choice title={t('help.agents')} says={t('help.agentsSays')}>
      {candidates.length === 0 && <p>{t('help.noAgents')}</p>}
      {set.isError && <Problem error={set.error} />}
      <ul className={classes['list']}>
        {candidates.map(({ agent, missing }) => (
          <li key={agent.id} className={classes['entry']}>
            <span>
              <bdi>{agent.name}</bdi>{' '}
              <span className={classes['goal']}>
                {t('help.missing', { skills: listOf(missing.map(one => one.skill)) })}
              </span>
            </span>
            <Button
              size="compact-md"
              mih={32}
              variant="default"
              aria-label={t('help.moveOf', { name: agent.name })}
              onClick={() => set.mutate({ agent, skills: withSkills(agent.skills, missing) })}
            >
              {t('help.move')}
            </Button>
          </li>
        ))}
      </ul>
    </Choice>
  )
}

function Overflow({ queue, board }: Readonly<{ queue: HelpQueue; board: Board }>) {
  const { t } = useTranslation('supervision')
  const { duration } = useFormat()
  const change = useQueueChange(queue)
  const others = board.queues.filter(one => one.id !== queue.id && one.isOpen)
  const [minutes, setMinutes] = useState<number | string>((queue.maxWaitMs ?? 5 * MINUTE_MS) / MINUTE_MS)
  const maxWaitMs = Math.round(Number(minutes) * MINUTE_MS)
  return (
    <Choice title={t('help.overflow')} says={t('help.overflowSays')}>
      <NumberInput
        label={t('help.after')}
        value={minutes}
        min={0.1}
        max={1440}
        onChange={setMinutes}
        decimalScale={1}
      />
      <ul className={classes['list']}>
        {others.map(other => (
          <li key={other.id} className={classes['entry']}>
            <span>
              <bdi>{other.name}</bdi>{' '}
              <span className={classes['goal']}>
                {t('help.load', { free: other.free, longest: duration(other.longestWaitMs) })}
              </span>
            </span>
            <Button
              size="compact-md"
              mih={32}
              variant="default"
              disabled={!change.mayChange || !(maxWaitMs >= 1000)}
              aria-label={t('help.sendTo', { queue: other.name })}
              onClick={() => change.mutate({ maxWaitMs, overflow: { kind: 'queue', value: other.name } })}
            >
              {t('help.send')}
            </Button>
          </li>
        ))}
      </ul>
      <WhyNot change={change} />
    </Choice>
  )
}

function Callback({ queue }: Readonly<{ queue: HelpQueue }>) {
  const { t } = useTranslation('supervision')
  const { duration } = useFormat()
  const change = useQueueChange(queue)
  return (
    <Choice title={t('help.callback')} says={t('help.callbackSays')}>
      <p>
        {queue.callbackAfterMs === null
          ? t('help.callbackOff')
          : t('help.callbackOn', { time: duration(queue.callbackAfterMs) })}
      </p>
      <div className={classes['head']}>
        <Button
          variant="default"
          disabled={!change.mayChange}
          onClick={() => change.mutate({ callbackAfterMs: queue.callbackAfterMs === null ? MINUTE_MS : null })}
        >
          {queue.callbackAfterMs === null ? t('help.callbackOffer') : t('help.callbackStop')}
        </Button>
      </div>
      <WhyNot change={change} />
    </Choice>
  )
}

function useQueueChange(queue: HelpQueue) {
  const { t } = useTranslation('supervision')
  const client = useQueryClient()
  const me = useQuery(meQuery).data
  const mutation = useMutation({
    mutationFn: (fields: Partial<HelpQueue>) => api(`/queues/${queue.id}`, { method: 'PATCH', body: fields }),
    onSuccess(_, fields) {
      void client.invalidateQueries({ queryKey: ['queues'] })
      const before = Object.fromEntries(Object.keys(fields).map(key => [key, queue[key as keyof HelpQueue]]))
      const isUndo = Object.entries(before).every(([key, value]) => fields[key as keyof HelpQueue] === value)
      if (!isUndo) notify(t('help.changed', { queue: queue.name }), { undo: () => mutation.mutate(before) })
    }
  })
  return {
    mayChange: me?.permissions.includes('queues:write') === true,
    error: mutation.error,
    mutate: (fields: Partial<HelpQueue>) => mutation.mutate(fields)
  }
}

function WhyNot({ change }: Readonly<{ change: ReturnType<typeof useQueueChange> }>) {
  const { t } = useTranslation('supervision')
  return (
    <>
      {!change.mayChange && <p className={classes['goal']}>{t('noRight')}</p>}
      {change.error !== null && <Problem error={change.error} />}
    </>
  )
}

function Choice({ title, says, children }: Readonly<{ title: string; says: string; children: ReactNode }>) {
  return (
    <section className={classes['stack']}>
      <h3 className={classes['subtitle']}>{title}</h3>
      <p className={classes['goal']}>{says}</p>
      {children}
    </section>
  )
}
