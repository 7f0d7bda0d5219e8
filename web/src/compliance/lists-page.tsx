import { Button, NativeSelect, TextInput } from '@mantine/core'
import { useMutation, useQuery } from '@tanstack/react-query'
import { type FormEvent, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { queryClient } from '../api/query-client.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { DncList } from './answers.ts'
import classes from './compliance.module.css'
import { LIST_FORMATS, listsQuery } from './lists.ts'
import { looksLikeNumber } from './question.ts'
import { StopNumber } from './stop-number.tsx'

/** The do-not-call lists with their age, and our own list. */
export function ListsPage() {
  const { t } = useTranslation('compliance')
  const format = useFormat()
  const lists = useQuery(listsQuery)
  const [number, setNumber] = useState('')
  if (lists.isPending) return <Waiting what={t('lists.waiting')} lines={6} />
  if (lists.isError) return <Problem error={lists.error} onRetry={() => void lists.refetch()} />
  return (
    <div className={classes['section']} data-testid="lists">
      {lists.data.items.length === 0 ? (
        <p className={classes['hint']}>{t('lists.empty')}</p>
      ) : (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('tab.lists')}>
          <table className={classes['table']}>
            <thead>
              <tr>
                <th scope="col">{t('lists.name')}</th>
                <th scope="col">{t('lists.registry')}</th>
                <th scope="col">{t('lists.numbers')}</th>
                <th scope="col">{t('lists.version')}</th>
                <th scope="col">{t('lists.age')}</th>
              </tr>
            </thead>
            <tbody>
              {lists.data.items.map(list => (
                <tr key={list.id}>
                  <th scope="row">
                    <Link to={`/compliance/lists/${list.id}`}>
                      <bdi dir="auto">{list.name}</bdi>
                    </Link>
                  </th>
                  <td className="ltr">{list.registry}</td>
                  <td>{list.numbers === null ? '–' : format.number(list.numbers)}</td>
                  <td>{list.version ?? t('lists.never')}</td>
                  <td>
                    <Age list={list} />
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      <AddList />
      <section className={classes['section']} aria-labelledby="own-title">
        <h2 id="own-title">
          {t('lists.own', { count: lists.data.internal, shown: format.number(lists.data.internal) })}
        </h2>
        <p className={classes['hint']}>{t('lists.ownSays')}</p>
        <div className={classes['row']}>
          <TextInput
            label={t('when.number')}
            placeholder="+12025550123"
            inputMode="tel"
            autoComplete="off"
            value={number}
            onChange={event => setNumber(event.currentTarget.value)}
          />
          {looksLikeNumber(number) && <StopNumber number={number.trim()} />}
        </div>
      </section>
    </div>
  )
}

function Age({ list }: Readonly<{ list: DncList }>) {
  const { t } = useTranslation('compliance')
  const format = useFormat()
  if (list.importing !== null) return <>{t('lists.importing', { lines: format.number(list.importing.lines) })}</>
  if (list.ageDays === null) return <>–</>
  return <>{t('lists.days', { count: Math.floor(list.ageDays) })}</>
}

function AddList() {
  const { t } = useTranslation('compliance')
  const refusal = useMay('dnc-lists:write')
  const [form, setForm] = useState({ name: '', registry: '', format: 'csv' })
  const add = useMutation({
    mutationFn: () => api<{ id: string }>('/dnc-lists', { method: 'POST', body: form }),
    onSuccess() {
      notify(t('lists.added', { name: form.name }))
      setForm({ name: '', registry: '', format: 'csv' })
      void queryClient.invalidateQueries({ queryKey: listsQuery.queryKey })
    }
  })
  const submit = (event: FormEvent) => {
    event.preventDefault()
    add.mutate()
  }
  return (
    <details>
      <summary>{t('lists.add')}</summary>
      <form className={classes['row']} onSubmit={submit}>
        <TextInput
          label={t('lists.name')}
          required
          value={form.name}
          onChange={event => setForm({ ...form, name: event.currentTarget.value })}
        />
        <TextInput
          label={t('lists.registry')}
          placeholder="us-dnc"
          required
          value={form.registry}
          onChange={event => setForm({ ...form, registry: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('lists.format')}
          value={form.format}
          data={[...LIST_FORMATS]}
          onChange={event => setForm({ ...form, format: event.currentTarget.value })}
        />
        <Button type="submit" loading={add.isPending} disabled={refusal !== null} title={refusal ?? undefined}>
          {t('lists.add')}
        </Button>
      </form>
      {add.isError && <Problem error={add.error} />}
    </details>
  )
}
