import '@mantine/core/styles/Drawer.layer.css'
import { Button, Drawer } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { type ReactNode, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useSearchParams } from 'react-router'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import classes from './admin.module.css'
import { type Column, DataTable } from './data-table.tsx'
import { EditForm } from './edit-form.tsx'
import type { Field, Values } from './fields.ts'
import { useMay } from './use-may.ts'

export type ResourceProps<Row extends Values> = Readonly<{
  title: string
  /** Of one thing, such as "Number". */
  one: string
  path: string
  /** Permission to change. */
  permission: string
  keyOf(row: Row): string
  nameOf(row: Row): string
  wordsOf(row: Row): string
  columns: readonly Column<Row>[]
  fields: readonly Field[]
  /** The row as the form shows it, where that differs. */
  toForm?: ((row: Row) => Values) | undefined
  /** What a new one begins with. */
  fresh: Values
  /** Where a new one is sent; by default POST to `path`. */
  create?: ((values: Values) => Promise<unknown>) | undefined
  /** Where a change is sent; by default PATCH of the changed fields. */
  change?: ((row: Row, values: Values) => Promise<unknown>) | undefined
  canRemove: boolean
  /** Who is affected by a change. */
  usedBy?: ((row: Row) => ReactNode) | undefined
  /** Above the list, such as a secret that is shown once. */
  notice?: ReactNode
  /** Below the form of one that is there. */
  more?: ((row: Row) => ReactNode) | undefined
  /** For lists that change by themselves: how often they are read again. */
  refreshMs?: number | undefined
}>

/** A list of settings of one kind, and a drawer to change one; refusals come in the server's words. */
export function ResourcePage<Row extends Values>(props: ResourceProps<Row>) {
  const { title, path, permission, keyOf, nameOf, fields } = props
  const { t } = useTranslation('admin')
  const { t: common } = useTranslation()
  const client = useQueryClient()
  const [search, setSearch] = useSearchParams()
  const [removing, setRemoving] = useState(false)
  const refusal = useMay(permission)
  const list = useQuery({
    queryKey: ['admin', path],
    queryFn: ({ signal }) => everyPage<Row>(path, signal),
    ...(props.refreshMs !== undefined && { refetchInterval: props.refreshMs })
  })
  const opened = search.get('open')
  const isNew = search.has('new')
  const close = () => {
    setRemoving(false)
    setSearch({})
  }
  const saved = () => {
    void client.invalidateQueries({ queryKey: ['admin'] })
    close()
  }
  const remove = useMutation({
    mutationFn: (row: Row) => api(`${path}/${encodeURIComponent(keyOf(row))}`, { method: 'DELETE' }),
    onSuccess(_, row) {
      notify(t('list.removed', { name: nameOf(row) }))
      saved()
    }
  })
  if (list.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (list.isError) return <Problem error={list.error} onRetry={() => void list.refetch()} />
  const row = list.data.find(one => keyOf(one) === opened)
  const create = props.create ?? (values => api(path, { method: 'POST', body: values }))
  const change =
    props.change ??
    ((one: Row, values: Values) => api(`${path}/${encodeURIComponent(keyOf(one))}`, { method: 'PATCH', body: values }))
  return (
    <div className={classes['section']}>
      <h2 id="resource-title">{title}</h2>
      {props.notice}
      <DataTable
        label={title}
        rows={list.data}
        keyOf={keyOf}
        wordsOf={props.wordsOf}
        columns={props.columns}
        onOpen={one => setSearch({ open: keyOf(one) })}
      >
        <Button disabled={refusal !== null} onClick={() => setSearch({ new: '' })}>
          {t('list.add')}
        </Button>
        {refusal !== null && <span className={classes['count']}>{refusal}</span>}
      </DataTable>
      <Drawer
        opened={isNew || row !== undefined}
        onClose={close}
        position="right"
        size="lg"
        title={row === undefined ? t('list.newOne', { one: props.one }) : nameOf(row)}
        closeButtonProps={{ 'aria-label': common('action.close') }}
      >
        {row !== undefined && props.usedBy !== undefined && (
          <p className={classes['used']} data-testid="used-by">
            {props.usedBy(row)}
          </p>
        )}
        {(isNew || row !== undefined) && (
          <EditForm
            key={row === undefined ? 'new' : keyOf(row)}
            draftKey={`${path}/${row === undefined ? 'new' : keyOf(row)}`}
            fields={fields}
            before={row === undefined ? props.fresh : (props.toForm?.(row) ?? row)}
            isNew={row === undefined}
            refusal={refusal}
            save={values => (row === undefined ? create(values) : change(row, values))}
            onSaved={saved}
          />
        )}
        {row !== undefined && props.more?.(row)}
        {row !== undefined && props.canRemove && (
          <div className={classes['remove']}>
            {remove.isError && <Problem error={remove.error} />}
            {removing ? (
              <div className={classes['row']}>
                <span>{t('list.removeSure', { name: nameOf(row) })}</span>
                <Button color="red" loading={remove.isPending} onClick={() => remove.mutate(row)}>
                  {t('list.removeNow')}
                </Button>
                <Button variant="default" onClick={() => setRemoving(false)}>
                  {common('action.cancel')}
                </Button>
              </div>
            ) : (
              <Button variant="default" disabled={refusal !== null} onClick={() => setRemoving(true)}>
                {t('list.remove')}
              </Button>
            )}
          </div>
        )}
      </Drawer>
    </div>
  )
}
