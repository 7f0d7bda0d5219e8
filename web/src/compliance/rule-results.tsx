import { useQueries } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import type { Decision, Pack, RuleResult, Source } from './answers.ts'
import classes from './compliance.module.css'
import { useWords } from './use-words.ts'
import { Unverified } from './verdict.tsx'

/** Every rule that was looked at: first those that said no, with their sources, then those that passed, folded. */
export function RuleResults({ decision }: Readonly<{ decision: Decision }>) {
  const { t } = useTranslation('compliance')
  const failed = decision.results.filter(one => one.reasons.length > 0)
  const passed = decision.results.filter(one => one.reasons.length === 0)
  const packs = useQueries({
    queries: [...new Set(failed.map(one => one.pack))]
      .filter(name => name !== 'core' || failed.some(one => one.pack === name && one.version !== null))
      .map(name => ({
        queryKey: ['compliance', 'pack', name],
        queryFn: ({ signal }: { signal: AbortSignal }) => api<Pack>(`/compliance/packs/${name}`, { signal }),
        staleTime: Number.POSITIVE_INFINITY
      }))
  }).flatMap(query => (query.data === undefined ? [] : [query.data]))
  return (
    <section className={classes['section']} aria-label={t('decision.rules')}>
      <h2>{t('decision.saidNo', { no: failed.length, count: decision.results.length })}</h2>
      <ul className={classes['rules']}>
        {failed.map(one => (
          <FailedRule key={one.rule} result={one} packs={packs} />
        ))}
      </ul>
      <details>
        <summary>{t('decision.passed', { count: passed.length })}</summary>
        <ul className={classes['rules']}>
          {passed.map(one => (
            <li key={one.rule}>
              <Icon name="check" size={16} /> <code className="ltr">{one.rule}</code>{' '}
              {one.exemptBy !== null && <span>{t('decision.exempt', { by: one.exemptBy })}</span>}
            </li>
          ))}
        </ul>
      </details>
      {decision.shadow.some(one => !one.ok) && (
        <p className={classes['hint']}>
          {t('decision.shadow')}{' '}
          {decision.shadow
            .filter(one => !one.ok)
            .map(one => one.rule)
            .join(', ')}
        </p>
      )}
    </section>
  )
}

function FailedRule({ result, packs }: Readonly<{ result: RuleResult; packs: readonly Pack[] }>) {
  const { t } = useTranslation('compliance')
  const { dateTime } = useFormat()
  const words = useWords()
  const rule = packs.find(one => one.pack.pack === result.pack)?.pack.rules.find(one => one.id === result.rule)
  const sources = rule?.versions.find(one => one.from === result.version)?.source ?? []
  return (
    <li data-ok="false">
      <Icon name="cross" size={16} />{' '}
      <Link to={`/compliance/packs/${result.pack}#${result.rule}`}>
        <code className="ltr">{result.rule}</code>
      </Link>{' '}
      {rule !== undefined && <span lang="en">{rule.title}</span>}{' '}
      <span className={classes['hint']}>· {t(`layer.${result.layer}`)}</span>{' '}
      {result.certainty === 'UNVERIFIED' && <Unverified />}
      <p>{result.reasons.map(reason => words.reason(reason)).join(' ')}</p>
      {result.next !== null && <p>{t('decision.ruleNext', { at: dateTime(result.next) })}</p>}
      {result.exemptBy !== null && <p>{t('decision.exempt', { by: result.exemptBy })}</p>}
      {sources.length > 0 && <Sources sources={sources} />}
    </li>
  )
}

/** Where a value comes from, with its grade. */
export function Sources({ sources }: Readonly<{ sources: readonly Source[] }>) {
  const { t } = useTranslation('compliance')
  return (
    <ul className={classes['sources']}>
      {sources.map(source => (
        <li key={source.cite}>
          {source.url === undefined ? (
            <span lang="und" dir="auto">
              {source.cite}
            </span>
          ) : (
            <a href={source.url} rel="noreferrer noopener" target="_blank">
              {source.cite}
            </a>
          )}{' '}
          <span className={classes['hint']}>{t(`grade.${source.grade}` as 'grade.P')}</span>
        </li>
      ))}
    </ul>
  )
}
