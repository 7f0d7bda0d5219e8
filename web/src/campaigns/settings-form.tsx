import '@mantine/core/styles/Checkbox.layer.css'
import '@mantine/core/styles/NumberInput.layer.css'
import { Alert, Button, Checkbox, NativeSelect, NumberInput, Textarea, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import classes from '../admin/admin.module.css'
import { useMay } from '../admin/use-may.ts'
import { api } from '../api/client.ts'
import { everyPage } from '../api/directory.ts'
import { LANGUAGE_NAMES } from '../prefs.ts'
import { Icon } from '../parts/icons.tsx'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import {
  type CallerId,
  type Campaign,
  type ContactList,
  itemsQuery,
  type Pacing,
  RETRIES,
  type Settings,
  STATEMENTS,
  type Words
} from './campaign-api.ts'
import own from './campaigns.module.css'
import { Hours } from './settings-hours.tsx'
import { SettingsAnswers } from './settings-answers.tsx'
import { SettingsMore } from './settings-more.tsx'

type Named = Readonly<{ id: string; name: string }>
type Draft = Readonly<{ name: string; pacing: Pacing; settings: Settings }>

const PACINGS = ['preview', 'progressive', 'predictive', 'agentless'] as const
const PURPOSES = [
  'marketing',
  'existing_customer_marketing',
  'service',
  'appointment_reminder',
  'callback_requested',
  'collections',
  'research',
  'charity',
  'political',
  'emergency'
] as const

/** Everything that a campaign is to do. What is typed is kept in this browser until it is saved. */
export function SettingsForm({ campaign }: Readonly<{ campaign: Campaign }>) {
  const { t } = useTranslation('campaigns')
  const client = useQueryClient()
  const refusal = useMay('campaigns:write')
  const isLocked = refusal !== null || campaign.state === 'running' || campaign.state === 'ended'
  const draftKey = `campaign-draft/${campaign.id}`
  const [draft, setDraft] = useState<Draft>(() => kept(draftKey) ?? campaign)
  const { settings } = draft
  const lists = useQuery(itemsQuery<ContactList>('/contact-lists'))
  const numbers = useQuery(itemsQuery<CallerId>('/caller-ids'))
  const queues = useQuery({ queryKey: ['queues'], queryFn: ({ signal }) => everyPage<Named>('/queues', signal) })
  const flows = useQuery({ queryKey: ['flows'], queryFn: ({ signal }) => everyPage<Named>('/flows', signal) })
  const isChanged = draft !== campaign
  useEffect(() => {
    if (!isChanged) return
    const timer = setTimeout(() => sessionStorage.setItem(draftKey, JSON.stringify(draft)), 1_000)
    return () => clearTimeout(timer)
  }, [draft, draftKey, isChanged])
  const save = useMutation({
    mutationFn: () =>
      api<Campaign>(`/campaigns/${campaign.id}`, {
        method: 'PATCH',
        body: { name: draft.name, pacing: draft.pacing, settings }
      }),
    onSuccess() {
      sessionStorage.removeItem(draftKey)
      notify(t('setup.saved'))
      void client.invalidateQueries({ queryKey: ['campaigns'] })
    }
  })
  const set = (change: Partial<Settings>) => setDraft({ ...draft, settings: { ...settings, ...change } })
  const language = settings.defaultLanguage
  const words: Words = settings.languages[language] ?? { identification: '' }
  const setWords = (name: (typeof STATEMENTS)[number], text: string) => {
    const { [name]: _before, ...rest } = words
    set({
      languages: { ...settings.languages, [language]: { ...(rest as Words), ...(text !== '' && { [name]: text }) } }
    })
  }
  const isAgentless = draft.pacing === 'agentless'
  return (
    <form
      className={own['form']}
      data-testid="settings"
      onSubmit={event => {
        event.preventDefault()
        save.mutate()
      }}
    >
      {(campaign.problems ?? []).length > 0 && (
        <Alert icon={<Icon name="triangle" />} title={t('setup.missing')} data-testid="problems">
          <ul>
            {(campaign.problems ?? []).map(one => (
              <li key={`${one.at} ${one.code}`}>
                {t(`problem.${one.code}` as 'problem.LIST_MISSING', { at: one.at })}
              </li>
            ))}
          </ul>
        </Alert>
      )}
      <fieldset className={own['fields']} disabled={isLocked}>
        <legend>{t('setup.purposePart')}</legend>
        <TextInput
          label={t('setup.name')}
          value={draft.name}
          onChange={event => setDraft({ ...draft, name: event.currentTarget.value })}
        />
        <NativeSelect
          label={t('setup.pacing')}
          value={draft.pacing}
          data={PACINGS.map(value => ({ value, label: t(`pacing.${value}`) }))}
          onChange={event =>
            setDraft({ ...draft, pacing: PACINGS.find(one => one === event.currentTarget.value) ?? 'preview' })
          }
        />
        <NativeSelect
          label={t('setup.purpose')}
          value={settings.purpose}
          data={PURPOSES.map(value => ({ value, label: t(`purpose.${value}`) }))}
          onChange={event => set({ purpose: event.currentTarget.value })}
        />
        <TextInput
          label={t('setup.seller')}
          description={t('setup.sellerSays')}
          value={settings.seller}
          onChange={event => set({ seller: event.currentTarget.value })}
        />
        {isAgentless ? (
          <NativeSelect
            label={t('setup.flow')}
            value={settings.flowId ?? ''}
            data={[
              { value: '', label: t('setup.choose') },
              ...(flows.data ?? []).map(one => ({ value: one.id, label: one.name }))
            ]}
            onChange={event => set({ flowId: event.currentTarget.value })}
          />
        ) : (
          <NativeSelect
            label={t('setup.queue')}
            value={settings.queue ?? ''}
            data={[
              { value: '', label: t('setup.choose') },
              ...(queues.data ?? []).map(one => ({ value: one.id, label: one.name }))
            ]}
            onChange={event => set({ queue: event.currentTarget.value })}
          />
        )}
        {isAgentless && (
          <Checkbox
            label={t('setup.isAi')}
            description={t('setup.isAiSays')}
            checked={settings.isAi === true}
            onChange={event => set({ isAi: event.currentTarget.checked })}
          />
        )}
        {!isAgentless && (
          <Textarea
            label={t('setup.script')}
            autosize
            minRows={3}
            maxRows={10}
            value={settings.script ?? ''}
            onChange={event => set({ script: event.currentTarget.value })}
          />
        )}
      </fieldset>
      <fieldset className={own['fields']} disabled={isLocked}>
        <legend>{t('setup.listPart')}</legend>
        {(lists.data ?? []).map(list => (
          <Checkbox
            key={list.id}
            label={t('setup.listWith', { name: list.name, count: list.contacts })}
            checked={settings.lists.includes(list.id)}
            onChange={event => set({ lists: toggled(settings.lists, list.id, event.currentTarget.checked) })}
          />
        ))}
        {lists.data?.length === 0 && <p>{t('setup.noLists')}</p>}
      </fieldset>
      <fieldset className={own['fields']} disabled={isLocked}>
        <legend>{t('setup.numberPart')}</legend>
        {(numbers.data ?? []).map(one => (
          <Checkbox
            key={one.id}
            label={
              <>
                <bdi dir="ltr">{one.number}</bdi> {one.label}{' '}
                {one.whyUnusable !== null && `· ${t(`unusable.${one.whyUnusable}`)}`}
              </>
            }
            checked={settings.callerIds.includes(one.id)}
            onChange={event => set({ callerIds: toggled(settings.callerIds, one.id, event.currentTarget.checked) })}
          />
        ))}
        {numbers.data?.length === 0 && <p>{t('setup.noNumbers')}</p>}
      </fieldset>
      <fieldset className={own['fields']} disabled={isLocked}>
        <legend>{t('setup.timePart')}</legend>
        <p className={own['says']}>{t('setup.timeSays')}</p>
        <Hours schedule={settings.schedule} onChange={weekly => set({ schedule: { ...settings.schedule, weekly } })} />
      </fieldset>
      <fieldset className={own['fields']} disabled={isLocked}>
        <legend>{t('setup.wordsPart')}</legend>
        <NativeSelect
          label={t('setup.language')}
          value={language}
          data={Object.entries(LANGUAGE_NAMES).map(([value, label]) => ({ value, label }))}
          onChange={event => set({ defaultLanguage: event.currentTarget.value })}
        />
        {STATEMENTS.map(name => (
          <Textarea
            key={name}
            label={t(`statement.${name}`)}
            lang={language}
            dir="auto"
            autosize
            minRows={1}
            maxRows={6}
            value={words[name] ?? ''}
            onChange={event => setWords(name, event.currentTarget.value)}
          />
        ))}
        <TextInput
          label={t('setup.optOutKey')}
          maxLength={1}
          value={settings.optOutKey ?? ''}
          onChange={event => set({ optOutKey: event.currentTarget.value })}
        />
        {(isAgentless || draft.pacing === 'predictive') && (
          <Checkbox
            label={t('setup.recordsNotices')}
            checked={settings.recordsNotices === true}
            onChange={event => set({ recordsNotices: event.currentTarget.checked })}
          />
        )}
      </fieldset>
      <fieldset className={own['fields']} disabled={isLocked}>
        <legend>{t('setup.pacePart')}</legend>
        <SettingsAnswers amd={settings.amd} set={amd => set({ amd })} />
        <NumberInput
          label={t('setup.ring')}
          description={t('setup.ringSays')}
          min={15}
          max={60}
          value={settings.ringMs / 1_000}
          onChange={value => set({ ringMs: Math.round(Number(value) || 15) * 1_000 })}
        />
        <NumberInput
          label={t('setup.maxLines')}
          min={1}
          max={5_000}
          value={settings.maxLines}
          onChange={value => set({ maxLines: Number(value) || 1 })}
        />
        <NumberInput
          label={t('setup.maxAttempts')}
          min={1}
          max={50}
          value={settings.maxAttempts}
          onChange={value => set({ maxAttempts: Number(value) || 1 })}
        />
        <NumberInput
          label={t('setup.perSecond')}
          min={1}
          max={1_000}
          value={settings.maxCallsPerSecond}
          onChange={value => set({ maxCallsPerSecond: Number(value) || 1 })}
        />
        <div className={own['wide']}>
          <table className={own['lines']}>
            <caption className={own['caption']}>{t('setup.retries')}</caption>
            <thead>
              <tr>
                <th scope="col">{t('setup.after')}</th>
                <th scope="col">{t('setup.times')}</th>
                <th scope="col">{t('setup.gap')}</th>
                <th scope="col">{t('setup.nextNumber')}</th>
              </tr>
            </thead>
            <tbody>
              {RETRIES.map(outcome => {
                const rule = settings.retries[outcome] ?? { times: 0, gapMinutes: 60 }
                const change = (next: Partial<typeof rule>) =>
                  set({ retries: { ...settings.retries, [outcome]: { ...rule, ...next } } })
                return (
                  <tr key={outcome}>
                    <th scope="row">{t(`outcome.${outcome}`)}</th>
                    <td>
                      <NumberInput
                        aria-label={t('setup.timesOf', { outcome: t(`outcome.${outcome}`) })}
                        min={0}
                        max={20}
                        value={rule.times}
                        onChange={value => change({ times: Number(value) || 0 })}
                      />
                    </td>
                    <td>
                      <NumberInput
                        aria-label={t('setup.gapOf', { outcome: t(`outcome.${outcome}`) })}
                        min={1}
                        max={43_200}
                        value={rule.gapMinutes}
                        onChange={value => change({ gapMinutes: Number(value) || 1 })}
                      />
                    </td>
                    <td>
                      <Checkbox
                        aria-label={t('setup.nextNumberOf', { outcome: t(`outcome.${outcome}`) })}
                        checked={rule.nextNumber === true}
                        onChange={event => change({ nextNumber: event.currentTarget.checked })}
                      />
                    </td>
                  </tr>
                )
              })}
            </tbody>
          </table>
        </div>
      </fieldset>
      <SettingsMore
        campaignId={campaign.id}
        settings={settings}
        isLocked={isLocked}
        set={set}
        unset={name => {
          const { [name]: _before, ...rest } = settings
          setDraft({ ...draft, settings: rest as Settings })
        }}
      />
      {save.isError && <Problem error={save.error} />}
      <div className={classes['row']}>
        <Button type="submit" disabled={isLocked} loading={save.isPending}>
          {t('setup.save')}
        </Button>
        {refusal !== null && <span className={classes['count']}>{refusal}</span>}
        {refusal === null && isLocked && <span className={classes['count']}>{t('setup.locked')}</span>}
      </div>
    </form>
  )
}

function toggled(values: readonly string[], value: string, isOn: boolean): readonly string[] {
  return isOn ? [...values.filter(one => one !== value), value] : values.filter(one => one !== value)
}

function kept(key: string): Draft | null {
  const text = sessionStorage.getItem(key)
  return text === null ? null : (JSON.parse(text) as Draft)
}
