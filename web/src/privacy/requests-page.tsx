import { Button, EmptyState, NativeSelect, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useNavigate } from 'react-router'
import { api } from '../api/client.ts'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { KINDS, type Kind, type PrivacyRequest } from './api.ts'
import classes from './privacy.module.css'

/** What is due, soonest first. */
export function RequestsPage() {
  const { t } = useTranslation('privacy')
  const { date } = useFormat()
  const [isOpen, setOpen] = useState(true)
  const may = useQuery(meQuery).data?.permissions.includes('privacy:write') === true
  const list = useQuery({
    queryKey: ['privacy', 'requests', isOpen],
    queryFn: async ({ signal }) =>
      (await api<{ items: readonly PrivacyRequest[] }>('/privacy-requests', { query: { isOpen }, signal })).items
  })
  return (
    <section className={classes['page']} data-testid="privacy-requests">
      <div className={classes['row']}>
        <h1>{t('tab.requests')}</h1>
        <Button variant="default" aria-pressed={!isOpen} onClick={() => setOpen(now => !now)}>
          {isOpen ? t('list.showDone') : t('list.showOpen')}
        </Button>
      </div>
      {list.isPending && <Waiting what={t('list.waiting')} lines={5} />}
      {list.isError && <Problem error={list.error} onRetry={() => void list.refetch()} />}
      {list.isSuccess && list.data.length === 0 && (
        <EmptyState icon={<Icon name="check" size={32} />} title={t('list.empty')} description={t('list.emptySays')} />
      )}
      {list.isSuccess && list.data.length > 0 && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('tab.requests')}>
          <table className={classes['table']}>
            <thead>
              <tr>
                <th scope="col">{t('field.reference')}</th>
                <th scope="col">{t('field.kind')}</th>
                <th scope="col">{t('field.regime')}</th>
                <th scope="col">{t('field.status')}</th>
                <th scope="col">{t('field.due')}</th>
                <th scope="col">{t('field.left')}</th>
              </tr>
            </thead>
            <tbody>
              {list.data.map(one => (
                <tr key={one.id}>
                  <th scope="row">
                    <Link to={`/privacy/requests/${one.id}`}>
                      <code>{one.reference}</code>
                    </Link>
                  </th>
                  <td>{t(`kind.${one.kind}`)}</td>
                  <td>{one.regimeTitle}</td>
                  <td>{t(`status.${one.status as 'received'}`)}</td>
                  <td>{t('list.due', { due: date(one.dueAt), house: date(one.houseDueAt) })}</td>
                  <td>
                    {one.isOverdue ? (
                      <strong className={classes['late']}>
                        <Icon name="triangle" size={16} /> {t('list.overdue')}
                      </strong>
                    ) : (
                      isOpen && t('list.left', { count: Math.max(0, one.daysLeft) })
                    )}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {may && <NewRequest />}
    </section>
  )
}

function NewRequest() {
  const { t } = useTranslation('privacy')
  const client = useQueryClient()
  const navigate = useNavigate()
  const [kind, setKind] = useState<Kind>('export')
  const [numbers, setNumbers] = useState('')
  const [emails, setEmails] = useState('')
  const [name, setName] = useState('')
  const [note, setNote] = useState('')
  const words = (text: string) => text.split(/[\s,;]+/).filter(one => one !== '')
  const create = useMutation({
    mutationFn: () =>
      api<{ id: string }>('/privacy-requests', {
        method: 'POST',
        body: { kind, numbers: words(numbers), emails: words(emails), name, note }
      }),
    onSuccess({ id }) {
      void client.invalidateQueries({ queryKey: ['privacy'] })
      void navigate(`/privacy/requests/${id}`)
    }
  })
  return (
    <details className="card">
      <summary>{t('new.title')}</summary>
      <form
        className={classes['form']}
        onSubmit={event => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <NativeSelect
          label={t('field.kind')}
          value={kind}
          data={KINDS.map(value => ({ value, label: t(`kind.${value}`) }))}
          onChange={event => setKind(KINDS.find(one => one === event.currentTarget.value) ?? 'export')}
        />
        <TextInput
          label={t('new.numbers')}
          description={t('new.numbersSay')}
          value={numbers}
          onChange={event => setNumbers(event.currentTarget.value)}
        />
        <TextInput label={t('new.emails')} value={emails} onChange={event => setEmails(event.currentTarget.value)} />
        <TextInput label={t('new.name')} value={name} onChange={event => setName(event.currentTarget.value)} />
        <Textarea
          label={t('new.note')}
          value={note}
          autosize
          minRows={2}
          onChange={event => setNote(event.currentTarget.value)}
        />
        {create.isError && <Problem error={create.error} />}
        <div>
          <Button type="submit" loading={create.isPending}>
            {t('new.create')}
          </Button>
        </div>
      </form>
    </details>
  )
}
