import '@mantine/core/styles/Drawer.layer.css'
import { Button, EmptyState } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { meQuery } from '../api/session.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { AgentDrawer } from './agent-drawer.tsx'
import { AgentTable } from './agent-table.tsx'
import { faultsFirst, queueStep, worstQueuesFirst } from './board.ts'
import { HelpDrawer } from './help-drawer.tsx'
import { QueueTable } from './queue-table.tsx'
import { Tiles } from './tiles.tsx'
import { TvLinks } from './tv-links.tsx'
import { Act, Age, useSpokenCrossings } from './board-parts.tsx'
import { RecordingAlarms } from './recording-alarms.tsx'
import { useBoard } from './use-board.ts'
import classes from './wallboard.module.css'

/** Where a person is needed now. */
export function WallboardPage() {
  const { t } = useTranslation('supervision')
  const live = useBoard()
  const me = useQuery(meQuery).data
  const [helpFor, setHelpFor] = useState<string | null>(null)
  const [agentId, setAgentId] = useState<string | null>(null)
  const [isSharing, setSharing] = useState(false)
  const { board, isOld } = live
  useSpokenCrossings(board)
  if (board === null)
    return live.error === null ? (
      <Waiting what={t('waiting')} lines={6} />
    ) : (
      <Problem error={live.error} onRetry={live.refresh} />
    )
  const queues = worstQueuesFirst(board.queues)
  const acting = queues.filter(queue => queueStep(queue) === 'act')
  const helped = queues.find(queue => queue.id === helpFor)
  const agent = board.agents.find(one => one.id === agentId)
  const mayHelp = me?.permissions.includes('agents:control') === true
  return (
    <div className={classes['page']} data-old={isOld} data-testid="wallboard">
      <div className={classes['head']}>
        <h1 className={classes['title']}>{t('title')}</h1>
        <Age live={live} />
        {me?.permissions.includes('wallboard:share') === true && (
          <Button
            variant="default"
            leftSection={<Icon name="desk" size={16} />}
            data-testid="share"
            onClick={() => setSharing(true)}
          >
            {t('tv.enter')}
          </Button>
        )}
      </div>
      <RecordingAlarms />
      {!isOld && acting.map(queue => <Act key={queue.id} queue={queue} onHelp={mayHelp ? setHelpFor : null} />)}
      <Tiles board={board} isOld={isOld} />
      {queues.length === 0 ? (
        <EmptyState icon={<Icon name="list" size={32} />} title={t('empty.title')} description={t('empty.says')} />
      ) : (
        <QueueTable queues={queues} isOld={isOld} onHelp={mayHelp ? queue => setHelpFor(queue.id) : null} />
      )}
      <AgentTable agents={faultsFirst(board.agents)} queues={board.queues} onOpen={one => setAgentId(one.id)} />
      {helped !== undefined && <HelpDrawer queue={helped} board={board} onClose={() => setHelpFor(null)} />}
      {isSharing && <TvLinks onClose={() => setSharing(false)} />}
      {agentId !== null && (
        <AgentDrawer
          agentId={agentId}
          agent={agent ?? null}
          onClose={() => setAgentId(null)}
          onChanged={live.refresh}
        />
      )}
    </div>
  )
}
