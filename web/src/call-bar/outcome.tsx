import { Combobox, TextInput, useCombobox } from '@mantine/core'
import { useEffect, useRef, useState } from 'react'
import { useTranslation } from 'react-i18next'
import type { SoftphonePush } from '../../../server/softphone/protocol.ts'
import { registerPlace } from '../desk/desk-focus.ts'
import { foldForSearch } from '../i18n/format.ts'
import { prefs, setPrefs } from '../prefs.ts'
import { useStore } from '../store.ts'

type Disposition = Extract<SoftphonePush, { kind: 'hello' }>['dispositions'][number]

const RECENT = 5

/** The outcome of a call: the five last chosen ones first, the others by search. None is ever chosen by itself. */
export function Outcome({
  dispositions,
  value,
  onChange,
  error
}: Readonly<{
  dispositions: readonly Disposition[]
  value: string | null
  onChange(code: string): void
  error: string | null
}>) {
  const { t } = useTranslation()
  const recentCodes = useStore(prefs, one => one.recentOutcomes)
  const [search, setSearch] = useState('')
  const combobox = useCombobox({ onDropdownClose: () => combobox.resetSelectedOption() })
  const input = useRef<HTMLInputElement>(null)
  useEffect(
    () =>
      registerPlace('outcome', () => {
        input.current?.focus()
        input.current?.select()
      }),
    []
  )
  const labelOf = (code: string | null) => dispositions.find(one => one.code === code)?.label ?? ''
  const wanted = foldForSearch(search)
  const found = dispositions.filter(one => foldForSearch(`${one.label} ${one.code}`).includes(wanted))
  const recent = recentCodes.slice(0, RECENT).flatMap(code => found.find(one => one.code === code) ?? [])
  const others = found.filter(one => !recent.includes(one))
  const option = (one: Disposition) => (
    <Combobox.Option key={one.code} value={one.code}>
      {one.label}
    </Combobox.Option>
  )
  return (
    <Combobox
      store={combobox}
      withinPortal
      onOptionSubmit={code => {
        onChange(code)
        setSearch(labelOf(code))
        setPrefs({ recentOutcomes: [code, ...recentCodes.filter(one => one !== code)].slice(0, RECENT) })
        combobox.closeDropdown()
      }}
    >
      <Combobox.Target>
        <TextInput
          ref={input}
          aria-label={t('wrapUp.outcome')}
          placeholder={t('wrapUp.outcome')}
          data-testid="outcome"
          w={240}
          size="md"
          autoComplete="off"
          value={search}
          error={error}
          onChange={event => {
            setSearch(event.currentTarget.value)
            combobox.openDropdown()
            combobox.updateSelectedOptionIndex()
          }}
          onFocus={() => combobox.openDropdown()}
          onClick={() => combobox.openDropdown()}
          onBlur={() => {
            combobox.closeDropdown()
            setSearch(labelOf(value))
          }}
        />
      </Combobox.Target>
      <Combobox.Dropdown>
        <Combobox.Options mah={280} style={{ overflowY: 'auto' }} aria-label={t('wrapUp.outcome')}>
          {found.length === 0 && <Combobox.Empty>{t('wrapUp.noOutcome')}</Combobox.Empty>}
          {recent.length > 0 && <Combobox.Group label={t('wrapUp.recent')}>{recent.map(option)}</Combobox.Group>}
          {others.map(option)}
        </Combobox.Options>
      </Combobox.Dropdown>
    </Combobox>
  )
}
