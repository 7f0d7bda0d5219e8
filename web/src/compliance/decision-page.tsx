import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link, useParams } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { StoredDecision } from './answers.ts'
import { type ChiefFacts, ChiefFactList } from './chief-facts.tsx'
import classes from './compliance.module.css'
import { ChainState } from './decisions-page.tsx'
import { RuleResults } from './rule-results.tsx'
import { useWords } from './use-words.ts'
import { Verdict } from './verdict.tsx'

/** Why was this call made, or not? A page that can be shown to a regulator. */
export function DecisionPage() {
  const { id = '' } = useParams()
  const { t, i18n } = useTranslation('compliance')
  const { dateTime } = useFormat()
  const words = useWords()
  const stored = useQuery({
    queryKey: ['compliance', 'decision', id, i18n.language],
    queryFn: ({ signal }) =>
      api<StoredDecision>(`/compliance/decisions/${encodeURIComponent(id)}`, {
        query: { language: i18n.language },
        signal
      })
  })
  if (stored.isPending) return <Waiting what={t('decision.waiting')} lines={8} />
  if (stored.isError) return <Problem error={stored.error} onRetry={() => void stored.refetch()} />
  const { decision, replay, ...entry } = stored.data
  return (
    <article className={classes['section']} data-testid="decision">
      <div className={classes['row']}>
        <Verdict outcome={decision.outcome} isLarge />
        <span className={classes['spread']} />
        <Button variant="default" className={classes['noPrint'] ?? ''} onClick={() => print()}>
          {t('decision.print')}
        </Button>
      </div>
      <p>
        {dateTime(entry.at)}{' '}
        <span className={classes['hint']}>
          (<bdi className="ltr">{entry.at.replace('T', ' ').replace(/\.\d+Z$|Z$/, ' UTC')}</bdi>)
        </span>{' '}
        {decision.zones.map(one => t('when.localTime', { zone: one.zone, time: one.local.slice(11, 16) })).join(' · ')}
      </p>
      <ul className={classes['explanation']}>
        {entry.explanation.map(line => (
          <li key={line} dir="auto">
            {line}
          </li>
        ))}
      </ul>
      <RuleResults decision={decision} />
      <section className={classes['section']}>
        <h2>{t('decision.facts')}</h2>
        <ChiefFactList facts={entry.facts as ChiefFacts} />
        <h3>{t('fact.asStored')}</h3>
        <dl className={classes['facts']}>
          <dt>{t('decisions.number')}</dt>
          <dd>{t('decisions.ending', { digits: entry.lastDigits })}</dd>
          <dt>{t('decision.places')}</dt>
          <dd>
            <bdi className="ltr">
              {decision.jurisdictions.join(', ')} ({decision.number.evidence.join(', ')})
            </bdi>
          </dd>
          {Object.entries(entry.facts)
            .filter(([name]) => name !== 'number')
            .map(([name, value]) => (
              <Fact key={name} name={name} value={value} />
            ))}
        </dl>
      </section>
      <section className={classes['section']}>
        <h2>{t('decision.proof')}</h2>
        <ChainState />
        {replay === null ? (
          <p className={classes['hint']}>{t('decision.noReplay')}</p>
        ) : (
          <p data-testid="replay">
            <Icon name={replay.isSame ? 'check' : 'triangle'} size={16} />{' '}
            {replay.isSame
              ? t('decision.replaySame')
              : t('decision.replayOther', {
                  outcome: words.outcome(replay.outcome),
                  reasons: replay.reasons.map(one => words.reason(one)).join(' ')
                })}
          </p>
        )}
        <dl className={classes['facts']}>
          <dt>{t('decision.entry')}</dt>
          <dd>
            <bdi className="ltr">
              {entry.seq} · {entry.id}
            </bdi>
          </dd>
          <dt>{t('decision.hash')}</dt>
          <dd>
            <code className="ltr">{entry.hash}</code>
          </dd>
          <dt>{t('decision.before')}</dt>
          <dd>
            <code className="ltr">{entry.prev}</code>
          </dd>
          <dt>{t('decision.versions')}</dt>
          <dd>
            <bdi className="ltr">
              {entry.engine} · tz {entry.tzdb} · {decision.numberingPlan} · {decision.packs.join(' ')}
            </bdi>
          </dd>
        </dl>
      </section>
      <p className={classes['noPrint']}>
        <Link to="/compliance/decisions">{t('decision.all')}</Link>
      </p>
    </article>
  )
}

function Fact({ name, value }: Readonly<{ name: string; value: unknown }>) {
  return (
    <>
      <dt>
        <code className="ltr">{name}</code>
      </dt>
      <dd>
        <code className="ltr">{typeof value === 'string' ? value : JSON.stringify(value)}</code>
      </dd>
    </>
  )
}
