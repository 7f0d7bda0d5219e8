import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import own from './campaigns.module.css'

type Promised = Readonly<{ isOfCampaign: boolean; at: string | null; note: string }>

/** After a call of a campaign its agent may promise the person another one; after any other call there is nothing here. */
export function PromiseCall({ callId }: Readonly<{ callId: string }>) {
  const { t } = useTranslation('campaigns')
  const { dateTime } = useFormat()
  const client = useQueryClient()
  const [at, setAt] = useState('')
  const [note, setNote] = useState('')
  const path = `/campaign-attempts/${callId}/promise`
  const promised = useQuery({ queryKey: ['promise', callId], queryFn: ({ signal }) => api<Promised>(path, { signal }) })
  const save = useMutation({
    mutationFn: () => api(path, { method: 'PUT', body: { at: new Date(at).toISOString(), note } }),
    onSuccess() {
      notify(t('promise.saved'))
      void client.invalidateQueries({ queryKey: ['promise', callId] })
    }
  })
  if (promised.data?.isOfCampaign !== true) return null
  return (
    <details className={own['promise']} data-testid="promise">
      <summary>
        {promised.data.at === null ? t('promise.title') : t('promise.is', { at: dateTime(promised.data.at) })}
      </summary>
      <div className={own['promiseFields']}>
        <TextInput
          label={t('promise.at')}
          type="datetime-local"
          value={at}
          onChange={event => setAt(event.currentTarget.value)}
        />
        <TextInput
          label={t('promise.note')}
          maxLength={500}
          value={note}
          onChange={event => setNote(event.currentTarget.value)}
        />
        <Button disabled={at === ''} loading={save.isPending} onClick={() => save.mutate()}>
          {t('promise.save')}
        </Button>
      </div>
      {save.isError && <Problem error={save.error} />}
    </details>
  )
}
