import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, useNavigate } from 'react-router'
import classes from '../admin/admin.module.css'
import { DataTable } from '../admin/data-table.tsx'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { type ContactList, itemsQuery } from './campaign-api.ts'

/** The lists of contacts, and a new one. */
export function ContactLists() {
  const { t } = useTranslation('campaigns')
  const { number, dateTime } = useFormat()
  const navigate = useNavigate()
  const client = useQueryClient()
  const refusal = useMay('contacts:write')
  const [name, setName] = useState('')
  const list = useQuery(itemsQuery<ContactList>('/contact-lists'))
  const add = useMutation({
    mutationFn: () => api<{ id: string }>('/contact-lists', { method: 'POST', body: { name } }),
    onSuccess({ id }) {
      void client.invalidateQueries({ queryKey: ['campaigns'] })
      void navigate(`/campaigns/lists/${id}`)
    }
  })
  if (list.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  return (
    <div className={classes['section']} data-testid="contact-lists">
      {add.isError && <Problem error={add.error} />}
      <DataTable
        label={t('tab.lists')}
        rows={list.data}
        keyOf={row => row.id}
        wordsOf={row => row.name}
        columns={[
          { name: t('list.name'), cell: row => <Link to={`/campaigns/lists/${row.id}`}>{row.name}</Link> },
          { name: t('lists.contacts'), cell: row => number(row.contacts) },
          { name: t('lists.made'), cell: row => dateTime(row.createdAt) }
        ]}
      >
        <TextInput
          aria-label={t('lists.newName')}
          placeholder={t('lists.newName')}
          value={name}
          onChange={event => setName(event.currentTarget.value)}
        />
        <Button disabled={refusal !== null || name === ''} loading={add.isPending} onClick={() => add.mutate()}>
          {t('lists.add')}
        </Button>
      </DataTable>
    </div>
  )
}
