import { Button, FileButton } from '@mantine/core'
import { useMutation } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import type { PackChange, Simulation } from './answers.ts'
import classes from './compliance.module.css'
import { useWords } from './use-words.ts'

type Compared = Readonly<{ changes: readonly PackChange[]; simulation: Simulation }>

/** What candidate packs would change, field by field, and what they would have done to the calls of the log. */
export function ComparePacks() {
  const { t } = useTranslation('compliance')
  const compare = useMutation({
    mutationFn: async (files: readonly File[]): Promise<Compared> => {
      const candidates = await Promise.all(files.map(async file => ({ file: file.name, text: await file.text() })))
      const body = { candidates }
      const { changes } = await api<{ changes: readonly PackChange[] }>('/compliance/packs/diff', {
        method: 'POST',
        body
      })
      return { changes, simulation: await api<Simulation>('/compliance/simulate', { method: 'POST', body }) }
    }
  })
  return (
    <section className={classes['section']} aria-labelledby="compare-title" data-testid="compare">
      <h2 id="compare-title">{t('compare.title')}</h2>
      <p className={classes['hint']}>{t('compare.says')}</p>
      <div>
        <FileButton accept=".yaml" multiple onChange={files => files.length > 0 && compare.mutate(files)}>
          {props => (
            <Button {...props} variant="default" loading={compare.isPending}>
              {t('compare.choose')}
            </Button>
          )}
        </FileButton>
      </div>
      {compare.isError && <Problem error={compare.error} />}
      {compare.isSuccess && <Result compared={compare.data} />}
    </section>
  )
}

function Result({ compared: { changes, simulation } }: Readonly<{ compared: Compared }>) {
  const { t } = useTranslation('compliance')
  const words = useWords()
  const { number } = useFormat()
  const moves = Object.entries(simulation.matrix)
    .flatMap(([before, row]) => Object.entries(row).map(([after, count]) => ({ before, after, count })))
    .filter(one => one.count > 0 && one.before !== one.after)
  return (
    <>
      {changes.length === 0 && <p role="status">{t('compare.same')}</p>}
      <ul className={classes['rules']}>
        {changes.map(change => (
          <li key={`${change.kind} ${change.pack} ${change.rule ?? ''}`}>
            <strong>{t(`compare.${change.kind}` as 'compare.ruleChanged')}</strong>{' '}
            <code className="ltr">{change.rule ?? change.pack}</code>
            <ul>
              {change.fields?.map(field => (
                <li key={field.path}>
                  <code className="ltr">{field.path}</code>{' '}
                  <bdi className="ltr">
                    <del>{JSON.stringify(field.before)}</del> → <ins>{JSON.stringify(field.after)}</ins>
                  </bdi>
                </li>
              ))}
            </ul>
          </li>
        ))}
      </ul>
      <p>{t('compare.simulated', { count: simulation.calls, shown: number(simulation.calls) })}</p>
      <ul>
        {moves.map(move => (
          <li key={`${move.before} ${move.after}`}>
            {t('compare.move', {
              count: move.count,
              shown: number(move.count),
              before: words.outcome(move.before),
              after: words.outcome(move.after)
            })}
          </li>
        ))}
      </ul>
      {moves.length === 0 && simulation.calls > 0 && <p>{t('compare.nothingMoves')}</p>}
    </>
  )
}
