import '@mantine/core/styles/NumberInput.layer.css'
import { Button, NumberInput, Textarea, TextInput } from '@mantine/core'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { Settings } from './campaign-api.ts'
import own from './campaigns.module.css'

type Props = Readonly<{
  settings: Settings
  isLocked: boolean
  onSegment(custom: NonNullable<NonNullable<Settings['segment']>['custom']>): void
  onFirst(first: NonNullable<Settings['first']>): void
}>

type Condition = Readonly<{ field: string; values: string }>
type Place = Readonly<{ field: string; value: string; priority: number }>

const USUAL_PRIORITY = 5
/** As many as the API takes. */
const MAX_PLACES = 20

/** Who is meant and who goes first, by what the lists say of people. A line counts when it is whole. */
export function SettingsPeople({ settings, isLocked, onSegment, onFirst }: Props) {
  const { t } = useTranslation('campaigns')
  const field: Column<Readonly<{ field: string }>> = {
    head: t('setup.field'),
    cell: ({ label, line, change }) => (
      <TextInput
        aria-label={label}
        dir="auto"
        maxLength={60}
        value={line.field}
        onChange={event => change({ field: event.currentTarget.value })}
      />
    )
  }
  return (
    <div className={own['form']} data-testid="people">
      <Lines<Condition>
        legend={t('setup.fieldPart')}
        says={t('setup.fieldSays')}
        add={t('setup.addLine')}
        isLocked={isLocked}
        initial={Object.entries(settings.segment?.custom ?? {}).map(([name, values]) => ({
          field: name,
          values: values.join('\n')
        }))}
        fresh={{ field: '', values: '' }}
        columns={[
          field,
          {
            head: t('setup.values'),
            cell: ({ label, line, change }) => (
              <Textarea
                aria-label={label}
                dir="auto"
                autosize
                minRows={1}
                maxRows={6}
                value={line.values}
                onChange={event => change({ values: event.currentTarget.value })}
              />
            )
          }
        ]}
        onChange={lines => onSegment(customOf(lines))}
      />
      <Lines<Place>
        legend={t('setup.firstPart')}
        says={t('setup.firstSays')}
        add={t('setup.addFirst')}
        most={MAX_PLACES}
        isLocked={isLocked}
        initial={settings.first ?? []}
        fresh={{ field: '', value: '', priority: USUAL_PRIORITY - 1 }}
        columns={[
          field,
          {
            head: t('setup.value'),
            cell: ({ label, line, change }) => (
              <TextInput
                aria-label={label}
                dir="auto"
                maxLength={200}
                value={line.value}
                onChange={event => change({ value: event.currentTarget.value })}
              />
            )
          },
          {
            head: t('setup.priority'),
            cell: ({ label, line, change }) => (
              <NumberInput
                aria-label={label}
                min={0}
                max={9}
                allowDecimal={false}
                clampBehavior="strict"
                value={line.priority}
                onChange={value => change({ priority: Number(value) || 0 })}
              />
            )
          }
        ]}
        onChange={lines => onFirst(lines.flatMap(placeOf))}
      />
    </div>
  )
}

/** One column of the lines: its head and what a line has in it. */
type Column<Line> = Readonly<{
  head: string
  cell(of: Readonly<{ label: string; line: Line; change(part: Partial<Line>): void }>): React.ReactNode
}>

type LinesProps<Line> = Readonly<{
  legend: string
  says: string
  add: string
  most?: number
  isLocked: boolean
  initial: readonly Line[]
  fresh: Line
  columns: readonly Column<Line>[]
  onChange(lines: readonly Line[]): void
}>

/** Lines of a setting that are added, changed and taken away; they may be half written while they are typed. */
function Lines<Line extends object>({
  legend,
  says,
  add,
  most = Number.POSITIVE_INFINITY,
  isLocked,
  initial,
  fresh,
  columns,
  onChange
}: LinesProps<Line>) {
  const { t } = useTranslation('campaigns')
  const [lines, setLines] = useState<readonly Readonly<{ key: number; line: Line }>[]>(() =>
    initial.map((line, key) => ({ key, line }))
  )
  const set = (next: typeof lines) => {
    setLines(next)
    onChange(next.map(one => one.line))
  }
  const inLine = (what: string, index: number) => t('setup.inLine', { what, line: index + 1 })
  return (
    <fieldset className={own['fields']} disabled={isLocked}>
      <legend>{legend}</legend>
      <p className={own['says']}>{says}</p>
      {lines.length > 0 && (
        <div className={own['wide']}>
          <table className={own['lines']}>
            <thead>
              <tr>
                {columns.map(({ head }) => (
                  <th key={head} scope="col">
                    {head}
                  </th>
                ))}
                <td />
              </tr>
            </thead>
            <tbody>
              {lines.map(({ key, line }, index) => (
                <tr key={key}>
                  {columns.map(({ head, cell }) => (
                    <td key={head}>
                      {cell({
                        label: inLine(head, index),
                        line,
                        change: part =>
                          set(lines.map(one => (one.key === key ? { key, line: { ...one.line, ...part } } : one)))
                      })}
                    </td>
                  ))}
                  <td>
                    <Button
                      variant="default"
                      aria-label={inLine(t('setup.remove'), index)}
                      onClick={() => set(lines.filter(one => one.key !== key))}
                    >
                      {t('setup.remove')}
                    </Button>
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </div>
      )}
      <div>
        <Button
          variant="default"
          disabled={lines.length >= most}
          onClick={() => setLines([...lines, { key: Math.max(-1, ...lines.map(one => one.key)) + 1, line: fresh }])}
        >
          {add}
        </Button>
      </div>
    </fieldset>
  )
}

function placeOf({ field, value, priority }: Place): readonly Place[] {
  return field.trim() === '' || value === '' ? [] : [{ field: field.trim(), value, priority }]
}

function customOf(lines: readonly Condition[]): Record<string, readonly string[]> {
  const custom: Record<string, readonly string[]> = {}
  for (const { field, values } of lines) {
    const words = values
      .split('\n')
      .map(one => one.trim())
      .filter(one => one !== '')
    const name = field.trim()
    if (name !== '' && words.length > 0) custom[name] = [...new Set([...(custom[name] ?? []), ...words])]
  }
  return custom
}
