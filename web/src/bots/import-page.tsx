import '@mantine/core/styles/Switch.layer.css'
import { Button, FileInput, Switch } from '@mantine/core'
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { Problem } from '../parts/problem.tsx'
import type { ImportReport } from './api.ts'
import classes from './bots.module.css'
import { PlaceForm } from './place-form.tsx'

/** Takes a file of articles over; problems are told by line. */
export function ImportPage() {
  const { t } = useTranslation('bots')
  const { i18n } = useTranslation()
  const client = useQueryClient()
  const [file, setFile] = useState<File | null>(null)
  const [place, setPlace] = useState({ language: i18n.language, region: '', product: '' })
  const [isPublished, setPublished] = useState(false)
  const run = useMutation({
    mutationFn: async (isCheck: boolean) => {
      if (file === null) throw new TypeError('no file is chosen')
      return await api<ImportReport>('/knowledge-articles/import', {
        method: 'POST',
        body: {
          format: formatOf(file.name),
          name: file.name,
          content: await file.text(),
          language: place.language.trim(),
          ...(place.region.trim() !== '' && { region: place.region.trim() }),
          ...(place.product.trim() !== '' && { product: place.product.trim() }),
          isPublished,
          isCheck
        }
      })
    },
    onSuccess: () => void client.invalidateQueries({ queryKey: ['bots'] })
  })
  return (
    <section className={classes['page']} data-testid="import">
      <h1>{t('tab.import')}</h1>
      <form
        className={`card ${classes['form']}`}
        onSubmit={event => {
          event.preventDefault()
          run.mutate(false)
        }}
      >
        <FileInput
          label={t('import.file')}
          description={t('import.says')}
          accept=".md,.markdown,.html,.htm,.csv,.tsv,.txt"
          value={file}
          onChange={setFile}
          required
        />
        <PlaceForm value={place} onChange={setPlace} />
        <Switch
          label={t('import.publish')}
          checked={isPublished}
          onChange={event => setPublished(event.currentTarget.checked)}
        />
        <div className={classes['row']}>
          <Button
            variant="default"
            disabled={file === null}
            loading={run.isPending && run.variables}
            onClick={() => run.mutate(true)}
          >
            {t('import.check')}
          </Button>
          <Button type="submit" disabled={file === null} loading={run.isPending && !run.variables}>
            {t('import.run')}
          </Button>
        </div>
      </form>
      {run.isError && <Problem error={run.error} />}
      {run.isSuccess && <Report report={run.data} isCheck={run.variables} />}
    </section>
  )
}

function Report({ report, isCheck }: Readonly<{ report: ImportReport; isCheck: boolean }>) {
  const { t } = useTranslation('bots')
  const { created, changed, unchanged } = report
  return (
    <section className="card" aria-live="polite" data-testid="report">
      <p className={classes['verdict']}>{t('import.report', { created, changed, unchanged })}</p>
      {isCheck && <p className={classes['dim']}>{t('import.checked')}</p>}
      <ul className={classes['passages']}>
        {report.problems.map(one => (
          <li key={`${one.line} ${one.code} ${one.message}`}>
            <strong>{t('import.line', { line: one.line })}</strong>{' '}
            <span lang="en" dir="ltr">
              {one.message} <code>{one.code}</code>
            </span>
          </li>
        ))}
      </ul>
    </section>
  )
}

function formatOf(name: string): 'markdown' | 'html' | 'csv' {
  if (/\.html?$/i.test(name)) return 'html'
  return /\.(csv|tsv)$/i.test(name) ? 'csv' : 'markdown'
}
