import '@mantine/core/styles/Progress.layer.css'
import { Alert, Button, FileButton, NativeSelect, Progress, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useParams } from 'react-router'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { itemsQuery, type ListImport, type Mapping, ROLES, type Upload, uploadFile } from './campaign-api.ts'
import own from './campaigns.module.css'

/** Files into a list: look, say what the columns are, import, read the report by line. */
export function ContactListPage() {
  const { t } = useTranslation('campaigns')
  const { id = '' } = useParams()
  const client = useQueryClient()
  const refusal = useMay('contacts:write')
  const [upload, setUpload] = useState<Upload | null>(null)
  const [mapping, setMapping] = useState<Mapping | null>(null)
  const imports = useQuery({ ...itemsQuery<ListImport>(`/contact-lists/${id}/imports`), refetchInterval: 1_000 })
  const send = useMutation({
    mutationFn: (file: File) => uploadFile(id, file),
    onSuccess(found) {
      setUpload(found)
      setMapping(found.mapping)
    }
  })
  const begin = useMutation({
    mutationFn: () =>
      api(`/contact-lists/${id}/imports`, { method: 'POST', body: { uploadId: upload?.uploadId, mapping } }),
    onSuccess() {
      setUpload(null)
      setMapping(null)
      void client.invalidateQueries({ queryKey: ['campaigns'] })
    }
  })
  const cancel = useMutation({ mutationFn: (one: string) => api(`/contact-imports/${one}/cancel`, { method: 'POST' }) })
  return (
    <div className={classes['section']} data-testid="contact-list">
      <h2>{t('import.title')}</h2>
      <div className={classes['row']}>
        <FileButton accept=".csv,.txt,.tsv,.xlsx" onChange={file => file !== null && send.mutate(file)}>
          {props => (
            <Button {...props} disabled={refusal !== null} loading={send.isPending}>
              {t('import.choose')}
            </Button>
          )}
        </FileButton>
        <span className={classes['count']}>{refusal ?? t('import.says')}</span>
      </div>
      {send.isError && <Problem error={send.error} />}
      {upload !== null && mapping !== null && (
        <div className={classes['section']} data-testid="mapping">
          <h3>{t('import.columns')}</h3>
          <div className={classes['scroll']}>
            <table className={classes['table']}>
              <thead>
                <tr>
                  {mapping.columns.map((column, index) => (
                    // biome-ignore lint/suspicious/noArrayIndexKey: a column has no name of its own, and never moves
                    <th key={index} scope="col">
                      <NativeSelect
                        aria-label={t('import.columnIs', { name: column.header ?? String(index + 1) })}
                        value={column.role}
                        data={ROLES.map(value => ({ value, label: t(`role.${value}`) }))}
                        onChange={event => {
                          const role = ROLES.find(one => one === event.currentTarget.value) ?? 'ignore'
                          setMapping({
                            ...mapping,
                            columns: mapping.columns.map((one, at) => (at === index ? { ...one, role } : one))
                          })
                        }}
                      />
                    </th>
                  ))}
                </tr>
              </thead>
              <tbody>
                {upload.rows.slice(0, 6).map((row, at) => (
                  // biome-ignore lint/suspicious/noArrayIndexKey: these rows are as they stand in the file
                  <tr key={at}>
                    {mapping.columns.map((_, index) => (
                      // biome-ignore lint/suspicious/noArrayIndexKey: a column has no name of its own, and never moves
                      <td key={index}>
                        <bdi dir="auto">{row[index] ?? ''}</bdi>
                      </td>
                    ))}
                  </tr>
                ))}
              </tbody>
            </table>
          </div>
          <div className={classes['row']}>
            <TextInput
              label={t('import.country')}
              className="ltr"
              maxLength={2}
              value={mapping.defaultCountry ?? ''}
              onChange={event => {
                const country = event.currentTarget.value.toUpperCase()
                const { defaultCountry: _before, ...rest } = mapping
                setMapping(country === '' ? rest : { ...rest, defaultCountry: country })
              }}
            />
            <NativeSelect
              label={t('import.duplicates')}
              value={mapping.duplicates ?? 'skip'}
              data={(['skip', 'update'] as const).map(value => ({ value, label: t(`duplicates.${value}`) }))}
              onChange={event =>
                setMapping({ ...mapping, duplicates: event.currentTarget.value === 'update' ? 'update' : 'skip' })
              }
            />
            <Button
              disabled={!mapping.columns.some(one => one.role === 'number')}
              loading={begin.isPending}
              onClick={() => begin.mutate()}
            >
              {t('import.start')}
            </Button>
          </div>
          {begin.isError && <Problem error={begin.error} />}
        </div>
      )}
      {imports.isPending ? (
        <Waiting what={t('list.waiting')} lines={3} />
      ) : (
        (imports.data ?? []).map(one => <ImportReport key={one.id} one={one} onCancel={() => cancel.mutate(one.id)} />)
      )}
    </div>
  )
}

function ImportReport({ one, onCancel }: Readonly<{ one: ListImport; onCancel(): void }>) {
  const { t } = useTranslation('campaigns')
  const { number } = useFormat()
  return (
    <section className={own['report']} aria-label={one.sourceName} data-testid="import-report">
      <h3>
        <bdi>{one.sourceName}</bdi> · {t(`importState.${one.state}`)}
      </h3>
      {one.state === 'running' && (
        <div className={classes['section']}>
          <Progress.Root>
            <Progress.Section
              value={one.totalBytes === null ? 0 : (100 * one.bytes) / Math.max(1, one.totalBytes)}
              aria-label={t('import.progress')}
            />
          </Progress.Root>
          <p>{t('import.leave')}</p>
          <Button variant="default" onClick={onCancel}>
            {t('import.cancel')}
          </Button>
        </div>
      )}
      <p role="status">
        {t('import.counts', {
          lines: number(one.lines),
          imported: number(one.imported),
          updated: number(one.updated),
          duplicates: number(one.duplicates),
          wrong: number(one.wrong)
        })}
      </p>
      {one.failure !== null && (
        <Alert color="red">
          {one.failure.message} <code className="ltr">{one.failure.code}</code>
        </Alert>
      )}
      {one.problems.length > 0 && (
        <ul className={own['plain']}>
          {one.problems.slice(0, 50).map(problem => (
            <li key={`${problem.line} ${problem.code}`}>
              {t('import.line', { line: number(problem.line) })}{' '}
              {t(`line.${problem.code}` as 'line.NUMBER_INVALID', { shown: problem.shown ?? '' })}
            </li>
          ))}
        </ul>
      )}
    </section>
  )
}
