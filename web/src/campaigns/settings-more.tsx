import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Checkbox, NativeSelect, NumberInput, TextInput } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import {
  ACTIONS,
  campaignsQuery,
  type Disposition,
  type DispositionRule,
  itemsQuery,
  type Settings
} from './campaign-api.ts'
import own from './campaigns.module.css'
import { SettingsPeople } from './settings-people.tsx'

type Props = Readonly<{
  campaignId: string
  settings: Settings
  isLocked: boolean
  set(change: Partial<Settings>): void
  /** Takes a setting away, which is not the same as an empty one. */
  unset(name: keyof Settings): void
}>

const LANGUAGE = /^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$/
const COUNTRY = /^[A-Z]{2}$/
const DAY = /^\d{4}-\d{2}-\d{2}$/
const REGISTRATION = /^[a-z]{2}(-[a-z0-9]+)+$/
const DEFAULT_DAYS = 30
const DEFAULT_GAP = 1_440

/** Parts of a campaign that many do without: which contacts, which days, what follows from outcomes. */
export function SettingsMore({ campaignId, settings, isLocked, set, unset }: Props) {
  const { t } = useTranslation('campaigns')
  const campaigns = useQuery(campaignsQuery)
  const { schedule, segment = {}, suppress, goal, registrations = [] } = settings
  const others = (campaigns.data ?? []).filter(one => one.id !== campaignId)
  const setDays = (change: Readonly<{ from?: string; until?: string; except?: readonly string[] }>) =>
    set({ schedule: withoutEmpty({ ...schedule, ...change }) })
  const setSegment = (change: NonNullable<Settings['segment']>) =>
    set({ segment: withoutEmpty({ ...segment, ...change }) })
  return (
    <>
      <fieldset className={own['fields']} disabled={isLocked}>
        <legend>{t('setup.morePart')}</legend>
        <TextInput
          label={t('setup.from')}
          type="date"
          value={schedule.from ?? ''}
          onChange={event => setDays({ from: event.currentTarget.value })}
        />
        <TextInput
          label={t('setup.until')}
          type="date"
          value={schedule.until ?? ''}
          onChange={event => setDays({ until: event.currentTarget.value })}
        />
        <WordsInput
          label={t('setup.except')}
          says={t('setup.exceptSays')}
          words={schedule.except ?? []}
          pattern={DAY}
          onChange={except => setDays({ except })}
        />
        <NumberInput
          label={t('setup.promiseWait')}
          description={t('setup.promiseWaitSays')}
          min={0}
          max={1_440}
          value={settings.promiseWaitMinutes ?? 10}
          onChange={value => set({ promiseWaitMinutes: Number(value) || 0 })}
        />
        <NumberInput
          label={t('setup.goal')}
          min={1}
          value={goal ?? ''}
          onChange={value => (Number(value) > 0 ? set({ goal: Number(value) }) : unset('goal'))}
        />
        <WordsInput
          label={t('setup.languages')}
          says={t('setup.codesSays', { example: 'de pt-BR' })}
          words={segment.languages ?? []}
          pattern={LANGUAGE}
          onChange={languages => setSegment({ languages })}
        />
        <WordsInput
          label={t('setup.countries')}
          says={t('setup.codesSays', { example: 'DE US' })}
          words={segment.countries ?? []}
          pattern={COUNTRY}
          onChange={countries => setSegment({ countries })}
        />
        <WordsInput
          label={t('setup.registrations')}
          says={t('setup.registrationsSays', { example: 'us-ftc-san' })}
          words={registrations}
          pattern={REGISTRATION}
          onChange={words => set({ registrations: words })}
        />
        {others.length > 0 && <p>{t('setup.suppress')}</p>}
        {others.map(one => (
          <Checkbox
            key={one.id}
            label={one.name}
            checked={suppress?.campaigns.includes(one.id) === true}
            onChange={event => {
              const rest = (suppress?.campaigns ?? []).filter(id => id !== one.id)
              const chosen = event.currentTarget.checked ? [...rest, one.id] : rest
              if (chosen.length === 0) unset('suppress')
              else set({ suppress: { campaigns: chosen, days: suppress?.days ?? DEFAULT_DAYS } })
            }}
          />
        ))}
        {suppress !== undefined && (
          <NumberInput
            label={t('setup.suppressDays')}
            min={1}
            max={3_650}
            value={suppress.days}
            onChange={value => set({ suppress: { ...suppress, days: Number(value) || 1 } })}
          />
        )}
      </fieldset>
      <SettingsPeople
        settings={settings}
        isLocked={isLocked}
        onSegment={custom => {
          const next = withoutEmpty({ ...segment, custom })
          if (Object.keys(next).length === 0) unset('segment')
          else set({ segment: next })
        }}
        onFirst={first => (first.length === 0 ? unset('first') : set({ first }))}
      />
      <Outcomes settings={settings} isLocked={isLocked} set={set} />
    </>
  )
}

