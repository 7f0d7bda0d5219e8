import { Button, TextInput } from '@mantine/core'
import { useMutation, useQuery, useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api, type Page } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { notify } from '../parts/notices.tsx'
import { Problem } from '../parts/problem.tsx'
import type { Store } from '../privacy/api.ts'
import { useStoreName } from '../privacy/store-name.ts'
import classes from './quality.module.css'

const RESULTS = ['granted', 'refused', 'withdrawn'] as const
const METHODS = ['notRequired', 'notice', 'key', 'speech', 'silence', 'agent', 'conduct'] as const
const POLICIES = ['one_party', 'notice', 'notice_object', 'all_party', 'opt_in', 'never'] as const
const OWN_NAMES = ['recordings', 'transcripts', 'voicemails', 'notes', 'calls'] as const
const VERDICTS = ['held', 'kept', 'due', 'unmatched'] as const

type Consent = Readonly<{
  id: string
  at: string
  party: string
  result: (typeof RESULTS)[number]
  policy: (typeof POLICIES)[number]
  method: (typeof METHODS)[number]
  jurisdictions: readonly string[]
  reasons: readonly Readonly<{ rule: string; jurisdiction: string; cites: readonly string[] }>[]
}>
type Kept = Readonly<{
  items: readonly Readonly<{
    store: Store
    id: string
    verdict: (typeof VERDICTS)[number]
    rule: Readonly<{ name: string; reason: string }> | null
    deleteAt: string | null
    hold: string | null
  }>[]
  erased: readonly Readonly<{ store: string; at: string; cause: string; method: string }>[]
}>
type Voicemail = Readonly<{ id: string; mailbox: string; durationMs: number; createdAt: string }>

/** On what leave a call is recorded, which rule keeps each part of it and until when, and messages that were left. */
export function CallPapers({ callId, may }: Readonly<{ callId: string; may(permission: string): boolean }>) {
  return (
    <>
      {may('voicemails:read') && <Voicemails callId={callId} />}
      <Consents callId={callId} />
      {may('retention:read') && <Keeping callId={callId} mayHold={may('retention:write')} />}
    </>
  )
}

function Consents({ callId }: Readonly<{ callId: string }>) {
  const { t } = useTranslation('quality')
  const { dateTime } = useFormat()
  const consents = useQuery({
    queryKey: ['quality', 'consents', callId],
    queryFn: async ({ signal }) =>
      (await api<{ items: readonly Consent[] }>(`/calls/${callId}/recording-consents`, { signal })).items
  })
  return (
    <section className="card" aria-labelledby="consents-title" data-testid="call-consents">
      <h2 id="consents-title">{t('leave.title')}</h2>
      {consents.isError && <Problem error={consents.error} />}
      {consents.data?.length === 0 && <p className={classes['dim']}>{t('leave.none')}</p>}
      <ul className={classes['comments']}>
        {(consents.data ?? []).map(one => (
          <li key={one.id}>
            <b>{t(`leave.${one.party === 'customer' || one.party === 'voicemail' ? one.party : 'joined'}`)}</b>{' '}
            {t(`leave.result.${one.result}`)} · {t(`leave.method.${one.method}`)} · {dateTime(one.at)}
            <details>
              <summary>
                {t(`leave.policy.${one.policy}`)} (<span className="ltr">{one.jurisdictions.join(', ')}</span>)
              </summary>
              <ul>
                {one.reasons.map(reason => (
                  <li key={`${reason.rule} ${reason.jurisdiction}`}>
                    <code className="ltr">{reason.rule}</code> <bdi>{reason.cites.join('; ')}</bdi>
                  </li>
                ))}
              </ul>
            </details>
          </li>
        ))}
      </ul>
    </section>
  )
}

