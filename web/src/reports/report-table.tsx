import { useTranslation } from 'react-i18next'
import { type Figure, isOpenable, type Opened, type ReportFigures } from './report.ts'
import classes from './reports.module.css'
import { useFigureText } from './use-figure-text.ts'

type Row = Readonly<{
  key: string
  name: string
  isPartial: boolean
  figures: ReportFigures
  /** What a figure of this row opens. */
  opens: Omit<Opened, 'figure'>
}>

/**
 * Figures as a table; the total is what the server counted, not the sum of what is shown. A figure that counted calls is
 * a button that shows them.
 */
export function ReportTable({
  caption,
  rows,
  total,
  figures,
  onOpen
}: Readonly<{
  caption: string
  rows: readonly Row[]
  total?: ReportFigures
  figures: readonly Figure[]
  onOpen(opened: Opened): void
}>) {
  const { t } = useTranslation('reports')
  const textOf = useFigureText()
  const cell = (figure: Figure, value: number | null, opens: Omit<Opened, 'figure'>) =>
    isOpenable(figure, value) ? (
      <button
        type="button"
        className={classes['figure']}
        aria-label={t('calls.open', { figure: t(`figure.${figure}`), value: textOf(figure, value), row: opens.name })}
        onClick={() => onOpen({ ...opens, figure })}
      >
        {textOf(figure, value)}
      </button>
    ) : (
      textOf(figure, value)
    )
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
                <td key={figure}>{cell(figure, row.figures[figure] ?? null, row.opens)}</td>
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
                  {cell(figure, total[figure] ?? null, { name: t('total') })}
                </td>
              ))}
            </tr>
          </tfoot>
        )}
      </table>
    </section>
  )
}