function Outcomes({ settings, isLocked, set }: Pick<Props, 'settings' | 'isLocked' | 'set'>) {
  const { t, i18n } = useTranslation('campaigns')
  const dispositions = useQuery(itemsQuery<Disposition>('/dispositions'))
  const rules = settings.dispositions ?? {}
  const active = (dispositions.data ?? []).filter(one => one.isActive)
  if (active.length === 0) return null
  const setRule = (code: string, rule: DispositionRule) => set({ dispositions: { ...rules, [code]: rule } })
  return (
    <fieldset className={own['fields']} disabled={isLocked}>
      <legend>{t('setup.outcomePart')}</legend>
      <table className={own['lines']}>
        <thead>
          <tr>
            <th scope="col">{t('setup.outcome')}</th>
            <th scope="col">{t('setup.action')}</th>
            <th scope="col">{t('setup.retryGap')}</th>
          </tr>
        </thead>
        <tbody>
          {active.map(({ code, labels }) => {
            const outcome = labels[i18n.language] ?? labels['en'] ?? code
            const rule = rules[code] ?? { action: 'done' as const }
            return (
              <tr key={code}>
                <th scope="row">{outcome}</th>
                <td>
                  <NativeSelect
                    aria-label={t('setup.actionOf', { outcome })}
                    value={rule.action}
                    data={ACTIONS.map(value => ({ value, label: t(`action.${value}`) }))}
                    onChange={event => {
                      const action = ACTIONS.find(one => one === event.currentTarget.value) ?? 'done'
                      setRule(code, action === 'retry' ? { action, gapMinutes: DEFAULT_GAP } : { action })
                    }}
                  />
                </td>
                <td>
                  {rule.action === 'retry' && (
                    <NumberInput
                      aria-label={t('setup.gapOf', { outcome })}
                      min={1}
                      max={525_600}
                      value={rule.gapMinutes ?? DEFAULT_GAP}
                      onChange={value => setRule(code, { ...rule, gapMinutes: Number(value) || 1 })}
                    />
                  )}
                </td>
              </tr>
            )
          })}
        </tbody>
      </table>
    </fieldset>
  )
}

/** Codes or dates with spaces between; what is no such thing is marked and not taken over. */
function WordsInput({
  label,
  says,
  words,
  pattern,
  onChange
}: Readonly<{
  label: string
  says: string
  words: readonly string[]
  pattern: RegExp
  onChange(words: readonly string[]): void
}>) {
  const [typed, setTyped] = useState(words.join(' '))
  const isRight = splitWords(typed).every(one => pattern.test(one))
  return (
    <TextInput
      label={label}
      description={says}
      value={typed}
      error={isRight ? null : says}
      onChange={event => {
        const next = event.currentTarget.value
        setTyped(next)
        const found = splitWords(next)
        if (found.every(one => pattern.test(one))) onChange(found)
      }}
    />
  )
}

function splitWords(text: string): readonly string[] {
  return text.split(/[\s,;]+/).filter(one => one !== '')
}

/** A setting that is left empty is one that nobody has made. */
function withoutEmpty<T extends object>(value: T): T {
  const isMade = ([, one]: [string, unknown]) =>
    one !== '' && !(typeof one === 'object' && one !== null && Object.keys(one).length === 0)
  return Object.fromEntries(Object.entries(value).filter(isMade)) as T
}
