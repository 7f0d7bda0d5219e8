import '@mantine/core/styles/Drawer.layer.css'
import { Button, Drawer, EmptyState, Tabs, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { DeskDestination } from '../../../server/softphone/protocol.ts'
import { agentsQuery, type DirectoryAgent, queuesQuery } from '../api/directory.ts'
import { foldForSearch, useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import type { ShownState } from '../parts/shown-states.ts'
import { StateMark } from '../parts/state-mark.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { useAct, useSoftphoneView } from '../softphone/softphone-provider.tsx'
import classes from './directory.module.css'
import { toDialled } from './dialled.ts'

type DirectoryProps = Readonly<{ onClose(): void }> &
  (Readonly<{ purpose: 'transfer'; callId: string }> | Readonly<{ purpose: 'call' }>)

/** People, queues and numbers, with their state and waits: to hand a customer to, to consult, or to call. */
export function Directory(props: DirectoryProps) {
  const { t } = useTranslation()
  const act = useAct()
  const [search, setSearch] = useState('')
  const { onClose } = props

  const actionsFor = (destination: DeskDestination, name: string): ReactNode => {
    if (props.purpose === 'call')
      return (
        <Button
          size="sm"
          leftSection={<Icon name="handset" size={16} />}
          aria-label={t('directory.callTo', { name })}
          onClick={() => {
            const purpose = destination.kind === 'number' ? 'service' : 'internal'
            act(softphone => softphone.request('dial', { destination, purpose }))
            onClose()
          }}
        >
          {t('directory.call')}
        </Button>
      )
    const { callId } = props
    return (
      <>
        <Button
          size="sm"
          variant="default"
          aria-label={t('directory.consultTo', { name })}
          onClick={() => {
            act(softphone => softphone.request('consult.start', { callId, destination }))
            onClose()
          }}
        >
          {t('directory.consult')}
        </Button>
        <Button
          size="sm"
          aria-label={t('directory.transferTo', { name })}
          onClick={() => {
            act(softphone => softphone.request('transfer.blind', { callId, destination }))
            onClose()
          }}
        >
          {t('directory.transfer')}
        </Button>
      </>
    )
  }

  return (
    <Drawer
      opened
      onClose={onClose}
      position="right"
      size="lg"
      title={props.purpose === 'call' ? t('directory.callTitle') : t('directory.transferTitle')}
      closeButtonProps={{ 'aria-label': t('action.close') }}
    >
      <Tabs defaultValue="people" data-testid="directory">
        <Tabs.List>
          <Tabs.Tab value="people">{t('directory.people')}</Tabs.Tab>
          <Tabs.Tab value="queues">{t('directory.queues')}</Tabs.Tab>
          <Tabs.Tab value="number">{t('directory.number')}</Tabs.Tab>
        </Tabs.List>
        <Tabs.Panel value="people" pt="md">
          <SearchField value={search} onChange={setSearch} />
          <People search={search} actionsFor={actionsFor} />
        </Tabs.Panel>
        <Tabs.Panel value="queues" pt="md">
          <SearchField value={search} onChange={setSearch} />
          <Queues search={search} actionsFor={actionsFor} />
        </Tabs.Panel>
        <Tabs.Panel value="number" pt="md">
          <NumberField actionsFor={actionsFor} />
        </Tabs.Panel>
      </Tabs>
    </Drawer>
  )
}

type ListProps = Readonly<{ search: string; actionsFor(destination: DeskDestination, name: string): ReactNode }>

function People({ search, actionsFor }: ListProps) {
  const { t } = useTranslation()
  const { compare } = useFormat()
  const { hello } = useSoftphoneView()
  const agents = useQuery(agentsQuery)
  if (agents.isPending) return <Waiting what={t('waiting.people')} />
  if (agents.isError) return <Problem error={agents.error} onRetry={() => void agents.refetch()} />
  const wanted = foldForSearch(search)
  const found = agents.data
    .filter(agent => agent.id !== hello?.agent.id && foldForSearch(agent.displayName).includes(wanted))
    .sort((a, b) => rankOf(a) - rankOf(b) || compare(a.displayName, b.displayName))
  if (found.length === 0) return <NobodyFound search={search} />
  return (
    <ul className={classes['list']}>
      {found.map(agent => (
        <li key={agent.id} className={classes['entry']}>
          <span className={classes['who']}>
            <bdi className={classes['name']}>{agent.displayName}</bdi>
            <StateMark state={shownAgent(agent)}>{t(`state.${shownAgent(agent)}`)}</StateMark>
          </span>
          {actionsFor({ kind: 'agent', agentId: agent.id }, agent.displayName)}
        </li>
      ))}
    </ul>
  )
}

function Queues({ search, actionsFor }: ListProps) {
  const { t, i18n } = useTranslation()
  const { compare, duration } = useFormat()
  const queues = useQuery(queuesQuery)
  if (queues.isPending) return <Waiting what={t('waiting.queues')} />
  if (queues.isError) return <Problem error={queues.error} onRetry={() => void queues.refetch()} />
  const wanted = foldForSearch(search)
  const found = queues.data
    .map(queue => ({ ...queue, shown: queue.labels?.[i18n.language] ?? queue.name }))
    .filter(queue => foldForSearch(`${queue.shown} ${queue.name}`).includes(wanted))
    .sort((a, b) => compare(a.shown, b.shown))
  if (found.length === 0) return <NobodyFound search={search} />
  return (
    <ul className={classes['list']}>
      {found.map(queue => (
        <li key={queue.id} className={classes['entry']}>
          <span className={classes['who']}>
            <bdi className={classes['name']}>{queue.shown}</bdi>
            {queue.waiting !== undefined && (
              <span>
                {t('queue.waiting', { count: queue.waiting })}
                {queue.longestWaitMs !== undefined &&
                  queue.waiting > 0 &&
                  ` · ${t('queue.longest', { time: duration(queue.longestWaitMs) })}`}
              </span>
            )}
          </span>
          {actionsFor({ kind: 'queue', queueId: queue.id }, queue.shown)}
        </li>
      ))}
    </ul>
  )
}

function NumberField({ actionsFor }: Pick<ListProps, 'actionsFor'>) {
  const { t } = useTranslation()
  const [text, setText] = useState('')
  const destination = toDialled(text)
  return (
    <div className={classes['number']}>
      <TextInput
        label={t('directory.number')}
        description={t('directory.numberSays')}
        className="ltr"
        inputMode="tel"
        autoComplete="off"
        value={text}
        onChange={event => setText(event.currentTarget.value)}
        error={text.length > 3 && destination === null ? t('directory.numberWrong') : null}
      />
      <div className={classes['entry']}>{destination !== null && actionsFor(destination, text)}</div>
    </div>
  )
}

function SearchField({ value, onChange }: Readonly<{ value: string; onChange(text: string): void }>) {
  const { t } = useTranslation()
  return (
    <TextInput
      aria-label={t('directory.search')}
      placeholder={t('directory.search')}
      leftSection={<Icon name="search" size={16} />}
      mb="sm"
      value={value}
      onChange={event => onChange(event.currentTarget.value)}
    />
  )
}

function NobodyFound({ search }: Readonly<{ search: string }>) {
  const { t } = useTranslation()
  return (
    <EmptyState
      icon={<Icon name="search" size={32} />}
      title={search === '' ? t('directory.empty') : t('directory.noMatch', { search })}
    />
  )
}

function shownAgent({ status, state }: DirectoryAgent): ShownState {
  if (state !== 'idle') return state
  return status === 'available' ? 'free' : status
}

/** Those who can answer now come first. */
function rankOf(agent: DirectoryAgent): number {
  const shown = shownAgent(agent)
  return shown === 'free' ? 0 : shown === 'offline' ? 2 : 1
}