function Keeping({ callId, mayHold }: Readonly<{ callId: string; mayHold: boolean }>) {
  const { t } = useTranslation('quality')
  const storeName = useStoreName()
  const { date } = useFormat()
  const client = useQueryClient()
  const [matter, setMatter] = useState('')
  const [reason, setReason] = useState('')
  const kept = useQuery({
    queryKey: ['quality', 'keeping', callId],
    queryFn: ({ signal }) => api<Kept>(`/calls/${callId}/retention`, { signal })
  })
  const nameOf = (store: string) => {
    const own = OWN_NAMES.find(one => one === store)
    if (own !== undefined) return t(`keep.store.${own}`)
    return storeName(store)
  }
  const hold = useMutation({
    mutationFn: () => api('/legal-holds', { method: 'POST', body: { callId, matter, reason } }),
    onSuccess() {
      setMatter('')
      setReason('')
      notify(t('keep.held'))
      void client.invalidateQueries({ queryKey: ['quality', 'keeping', callId] })
    }
  })
  return (
    <section className="card" data-testid="call-keeping">
      <h2 id="keep-title">{t('keep.title')}</h2>
      {kept.isError && <Problem error={kept.error} />}
      {kept.data !== undefined && (
        // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reachable by keyboard
        <section className={classes['scroll']} tabIndex={0} aria-label={t('keep.title')}>
          <table className={classes['table']}>
            <tbody>
              {kept.data.items.map(one => (
                <tr key={`${one.store} ${one.id}`}>
                  <th scope="row" className={classes['firstBig']}>
                    {nameOf(one.store)}
                  </th>
                  <td>
                    {t(`keep.verdict.${one.verdict}`)}
                    {one.hold !== null && (
                      <>
                        {': '}
                        <bdi>{one.hold}</bdi>
                      </>
                    )}
                  </td>
                  <td>
                    {one.rule !== null && (
                      <>
                        <bdi>{one.rule.name}</bdi> · {one.deleteAt === null ? t('keep.endless') : date(one.deleteAt)}
                        <div className={classes['dim']}>{one.rule.reason}</div>
                      </>
                    )}
                  </td>
                </tr>
              ))}
              {kept.data.erased.map(one => (
                <tr key={`${one.store} ${one.at}`}>
                  <th scope="row" className={classes['firstBig']}>
                    {nameOf(one.store)}
                  </th>
                  <td>{t('keep.erased', { at: date(one.at) })}</td>
                  <td className={classes['dim']} dir="auto">
                    {one.method}
                  </td>
                </tr>
              ))}
            </tbody>
          </table>
        </section>
      )}
      {mayHold && (
        <details>
          <summary>{t('keep.hold')}</summary>
          <form
            className={classes['form']}
            onSubmit={event => {
              event.preventDefault()
              hold.mutate()
            }}
          >
            <TextInput
              label={t('keep.matter')}
              required
              minLength={2}
              value={matter}
              onChange={event => setMatter(event.currentTarget.value)}
            />
            <TextInput
              label={t('keep.reason')}
              required
              minLength={3}
              value={reason}
              onChange={event => setReason(event.currentTarget.value)}
            />
            {hold.isError && <Problem error={hold.error} />}
            <div>
              <Button type="submit" variant="default" loading={hold.isPending}>
                {t('keep.holdNow')}
              </Button>
            </div>
          </form>
        </details>
      )}
    </section>
  )
}

function Voicemails({ callId }: Readonly<{ callId: string }>) {
  const { t } = useTranslation('quality')
  const { dateTime, duration } = useFormat()
  const messages = useQuery({
    queryKey: ['quality', 'voicemails', callId],
    queryFn: async ({ signal }) => (await api<Page<Voicemail>>('/voicemails', { query: { callId }, signal })).items
  })
  if (messages.isError) return <Problem error={messages.error} />
  if (messages.data === undefined || messages.data.length === 0) return null
  return (
    <section className="card" aria-labelledby="voicemails-title" data-testid="call-voicemails">
      <h2 id="voicemails-title">{t('voicemail.title')}</h2>
      <ul className={classes['comments']}>
        {messages.data.map(one => (
          <li key={one.id}>
            <bdi>{one.mailbox}</bdi> · {dateTime(one.createdAt)} ·{' '}
            <span className="ltr">{duration(one.durationMs)}</span>
            {/* biome-ignore lint/a11y/useMediaCaption: a message that a caller has left has no captions */}
            <audio
              className={classes['message']}
              controls
              preload="none"
              src={`/api/v1/voicemails/${one.id}/audio`}
              aria-label={t('voicemail.hear')}
            />
          </li>
        ))}
      </ul>
    </section>
  )
}
