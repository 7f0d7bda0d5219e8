import { EmptyState, NativeSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { BotReport } from './api.ts'
import classes from './bots.module.css'

const RANGES = ['7', '30', '90'] as const
const DAY_MS = 86_400_000

/** What bots achieve. Contained and solved are two figures: one does not follow from the other. */
export function FiguresPage() {
  const { t } = useTranslation('bots')
  const { number } = useFormat()
  const [days, setDays] = useState<string>('30')
  const report = useQuery({
    queryKey: ['bots', 'figures', days],
    queryFn: ({ signal }) => {
      const to = Date.now()
      const query = {
        from: new Date(to - Number(days) * DAY_MS).toISOString(),
        to: new Date(to).toISOString()
      }
      return api<BotReport>('/reports/bots', { query, signal })
    }
  })
  return (
    <section className={classes['page']} data-testid="figures">
      <h1>{t('tab.figures')}</h1>
      <div>
        <NativeSelect
          value={days}
          onChange={event => setDays(event.currentTarget.value)}
          aria-label={t('figures.range')}
          data={RANGES.map(value => ({ value, label: t('figures.days', { days: number(Number(value)) }) }))}
        />
      </div>
      {report.isPending && <Waiting what={t('figures.waiting')} lines={6} />}
      {report.isError && <Problem error={report.error} onRetry={() => void report.refetch()} />}
      {report.isSuccess && report.data.conversations === 0 && (
        <EmptyState icon={<Icon name="list" size={32} />} title={t('figures.empty')} />
      )}
      {report.isSuccess && report.data.conversations > 0 && <Figures report={report.data} />}
      {report.isSuccess && <MenuChoices choices={report.data.menuChoices} />}
    </section>
  )
}

function Figures({ report }: Readonly<{ report: BotReport }>) {
  const { t } = useTranslation('bots')
  const { number, percent } = useFormat()
  const { conversations, contained, solved, askedIfSolved, handover, cents } = report
  const share = (count: number) => `${number(count)} (${percent(count / conversations)})`
  return (
    <>
      <dl className={`card ${classes['tiles']}`}>
        <Tile name={t('figures.conversations')} value={number(conversations)} />
        <Tile name={t('figures.contained')} value={share(contained)} says={t('figures.containedSays')} />
        <Tile
          name={t('figures.solved')}
          value={number(solved)}
          says={t('figures.ofAsked', { solved: number(solved), asked: number(askedIfSolved) })}
        />
        <Tile name={t('figures.handover')} value={share(handover)} />
        <Tile name={t('figures.cost')} value={number(Math.round(cents * 100) / 100)} />
      </dl>
      <Table
        title={t('figures.topics')}
        columns={[
          t('field.title'),
          t('figures.answers'),
          t('figures.conversations'),
          t('figures.solved'),
          t('figures.handover')
        ]}
        rows={report.topics.map(one => [
          one.title === null ? (
            t('figures.gone')
          ) : (
            <Link key="title" to={`/bots/articles/${one.articleId}`}>
              <bdi>{one.title}</bdi>
            </Link>
          ),
          number(one.answers),
          number(one.conversations),
          number(one.solved),
          number(one.handedOver)
        ])}
      />
      <Table
        title={t('figures.reasons')}
        columns={[t('figures.reasons'), t('figures.count')]}
        rows={report.handOvers.map(one => [t(`reason.${one.name as 'asked'}`), number(one.count)])}
      />
      <Table
        title={t('figures.leaving')}
        columns={[t('figures.leaving'), t('figures.count')]}
        rows={report.leaving.map(one => [t(`step.${one.name as 'question'}`), number(one.count)])}
      />
      <Table
        title={t('figures.stages')}
        columns={['', t('figures.median'), t('figures.p95'), t('figures.count')]}
        rows={report.stages.map(one => [
          `${t(`source.${one.source}`)}: ${t(`stage.${one.stage}`)}`,
          number(Math.round(one.medianMs)),
          number(Math.round(one.p95Ms)),
          number(one.turns)
        ])}
      />
    </>
  )
}

/** What callers want, also where no bot asks them. */
function MenuChoices({ choices }: Readonly<{ choices: BotReport['menuChoices'] }>) {
  const { t } = useTranslation('bots')
  const { number, percent } = useFormat()
  if (choices.length === 0)
    return (
      <section data-testid="no-menu-choices">
        <h2>{t('figures.menus')}</h2>
        <p className={classes['dim']}>{t('figures.menusEmpty')}</p>
      </section>
    )
  return (
    <Table
      title={t('figures.menus')}
      columns={[
        t('figures.flow'),
        t('figures.step'),
        t('figures.key'),
        t('figures.chosen'),
        t('figures.spoken'),
        t('figures.calls')
      ]}
      rows={choices.map(one => [
        <bdi key="flow">{one.flowId}</bdi>,
        <bdi key="step">{one.node}</bdi>,
        <bdi key="key">{one.key}</bdi>,
        number(one.count),
        `${number(one.spoken)} (${percent(one.spoken / one.count)})`,
        number(one.calls)
      ])}
    />
  )
}

function Tile({ name, value, says }: Readonly<{ name: string; value: string; says?: string }>) {
  return (
    <div>
      <dt>{name}</dt>
      <dd>
        {value}
        {says !== undefined && <small>{says}</small>}
      </dd>
    </div>
  )
}

function Table({
  title,
  columns,
  rows
}: Readonly<{ title: string; columns: readonly string[]; rows: readonly (readonly ReactNode[])[] }>) {
  if (rows.length === 0) return null
  return (
    <section>
      <h2>{title}</h2>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section className={classes['scroll']} tabIndex={0} aria-label={title}>
        <table className={classes['table']}>
          <thead>
            <tr>
              {columns.map(column =>
                column === '' ? (
                  <td key={column} />
                ) : (
                  <th key={column} scope="col">
                    {column}
                  </th>
                )
              )}
            </tr>
          </thead>
          <tbody>
            {rows.map(([first, ...rest], at) => (
              // biome-ignore lint/suspicious/noArrayIndexKey: rows of figures have no name of their own
              <tr key={at}>
                <th scope="row">{first}</th>
                {rest.map((cell, column) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: a column is its place
                  <td key={column}>{cell}</td>
                ))}
              </tr>
            ))}
          </tbody>
        </table>
      </section>
    </section>
  )
}
