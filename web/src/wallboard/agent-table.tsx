import { TextInput } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type KeyboardEvent, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { foldForSearch } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { Timer } from '../parts/timer.tsx'
import { type BoardAgent, type BoardQueue, hasFault, shownAgent } from './board.ts'
import { FollowCall } from './follow-call.tsx'
import { ShowChanges } from './show-changes.tsx'
import { useCalmOrder } from './use-calm-order.ts'
import { useAgentWords } from './use-agent-words.ts'
import classes from './wallboard.module.css'

const ROW_PX = 44

/** Everybody who is there, faults first. Only the rows in sight are drawn; arrows move, Enter opens. */
export function AgentTable({
  agents,
  queues,
  onOpen
}: Readonly<{ agents: readonly BoardAgent[]; queues: readonly BoardQueue[]; onOpen(agent: BoardAgent): void }>) {
  const { t } = useTranslation('supervision')
  const [search, setSearch] = useState('')
  const wanted = foldForSearch(search)
  const found = agents.filter(agent => foldForSearch(agent.name).includes(wanted))
  const { rows, moved, settle, props } = useCalmOrder(found, agent => agent.id)
  const box = useRef<HTMLElement>(null)
  const queueNames = new Map(queues.map(queue => [queue.id, queue.name]))
  const virtual = useVirtualizer({
    count: rows.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 12
  })
  const shown = virtual.getVirtualItems()
  const before = shown[0]?.start ?? 0
  const after = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0)

  const move = (event: KeyboardEvent<HTMLElement>) => {
    const steps = { ArrowDown: 1, ArrowUp: -1, Home: -rows.length, End: rows.length }[event.key]
    const at = Number((event.target as HTMLElement).dataset['at'] ?? Number.NaN)
    if (steps === undefined || Number.isNaN(at)) return
    event.preventDefault()
    const next = Math.min(rows.length - 1, Math.max(0, at + steps))
    virtual.scrollToIndex(next)
    requestAnimationFrame(() => box.current?.querySelector<HTMLElement>(`[data-at="${next}"]`)?.focus())
  }

  return (
    <div className="card" {...props}>
      <div className={classes['head']}>
        <h2 id="agents-title" className={classes['subtitle']}>
          {t('agents.title', { count: agents.length })}
        </h2>
        <ShowChanges count={moved} onShow={settle} />
        <TextInput
          aria-label={t('agents.search')}
          placeholder={t('agents.search')}
          leftSection={<Icon name="search" size={16} />}
          value={search}
          onChange={event => setSearch(event.currentTarget.value)}
        />
      </div>
      <section
        ref={box}
        className={classes['agents']}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        tabIndex={0}
        aria-label={t('agents.title', { count: agents.length })}
        onKeyDown={move}
      >
        <table className={classes['table']} aria-rowcount={rows.length + 1}>
          <thead>
            <tr>
              <th scope="col">{t('agents.agent')}</th>
              <th scope="col">{t('agents.state')}</th>
              <th scope="col">{t('agents.since')}</th>
              <th scope="col">{t('agents.queue')}</th>
            </tr>
          </thead>
          <tbody>
            {before > 0 && <Spacer height={before} />}
            {shown.map(({ index }) => {
              const agent = rows[index]
              return agent === undefined ? null : (
                <Row
                  key={agent.id}
                  agent={agent}
                  at={index}
                  queue={agent.queueId === null ? null : (queueNames.get(agent.queueId) ?? null)}
                  onOpen={onOpen}
                />
              )
            })}
            {after > 0 && <Spacer height={after} />}
          </tbody>
        </table>
        {rows.length === 0 && (
          <p className={classes['goal']}>{search === '' ? t('agents.nobody') : t('agents.noMatch', { search })}</p>
        )}
      </section>
    </div>
  )
}

function Row({
  agent,
  at,
  queue,
  onOpen
}: Readonly<{ agent: BoardAgent; at: number; queue: string | null; onOpen(agent: BoardAgent): void }>) {
  const words = useAgentWords()
  return (
    <tr aria-rowindex={at + 2} data-testid="agent-row" data-agent={agent.name} data-fault={hasFault(agent)}>
      <th scope="row">
        <button type="button" className={classes['name']} data-at={at} onClick={() => onOpen(agent)}>
          <bdi>{agent.name}</bdi>
        </button>
      </th>
      <td>
        <StateMark state={shownAgent(agent)}>{words(agent)}</StateMark>{' '}
        {agent.state === 'talking' && <FollowCall agentName={agent.name} callId={agent.callId} />}
      </td>
      <td>
        <Timer since={agent.since} />
      </td>
      <td>{queue === null ? '–' : <bdi>{queue}</bdi>}</td>
    </tr>
  )
}

function Spacer({ height }: Readonly<{ height: number }>) {
  return (
    <tr>
      <td colSpan={4} style={{ height, padding: 0, border: 0 }} />
    </tr>
  )
}
