import { useTranslation } from 'react-i18next'
import type { BotNote as Note } from '../../../server/softphone/protocol.ts'
import { useFormat } from '../i18n/format.ts'
import { useSecondsSince } from '../parts/clock.ts'
import { Icon } from '../parts/icons.tsx'
import { CustomerText } from '../parts/people.tsx'
import classes from './bot-note.module.css'

/** What a bot hands over, marked as a bot's: its reason, what was said, what it found out. */
export function BotNote({ note, language }: Readonly<{ note: Note; language: string | null }>) {
  const { t } = useTranslation('desk')
  const { duration } = useFormat()
  const ago = duration(useSecondsSince(note.endedAt) * 1000)
  const speaker = { customer: t('card.bot.customer'), bot: t('card.bot.bot') }
  return (
    <div className={classes['note']} data-testid="bot-note">
      <p className={classes['from']}>
        <Icon name="speaker" size={16} /> {t('card.bot.from', { ago })}
      </p>
      <p>{t(`card.bot.reason.${note.reason as 'asked'}`)}</p>
      {note.mood === 'annoyed' && note.reason !== 'frustrated' && (
        <p className={classes['mood']}>
          <Icon name="triangleOutline" size={16} /> {t('card.bot.annoyed')}
        </p>
      )}
      {note.topics.length > 0 && (
        <p>
          <CustomerText lang={language}>{t('card.bot.topics', { topics: note.topics.join(' · ') })}</CustomerText>
        </p>
      )}
      {note.facts.length > 0 && (
        <p>
          {note.facts.map((fact, at) => (
            <span key={`${fact.label} ${fact.value}`}>
              {at > 0 && ' · '}
              <bdi>{fact.label}</bdi>: <bdi>{fact.value}</bdi>
            </span>
          ))}
        </p>
      )}
      <details>
        <summary>{t('card.bot.said')}</summary>
        <p className={classes['from']}>{t('card.bot.mayBeWrong')}</p>
        <ol className={classes['said']}>
          {note.utterances.map((one, at) => (
            // biome-ignore lint/suspicious/noArrayIndexKey: utterances have no name of their own, and never change
            <li key={at} data-speaker={one.speaker}>
              <strong>{speaker[one.speaker]}</strong> <CustomerText lang={language}>{one.text}</CustomerText>
            </li>
          ))}
        </ol>
      </details>
    </div>
  )
}
