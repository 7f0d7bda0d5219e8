import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import classes from './compliance.module.css'

/** What most decisions rest on, of all that the question says; whatever else there is stands below as it was stored. */
export type ChiefFacts = Readonly<{
  purpose?: string
  mode?: string
  party?: string
  consent?: Readonly<{ grade: string; givenAt?: string }> | null
  internalList?: Readonly<{ since: string }> | null
  registries?: Readonly<Record<string, Readonly<{ listed: boolean; obtainedAt: string }>>>
  attempts?: readonly unknown[]
  callerId?: Readonly<{ number: string; isOwned: boolean }> | null
  campaign?: Readonly<{ live: number; abandoned: number }>
}>

/** The facts in words, for somebody who has never seen a decision. */
export function ChiefFactList({ facts }: Readonly<{ facts: ChiefFacts }>) {
  const { t } = useTranslation('compliance')
  const { number, dateTime } = useFormat()
  const { purpose, mode, party, consent, internalList, registries = {}, attempts, callerId, campaign } = facts
  const lines: (readonly [name: string, value: string])[] = []
  if (purpose !== undefined) lines.push([t('when.purpose'), t(`purpose.${purpose}` as 'purpose.service')])
  if (mode !== undefined) lines.push([t('when.mode'), t(`mode.${mode}` as 'mode.prerecorded')])
  if (party !== undefined) lines.push([t('when.party'), t(`party.${party}` as 'party.unknown')])
  if (consent === null) lines.push([t('fact.consent'), t('fact.none')])
  else if (consent !== undefined) {
    const grade = t(`consentGrade.${consent.grade}` as 'consentGrade.written_signed')
    lines.push([
      t('fact.consent'),
      consent.givenAt === undefined ? grade : t('fact.consentOf', { grade, at: dateTime(consent.givenAt) })
    ])
  }
  if (internalList !== undefined)
    lines.push([
      t('fact.ownList'),
      internalList === null ? t('fact.notListed') : t('fact.listedSince', { at: dateTime(internalList.since) })
    ])
  for (const [name, { listed, obtainedAt }] of Object.entries(registries))
    lines.push([
      t('fact.registry', { name }),
      t(listed ? 'fact.listedIn' : 'fact.notListedIn', { at: dateTime(obtainedAt) })
    ])
  if (attempts !== undefined) lines.push([t('fact.attempts'), number(attempts.length)])
  if (callerId !== undefined && callerId !== null)
    lines.push([
      t('fact.callerId'),
      t(callerId.isOwned ? 'fact.owned' : 'fact.notOwned', { number: `\u2066${callerId.number}\u2069` })
    ])
  if (campaign !== undefined)
    lines.push([
      t('fact.campaign'),
      t('fact.campaignIs', { live: number(campaign.live), abandoned: number(campaign.abandoned) })
    ])
  return (
    <dl className={classes['facts']} data-testid="chief-facts">
      {lines.map(([name, value]) => (
        <div key={name} className={classes['factLine']}>
          <dt>{name}</dt>
          <dd>{value}</dd>
        </div>
      ))}
    </dl>
  )
}
