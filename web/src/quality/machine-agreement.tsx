import { NativeSelect } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import classes from './quality.module.css'

type Machine = Readonly<{
  provider: string
  scorecardId: string
  scorecardName: string
  version: number
  reviews: number
}>
type Agreement = Readonly<{ kappa: number | null; agreed: number | null; items: number }>
type Compared = Readonly<{
  isShown: boolean
  needed: Readonly<{ items: number; kappa: number }>
  overall: Agreement
  questions: readonly Readonly<{ id: string; text: string; agreement: Agreement }>[]
}>

/** How far machines that judge calls agree with people, question by question; nothing without machines. */
export function MachineAgreement() {
  const { t } = useTranslation('quality')
  const { number } = useFormat()
  const [chosen, setChosen] = useState(0)
  const machines = useQuery({
    queryKey: ['quality', 'machines'],
    queryFn: async ({ signal }) =>
      (await api<{ items: readonly Machine[] }>('/machine-agreement/machines', { signal })).items
  })
  const one = machines.data?.[chosen]
  const compared = useQuery({
    queryKey: ['quality', 'machine-agreement', one?.provider, one?.scorecardId, one?.version],
    enabled: one !== undefined,
    queryFn: ({ signal }) =>
      api<Compared>('/machine-agreement', {
        query: { provider: one?.provider ?? '', scorecardId: one?.scorecardId ?? '', version: one?.version ?? 1 },
        signal
      })
  })
  if (machines.isError) return <Problem error={machines.error} onRetry={() => void machines.refetch()} />
  if (one === undefined) return null
  const row = (agreement: Agreement) => (
    <>
      <td>{number(agreement.items)}</td>
      <td>{agreement.agreed === null ? '–' : `${number(Math.round(agreement.agreed * 100))} %`}</td>
      <td>{agreement.kappa === null ? '–' : number(Math.round(agreement.kappa * 100) / 100)}</td>
    </>
  )
  return (
    <section className="card" data-testid="machine-agreement">
      <h2 id="machines-title">{t('machine.title')}</h2>
      <NativeSelect
        label={t('machine.which')}
        value={String(chosen)}
        data={(machines.data ?? []).map((each, at) => ({
          value: String(at),
          label: `${each.provider} · ${each.scorecardName} v${each.version}`
        }))}
        onChange={event => setChosen(Number(event.currentTarget.value))}
      />
      {compared.isError && <Problem error={compared.error} />}
      {compared.data !== undefined && (
        <>
          <p>
            {compared.data.isShown
              ? t('machine.shown')
              : t('machine.notShown', {
                  items: number(compared.data.needed.items),
                  kappa: number(compared.data.needed.kappa)
                })}
          </p>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
          <section className={classes['scroll']} tabIndex={0} aria-label={t('machine.title')}>
            <table className={classes['table']}>
              <thead>
                <tr>
                  <th scope="col">{t('card.question')}</th>
                  <th scope="col">{t('machine.both')}</th>
                  <th scope="col">{t('machine.agreed')}</th>
                  <th scope="col">{t('machine.kappa')}</th>
                </tr>
              </thead>
              <tbody>
                <tr>
                  <th scope="row">{t('machine.all')}</th>
                  {row(compared.data.overall)}
                </tr>
                {compared.data.questions.map(question => (
                  <tr key={question.id}>
                    <th scope="row" dir="auto">
                      {question.text}
                    </th>
                    {row(question.agreement)}
                  </tr>
                ))}
              </tbody>
            </table>
          </section>
        </>
      )}
    </section>
  )
}
