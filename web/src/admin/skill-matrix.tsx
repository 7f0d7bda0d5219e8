import { Button } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useVirtualizer } from '@tanstack/react-virtual'
import { type ClipboardEvent, type KeyboardEvent, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { useFormat, listOf } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import { Waiting } from '../parts/waiting.tsx'
import { LANGUAGES } from '../prefs.ts'
import classes from './admin.module.css'
import {
  cellOf,
  columnKey,
  type Edits,
  languagesAfter,
  type MatrixAgent,
  type MatrixColumn,
  pasteBlock,
  skillsAfter,
  storedCell,
  toCell,
  touches,
  withCell
} from './matrix.ts'
import { useDraft } from './use-draft.ts'
import { useMay } from './use-may.ts'

const ROW_PX = 40

/** Who can do what, as a table: arrows move, levels are typed or pasted from a spreadsheet, nothing holds until saved. */
export function SkillMatrix({ skills }: Readonly<{ skills: readonly string[] }>) {
  const { t } = useTranslation('admin')
  const agents = useQuery({
    queryKey: ['admin', '/agents'],
    queryFn: ({ signal }) => everyPage<MatrixAgent>('/agents', signal)
  })
  if (agents.isPending) return <Waiting what={t('list.waiting')} lines={6} />
  if (agents.isError) return <Problem error={agents.error} onRetry={() => void agents.refetch()} />
  return <Matrix agents={agents.data} skills={skills} />
}

function Matrix({ agents: unsorted, skills }: Readonly<{ agents: readonly MatrixAgent[]; skills: readonly string[] }>) {
  const { t } = useTranslation('admin')
  const { compare, languageName } = useFormat()
  const client = useQueryClient()
  const refusal = useMay('agents:write')
  const draft = useDraft<Edits>('skills', {})
  const edits = draft.value
  const [wrong, setWrong] = useState<readonly string[]>([])
  const box = useRef<HTMLElement>(null)
  const agents = unsorted.toSorted((one, other) => compare(one.name, other.name))
  const languages = [...new Set([...LANGUAGES, ...agents.flatMap(one => one.languages.map(own => own.language))])]
  const columns: readonly MatrixColumn[] = [
    ...skills.map(name => ({ kind: 'skill' as const, name })),
    ...languages.map(name => ({ kind: 'language' as const, name }))
  ]
  const changed = agents.filter(agent => edits[agent.id] !== undefined)
  const virtual = useVirtualizer({
    count: agents.length,
    getScrollElement: () => box.current,
    estimateSize: () => ROW_PX,
    overscan: 10
  })
  const shown = virtual.getVirtualItems()
  const save = useMutation({
    async mutationFn() {
      // One after another: what was saved before a refusal is no longer an edit.
      let left: Edits = edits
      for (const agent of changed) {
        if (touches(left, agent.id, 'skill'))
          await api(`/agents/${agent.id}/skills`, { method: 'PUT', body: skillsAfter(agent, columns, left) })
        if (touches(left, agent.id, 'language'))
          await api(`/agents/${agent.id}/languages`, { method: 'PUT', body: languagesAfter(agent, columns, left) })
        const { [agent.id]: _, ...rest } = left
        left = rest
        draft.set(left)
      }
    },
    async onSettled(_, err) {
      await client.invalidateQueries({ queryKey: ['admin'] })
      if (err !== null) return
      draft.forget()
      draft.set({})
      notify(t('form.saved'))
    }
  })

  const focus = (row: number, column: number) => {
    const to = { row: clamp(row, agents.length), column: clamp(column, columns.length) }
    virtual.scrollToIndex(to.row)
    requestAnimationFrame(() =>
      box.current?.querySelector<HTMLInputElement>(`[data-cell="${to.row} ${to.column}"]`)?.select()
    )
  }
  const move = (event: KeyboardEvent<HTMLInputElement>, row: number, column: number) => {
    if (event.nativeEvent.isComposing) return
    const forward = document.documentElement.dir === 'rtl' ? -1 : 1
    const steps: Readonly<Record<string, readonly [number, number]>> = {
      ArrowDown: [1, 0],
      Enter: [1, 0],
      ArrowUp: [-1, 0],
      ArrowRight: [0, forward],
      ArrowLeft: [0, -forward]
    }
    const step = steps[event.key]
    if (step === undefined) return
    event.preventDefault()
    focus(row + step[0], column + step[1])
  }
  const paste = (event: ClipboardEvent<HTMLInputElement>, row: number, column: number) => {
    event.preventDefault()
    const result = pasteBlock(edits, event.clipboardData.getData('text/plain'), agents, columns, { row, column })
    setWrong(result.wrong)
    draft.set(result.edits)
  }
  const nameOf = (column: MatrixColumn) => (column.kind === 'skill' ? column.name : languageName(column.name))

  return (
    <div className={classes['section']} data-testid="matrix">
      <h2 id="matrix-title">{t('matrix.title')}</h2>
      <p style={{ margin: 0 }}>{t('matrix.says')}</p>
      {/* biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard */}
      <section ref={box} className={classes['scroll']} tabIndex={0} aria-label={t('matrix.title')}>
        <table className={classes['table']} aria-rowcount={agents.length + 1}>
          <thead>
            <tr>
              <th scope="col">{t('matrix.agent')}</th>
              {columns.map(column => (
                <th key={columnKey(column)} scope="col">
                  {nameOf(column)}
                </th>
              ))}
            </tr>
          </thead>
          <tbody>
            <Gap height={shown[0]?.start ?? 0} columns={columns.length + 1} />
            {shown.map(({ index: row }) => {
              const agent = agents[row]
              return agent === undefined ? null : (
                <tr key={agent.id} aria-rowindex={row + 2}>
                  <th scope="row">
                    <bdi>{agent.name}</bdi>
                  </th>
                  {columns.map((column, at) => {
                    const cell = cellOf(agent, column, edits)
                    return (
                      <td key={columnKey(column)} data-changed={cell !== storedCell(agent, column)}>
                        <input
                          aria-label={t('matrix.cell', { agent: agent.name, skill: nameOf(column) })}
                          data-cell={`${row} ${at}`}
                          value={cell}
                          maxLength={2}
                          readOnly={refusal !== null}
                          onKeyDown={event => move(event, row, at)}
                          onPaste={event => paste(event, row, at)}
                          onChange={event => {
                            const typed = event.currentTarget.value.toUpperCase()
                            // The first letter of a level such as B2 is let in; it is no level before its digit comes.
                            const isBegun = column.kind === 'language' && /^[ABC]$/.test(typed)
                            const next = isBegun ? typed : toCell(column, typed)
                            if (next !== null) draft.set(withCell(edits, agent, column, next))
                          }}
                          onBlur={() => {
                            if (toCell(column, cell) === null)
                              draft.set(withCell(edits, agent, column, storedCell(agent, column)))
                          }}
                        />
                      </td>
                    )
                  })}
                </tr>
              )
            })}
            <Gap
              height={virtual.getTotalSize() - (shown.at(-1)?.end ?? virtual.getTotalSize())}
              columns={columns.length + 1}
            />
          </tbody>
        </table>
      </section>
      {wrong.length > 0 && <p role="alert">{t('matrix.wrong', { texts: listOf(wrong.slice(0, 5)) })}</p>}
      {save.isError && <Problem error={save.error} kept={t('form.kept')} />}
      <div className={classes['row']}>
        <Button
          disabled={changed.length === 0 || refusal !== null}
          loading={save.isPending}
          onClick={() => save.mutate()}
        >
          {t('matrix.save', { count: changed.length })}
        </Button>
        <Button
          variant="default"
          disabled={changed.length === 0}
          onClick={() => {
            draft.forget()
            draft.set({})
          }}
        >
          {t('form.discard')}
        </Button>
        {refusal !== null && <span>{refusal}</span>}
      </div>
    </div>
  )
}

function Gap({ height, columns }: Readonly<{ height: number; columns: number }>) {
  if (height <= 0) return null
  return (
    <tr>
      <td colSpan={columns} style={{ height, padding: 0, border: 0 }} />
    </tr>
  )
}

function clamp(at: number, count: number): number {
  return Math.max(0, Math.min(count - 1, at))
}
