import { TextInput } from '@mantine/core'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ReactNode, useDeferredValue, useMemo, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { foldForSearch } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import classes from './admin.module.css'

export type Column<Row> = Readonly<{ name: string; cell(row: Row): ReactNode }>

const ROW_PX = 40

/** A list that may be long: filtered by any of its words, and only the rows in sight are drawn. The first column opens. */
export function DataTable<Row>({
  label,
  rows,
  keyOf,
  wordsOf,
  columns,
  onOpen,
  children
}: Readonly<{
  label: string
  rows: readonly Row[]
  keyOf(row: Row): string
  /** What the filter looks in. */
  wordsOf(row: Row): string
  columns: readonly Column<Row>[]
  onOpen?: ((row: Row) => void) | undefined
  /** Beside the filter. */
  children?: ReactNode
}>) {
  const { t } = useTranslation('admin')
  const [search, setSearch] = useState('')
  const wanted = useDeferredValue(foldForSearch(search))
  const folded = useMemo(() => rows.map(row => ({ row, words: foldForSearch(wordsOf(row)) })), [rows, wordsOf])
  const found = useMemo(() => folded.filter(one => one.words.includes(wanted)).map(one => one.row), [folded, wanted])
  const box = useRef<HTMLElement>(null)
  const virtual = useVirtualizer({
    count: found.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 20
  })
  const shown = virtual.getVirtualItems()
  const before = shown[0]?.start ?? 0
  const after = virtual.getTotalSize() - (shown.at(-1)?.end ?? 0)
  return (
    <div className={classes['list']}>
      <div className={classes['row']}>
        <TextInput
          aria-label={t('list.filter')}
          placeholder={t('list.filter')}
          leftSection={<Icon name="search" size={16} />}
          value={search}
          onChange={event => setSearch(event.currentTarget.value)}
        />
        <span className={classes['count']} role="status">
          {t('list.count', { count: found.length })}
        </span>
        {children}
      </div>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section ref={box} className={classes['scroll']} tabIndex={0} aria-label={label}>
        <table className={classes['table']} aria-rowcount={found.length + 1}>
          <thead>
            <tr>
              {columns.map(column => (
                <th key={column.name} scope="col">
                  {column.name}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            {before > 0 && <Spacer height={before} columns={columns.length} />}
            {shown.map(({ index }) => {
              const row = found[index]
              return row === undefined ? null : (
                <tr key={keyOf(row)} aria-rowindex={index + 2}>
                  {columns.map((column, at) =>
                    at === 0 ? (
                      <th key={column.name} scope="row">
                        {onOpen === undefined ? (
                          column.cell(row)
                        ) : (
                          <button type="button" className={classes['open']} onClick={() => onOpen(row)}>
                            {column.cell(row)}
                          </button>
                        )}
                      </th>
                    ) : (
                      <td key={column.name}>{column.cell(row)}</td>
                    )
                  )}
                </tr>
              )
            })}
            {after > 0 && <Spacer height={after} columns={columns.length} />}
          </tbody>
        </table>
        {found.length === 0 && (
          <p className={classes['empty']}>{search === '' ? t('list.empty') : t('list.noMatch', { search })}</p>
        )}
      </section>
    </div>
  )
}

function Spacer({ height, columns }: Readonly<{ height: number; columns: number }>) {
  return (
    <tr>
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  )
}
