import { useQuery } from '@tanstack/react-query'
import { useEffect } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useLocation, useParams } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { Pack, PackRule } from './answers.ts'
import classes from './compliance.module.css'
import { Sources } from './rule-results.tsx'
import { Unverified } from './verdict.tsx'

/** What the pages of a version show by themselves; everything else is the rule's own values. */
const SHOWN = new Set(['from', 'to', 'status', 'source', 'note'])

/** One pack: each rule with its dated versions and where its values come from. */
export function PackPage() {
  const { name = '' } = useParams()
  const { hash } = useLocation()
  const { t } = useTranslation('compliance')
  const { date } = useFormat()
  const pack = useQuery({
    queryKey: ['compliance', 'pack', name],
    queryFn: ({ signal }) => api<Pack>(`/compliance/packs/${encodeURIComponent(name)}`, { signal }),
    staleTime: Number.POSITIVE_INFINITY
  })
  const isThere = pack.isSuccess
  useEffect(() => {
    if (isThere && hash !== '') document.getElementById(hash.slice(1))?.scrollIntoView()
  }, [isThere, hash])
  if (pack.isPending) return <Waiting what={t('packs.waiting')} lines={8} />
  if (pack.isError) return <Problem error={pack.error} onRetry={() => void pack.refetch()} />
  const { pack: found, text } = pack.data
  return (
    <article className={classes['section']} data-testid="pack">
      <p>
        <Link to="/compliance/packs">{t('packs.back')}</Link>
      </p>
      <h2 dir="auto">{found.title}</h2>
      <p>
        {t(`layer.${found.kind}` as 'layer.law')} · <bdi className="ltr">{found.version}</bdi> · {t('packs.reviewBy')}{' '}
        {date(found.reviewBy)}
      </p>
      {found.note !== undefined && (
        <p className={classes['hint']} lang="en" dir="auto">
          {found.note}
        </p>
      )}
      {found.rules.map(rule => (
        <Rule key={rule.id} rule={rule} />
      ))}
      <details>
        <summary>{t('packs.source')}</summary>
        <pre className={`ltr ${classes['source']}`}>{text}</pre>
      </details>
    </article>
  )
}

function Rule({ rule }: Readonly<{ rule: PackRule }>) {
  const { t } = useTranslation('compliance')
  return (
    <section className={classes['card']} id={rule.id} aria-label={rule.id}>
      <h3>
        <span lang="en" dir="auto">
          {rule.title}
        </span>{' '}
        <code className="ltr">{rule.id}</code> {rule.certainty === 'UNVERIFIED' && <Unverified />}
      </h3>
      {rule.versions.map(version => (
        <div key={`${version.from} ${version.status}`} className={classes['version']}>
          <p>
            <bdi className="ltr">
              {version.from === '0001-01-01' ? '…' : version.from} – {version.to ?? '…'}
            </bdi>{' '}
            <strong>{t(`status.${version.status}` as 'status.enacted')}</strong>
          </p>
          <pre className={`ltr ${classes['values']}`}>
            {Object.entries(version)
              .filter(([key]) => !SHOWN.has(key))
              .map(([key, value]) => `${key}: ${JSON.stringify(value)}`)
              .join('\n')}
          </pre>
          <Sources sources={version.source} />
        </div>
      ))}
    </section>
  )
}
