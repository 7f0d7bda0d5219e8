import { useTranslation } from 'react-i18next'
import type { Figure, ReportFigures } from './report.ts'
import classes from './reports.module.css'
import { useFigureText } from './use-figure-text.ts'

type Row = Readonly<{ key: string; name: string; isPartial: boolean; figures: ReportFigures }>

/** Figures as a table; the total is what the server counted, not the sum of what is shown. */
export function ReportTable({
  caption,
  rows,
  total,
  figures
}: Readonly<{ caption: string; rows: readonly Row[]; total?: ReportFigures; figures: readonly Figure[] }>) {
  const { t } = useTranslation('reports')
  const textOf = useFigureText()
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
    <section className={classes['scroll']} tabIndex={0} aria-label={caption}>
      <table className={classes['table']}>
        <caption>{caption}</caption>
        <thead>
          <tr>
            <th scope="col">{t('what')}</th>
            {figures.map(figure => (
              <th key={figure} scope="col" title={t(`definition.${figure}`)}>
                {t(`figure.${figure}`)}
              </th>
            ))}
          </tr>
        </thead>
        <tbody>
          {rows.map(row => (
            <tr key={row.key}>
              <th scope="row">
                <bdi>{row.name}</bdi> {row.isPartial && <span className={classes['definition']}>{t('running')}</span>}
              </th>
              {figures.map(figure => (
                <td key={figure}>{textOf(figure, row.figures[figure] ?? null)}</td>
              ))}
            </tr>
          ))}
        </tbody>
        {total !== undefined && (
          <tfoot>
            <tr data-testid="total">
              <th scope="row">{t('total')}</th>
              {figures.map(figure => (
                <td key={figure} data-figure={figure}>
                  {textOf(figure, total[figure] ?? null)}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  )
}
