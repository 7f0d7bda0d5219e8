import { Badge, DataList, Loader } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { CardSource, CustomerCard } from '../../../server/softphone/protocol.ts'
import { BotNote } from '../bots/bot-note.tsx'
import { useFormat } from '../i18n/format.ts'
import { useMinute } from '../parts/clock.ts'
import { Icon } from '../parts/icons.tsx'
import { CustomerText, PhoneNumber } from '../parts/people.tsx'
import classes from './card.module.css'

/** Who this is and why they call; every field names its source, and what is late or has failed says so. */
export function Card({ customer, language }: Readonly<{ customer: CustomerCard; language: string | null }>) {
  const { t } = useTranslation('desk')
  const { languageName, regionName } = useFormat()
  const spoken = customer.language ?? language
  return (
    <div className="card" data-testid="card">
      <div className={classes['why']}>
        <span className={classes['label']}>{t('card.whyNow')}</span>
        {customer.reason === null ? (
          <span className={classes['none']}>{t('card.noReason')}</span>
        ) : (
          <strong data-testid="reason">
            <CustomerText lang={spoken}>{customer.reason}</CustomerText>
          </strong>
        )}
        {customer.bot !== null && <BotNote note={customer.bot} language={spoken} />}
      </div>
      <h2 className={classes['name']} id="customer-title">
        {customer.name === null ? (
          <PhoneNumber number={customer.number} />
        ) : (
          <CustomerText lang={customer.language}>{customer.name}</CustomerText>
        )}
      </h2>
      <div className={classes['facts']}>
        {customer.name !== null && <PhoneNumber number={customer.number} />}
        {customer.isSimulated && (
          <Badge variant="outline" tt="none" data-testid="scripted-caller">
            {t('card.scripted')}
          </Badge>
        )}
        {spoken !== null && (
          <Badge variant="default" tt="none">
            {languageName(spoken)}
          </Badge>
        )}
        {customer.country !== null && (
          <span>
            {regionName(customer.country)} <span className={classes['code']}>{customer.country}</span>
          </span>
        )}
        {customer.timeZone !== null && <TimeThere timeZone={customer.timeZone} />}
      </div>
      {customer.name === null && customer.number !== null && customer.history.length === 0 && (
        <p className={classes['none']}>{t('card.firstCall')}</p>
      )}
      {customer.number === null && <p className={classes['none']}>{t('card.hidden')}</p>}
      {customer.answers.length > 0 && (
        <Section title={t('card.flow')}>
          <p className={classes['path']}>
            {customer.answers.map((field, index) => (
              <span key={`${field.label} ${field.value}`}>
                {index > 0 && ' · '}
                <bdi>{field.label}</bdi>: <CustomerText lang={spoken}>{field.value}</CustomerText>
              </span>
            ))}
          </p>
        </Section>
      )}
      {customer.sources.map(source => (
        <Section key={source.name} title={source.name}>
          <Source source={source} />
        </Section>
      ))}
      <Section title={t('card.history')}>
        <History customer={customer} />
      </Section>
    </div>
  )
}

function Section({ title, children }: Readonly<{ title: string; children: React.ReactNode }>) {
  return (
    <section className={classes['section']}>
      <h3 className={classes['label']}>
        <bdi>{title}</bdi>
      </h3>
      {children}
    </section>
  )
}

function TimeThere({ timeZone }: Readonly<{ timeZone: string }>) {
  const { t } = useTranslation('desk')
  const { timeIn, time } = useFormat()
  const now = new Date(useMinute())
  const there = timeIn(now, timeZone)
  const here = time(now)
  const place = timeZone.replace(/^.*\//, '').replaceAll('_', ' ')
  return <span>{there === here ? t('card.timeSame', { there }) : t('card.timeThere', { there, place, here })}</span>
}

function Source({ source }: Readonly<{ source: CardSource }>) {
  const { t } = useTranslation('desk')
  const { number } = useFormat()
  const seconds = source.tookMs === null ? '' : number(Math.round(source.tookMs / 100) / 10)
  if (source.state === 'loading')
    return (
      <p className={classes['none']}>
        <Loader size="xs" /> {t('card.loading')}
      </p>
    )
  if (source.state === 'failed')
    return (
      <p className={classes['failed']} data-testid="source-failed">
        <Icon name="triangle" size={16} /> {t('card.failed', { name: source.name })} {source.problem}
      </p>
    )
  return (
    <>
      {source.state === 'late' && (
        <p className={classes['none']}>
          <Icon name="triangleOutline" size={16} /> {t('card.late')}
        </p>
      )}
      <DataList size="sm" labelWidth="40%">
        {source.fields.map(field => (
          <DataList.Item key={field.label}>
            <DataList.ItemLabel>
              <bdi>{field.label}</bdi>
            </DataList.ItemLabel>
            <DataList.ItemValue>
              <CustomerText>{field.value}</CustomerText>
            </DataList.ItemValue>
          </DataList.Item>
        ))}
      </DataList>
      {seconds !== '' && <p className={classes['source']}>{t('card.source', { name: source.name, seconds })}</p>}
    </>
  )
}

function History({ customer }: Readonly<{ customer: CustomerCard }>) {
  const { t } = useTranslation('desk')
  const { dateTime, duration } = useFormat()
  if (customer.history.length === 0) return <p className={classes['none']}>{t('card.noHistory')}</p>
  return (
    <ol className={classes['history']}>
      {customer.history.map(entry => (
        <li key={entry.callId}>
          <details>
            <summary>
              <time dateTime={entry.at}>{dateTime(entry.at)}</time>{' '}
              <bdi>{entry.disposition ?? t('card.noOutcome')}</bdi>
            </summary>
            <p className={classes['path']}>
              {t(`card.direction.${entry.direction}`)}
              {entry.queue !== null && (
                <>
                  {' · '}
                  <bdi>{entry.queue}</bdi>
                </>
              )}
              {entry.agent !== null && (
                <>
                  {' · '}
                  <bdi>{entry.agent}</bdi>
                </>
              )}
              {entry.talkMs !== null && ` · ${duration(entry.talkMs)}`}
            </p>
            {entry.note !== null && (
              <p className={classes['note']} dir="auto">
                {entry.note}
              </p>
            )}
          </details>
        </li>
      ))}
    </ol>
  )
}
