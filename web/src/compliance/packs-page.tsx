import { NativeSelect, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { foldForSearch, useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { PackRow } from './answers.ts'
import { ComparePacks } from './compare-packs.tsx'
import classes from './compliance.module.css'
import { Unverified } from './verdict.tsx'

const KINDS = ['law', 'code', 'courtesy', 'house'] as const

/** The packs in force, by place, with what is not confirmed and what is due for review. */
export function PacksPage() {
  const { t } = useTranslation('compliance')
  const { date } = useFormat()
  const [search, setSearch] = useState('')
  const [kind, setKind] = useState('')
  const packs = useQuery({
    queryKey: ['compliance', 'packs'],
    queryFn: ({ signal }) => api<{ hash: string; items: readonly PackRow[] }>('/compliance/packs', { signal })
  })
  if (packs.isPending) return <Waiting what={t('packs.waiting')} lines={8} />
  if (packs.isError) return <Problem error={packs.error} onRetry={() => void packs.refetch()} />
  const wanted = foldForSearch(search)
  const rows = packs.data.items.filter(
    row =>
      (kind === '' || row.kind === kind) &&
      foldForSearch(`${row.pack} ${row.title} ${row.jurisdictions.join(' ')}`).includes(wanted)
  )
  return (
    <div className={classes['section']} data-testid="packs">
      <div className={classes['row']}>
        <TextInput
          label={t('packs.search')}
          value={search}
          onChange={event => setSearch(event.currentTarget.value)}
          leftSection={<Icon name="search" size={16} />}
        />
        <NativeSelect
          label={t('packs.kind')}
          value={kind}
          data={[{ value: '', label: t('packs.all') }, ...KINDS.map(value => ({ value, label: t(`layer.${value}`) }))]}
          onChange={event => setKind(event.currentTarget.value)}
        />
        <span role="status" className={classes['hint']}>
          {t('packs.count', { count: rows.length })}
        </span>
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className={classes['scroll']} tabIndex={0} aria-label={t('tab.packs')}>
        <table className={classes['table']}>
          <thead>
            <tr>
              <th scope="col">{t('packs.pack')}</th>
              <th scope="col">{t('packs.places')}</th>
              <th scope="col">{t('packs.kind')}</th>
              <th scope="col">{t('packs.version')}</th>
              <th scope="col">{t('packs.reviewBy')}</th>
              <th scope="col">{t('packs.rules')}</th>
            </tr>
          </thead>
          <tbody>
            {rows.map(row => (
              <tr key={row.pack}>
                <th scope="row">
                  <Link to={`/compliance/packs/${row.pack}`}>
                    <bdi dir="auto">{row.title}</bdi>
                  </Link>
                  {!row.isOn && <span className={classes['hint']}> {t('packs.off')}</span>}
                </th>
                <td className="ltr">{row.jurisdictions.join(', ')}</td>
                <td>{t(`layer.${row.kind}` as 'layer.law')}</td>
                <td className="ltr">{row.version}</td>
                <td>
                  {date(row.reviewBy)}{' '}
                  {row.isOverdue && (
                    <strong className={classes['alarm']}>
                      <Icon name="triangle" size={14} /> {t('packs.overdue')}
                    </strong>
                  )}
                </td>
                <td>
                  {row.rules}{' '}
                  {row.unverified.length > 0 && (
                    <>
                      · {row.unverified.length} <Unverified />
                    </>
                  )}
                </td>
              </tr>
            ))}
          </tbody>
        </table>
      </section>
      <ComparePacks />
    </div>
  )
}
