import '@mantine/core/styles/Timeline.layer.css'
import { Timeline, Title } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { Icon, type IconName } from '../parts/icons.tsx'
import type { StoryKind, StoryStep } from './story.ts'

const ICONS: Readonly<Record<StoryKind, IconName>> = {
  started: 'handset',
  flowChosen: 'list',
  answered: 'check',
  promptStarted: 'speaker',
  digitsCollected: 'keypad',
  queueEntered: 'threeHeads',
  legStarted: 'bell',
  legAnswered: 'check',
  bridged: 'twoHeads',
  queueLeft: 'door',
  ended: 'handsetDown'
}

/** What has happened in the call so far, growing while it happens. */
export function StoryList({ story }: Readonly<{ story: readonly StoryStep[] }>) {
  const { t } = useTranslation('start')
  const { clock } = useFormat()
  return (
    <section className="card" data-testid="story">
      <Title order={2} size="h4" mb="md">
        {t('story.title')}
      </Title>
      {story.length === 0 && <p>{t('story.empty')}</p>}
      <Timeline active={story.length} bulletSize={28} lineWidth={2}>
        {story.map(step => (
          <Timeline.Item
            key={step.seq}
            bullet={<Icon name={ICONS[step.kind]} size={16} />}
            title={t(`story.${step.kind}`)}
          >
            <time className="tabular" dateTime={step.at}>
              {clock(step.at)}
            </time>
          </Timeline.Item>
        ))}
      </Timeline>
    </section>
  )
}
