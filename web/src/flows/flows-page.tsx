import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { lazy, Suspense, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { Link, Route, Routes, useNavigate } from 'react-router'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import type { FlowSummary } from './flow-api.ts'
import classes from './flows.module.css'

const FlowPage = lazy(async () => ({ default: (await import('./flow-page.tsx')).FlowPage }))

/** What callers hear: all flows, and an editor for one. */
export function FlowsPage() {
  const { t } = useTranslation('flows')
  return (
    <Suspense fallback={<Waiting what={t('waiting')} lines={8} />}>
      <Routes>
        <Route index element={<FlowList />} />
        <Route path=":id" element={<FlowPage />} />
      </Routes>
    </Suspense>
  )
}

function FlowList() {
  const { t, i18n } = useTranslation('flows')
  const client = useQueryClient()
  const navigate = useNavigate()
  const refusal = useMay('flows:write')
  const [id, setId] = useState('')
  const flows = useQuery({
    queryKey: ['flows'],
    queryFn: ({ signal }) => everyPage<FlowSummary>('/flows', signal)
  })
  const create = useMutation({
    mutationFn: () =>
      api('/flows', { method: 'POST', body: { source: firstText(id.trim(), i18n.language, t('new.hello')) } }),
    async onSuccess() {
      await client.invalidateQueries({ queryKey: ['flows'] })
      await navigate(`/flows/${id.trim()}`)
    }
  })
  if (flows.isPending) return <Waiting what={t('waiting')} lines={6} />
  if (flows.isError) return <Problem error={flows.error} onRetry={() => void flows.refetch()} />
  return (
    <div className={classes['page']} data-testid="flows">
      <h1>{t('title')}</h1>
      <form
        className={classes['row']}
        onSubmit={event => {
          event.preventDefault()
          create.mutate()
        }}
      >
        <TextInput
          aria-label={t('new.id')}
          placeholder={t('new.id')}
          value={id}
          onChange={event => setId(event.currentTarget.value)}
        />
        <Button type="submit" disabled={refusal !== null || id.trim() === ''} loading={create.isPending}>
          {t('new.add')}
        </Button>
        {refusal !== null && <span className={classes['dimmed']}>{refusal}</span>}
      </form>
      {create.isError && <Problem error={create.error} kept={t('kept')} />}
      <ul className={classes['list']}>
        {flows.data.map(flow => (
          <li key={flow.id} className="card">
            <Link to={`/flows/${flow.id}`}>
              <bdi>{flow.name}</bdi>
            </Link>{' '}
            <span className={classes['dimmed']}>
              {flow.publishedVersion === null ? t('neverLive') : t('liveVersion', { version: flow.publishedVersion })}
              {flow.latestVersion !== flow.publishedVersion && ` · ${t('newer', { version: flow.latestVersion })}`}
            </span>
            <p className={classes['dimmed']}>
              <bdi>{flow.description}</bdi>
            </p>
          </li>
        ))}
      </ul>
    </div>
  )
}

/** A flow that greets and hangs up: valid from the first moment, and something to change. */
function firstText(id: string, language: string, hello: string): string {
  return `id: ${JSON.stringify(id)}
name: ${JSON.stringify(id)}
languages: [${language}]
defaultLanguage: ${language}
start: hello

nodes:
  hello:
    kind: say
    prompt:
      ${language}: ${JSON.stringify(hello)}
    next: bye

  bye:
    kind: hangup
`
}
