import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { FlowComparison } from './flow-api.ts'
import classes from './flows.module.css'

/** What differs between two versions, by meaning. */
export function Comparison({ flowId, from, to }: Readonly<{ flowId: string; from: number; to: number }>) {
  const { t } = useTranslation('flows')
  const { languageName } = useFormat()
  const comparison = useQuery({
    queryKey: ['flows', flowId, 'compare', from, to],
    queryFn: ({ signal }) => api<FlowComparison>(`/flows/${flowId}/compare`, { query: { from, to }, signal })
  })
  if (comparison.isPending) return <Waiting what={t('waiting')} />
  if (comparison.isError) return <Problem error={comparison.error} onRetry={() => void comparison.refetch()} />
  const { isSame, flow, added, removed, renamed, changed, rewired, texts } = comparison.data
  const shown = (value: unknown) => (value == null ? '–' : typeof value === 'string' ? value : JSON.stringify(value))
  return (
    <div data-testid="comparison">
      <h3>{t('compare.title', { from, to })}</h3>
      {isSame && <p>{t('compare.same')}</p>}
      <ul className={classes['ways']}>
        {added.map(one => (
          <li key={`+${one.node}`}>{t('compare.added', { step: one.node })}</li>
        ))}
        {removed.map(one => (
          <li key={`-${one.node}`}>{t('compare.removed', { step: one.node })}</li>
        ))}
        {renamed.map(one => (
          <li key={`=${one.before}`}>{t('compare.renamed', { before: one.before, after: one.after })}</li>
        ))}
        {rewired.map(one => (
          <li key={`>${one.node} ${one.exit}`}>
            {t('compare.rewired', {
              step: one.node,
              exit: one.exit,
              before: one.before ?? '–',
              after: one.after ?? '–'
            })}
          </li>
        ))}
        {texts.map(one => (
          <li key={`"${one.node} ${one.path} ${one.language}`}>
            {t('compare.text', { step: one.node, language: languageName(one.language) })}
            <br />
            <del>
              <bdi lang={one.language}>{one.before ?? '–'}</bdi>
            </del>
            <br />
            <ins>
              <bdi lang={one.language}>{one.after ?? '–'}</bdi>
            </ins>
          </li>
        ))}
        {changed.flatMap(one =>
          one.properties.map(property => (
            <li key={`~${one.node} ${property.path}`}>
              {t('compare.property', {
                where: `${one.node}.${property.path}`,
                before: shown(property.before),
                after: shown(property.after)
              })}
            </li>
          ))
        )}
        {flow.map(property => (
          <li key={`.${property.path}`}>
            {t('compare.property', {
              where: property.path,
              before: shown(property.before),
              after: shown(property.after)
            })}
          </li>
        ))}
      </ul>
    </div>
  )
}
