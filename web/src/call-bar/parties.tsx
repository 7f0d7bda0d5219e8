import { ActionIcon } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { DeskCall, DeskParty } from '../../../server/softphone/protocol.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { Timer } from '../parts/timer.tsx'
import { useAct } from '../softphone/softphone-provider.tsx'
import classes from './call-bar.module.css'

const ICONS = { ringing: 'bell', talking: 'handset', onHold: 'pauseBars', gone: 'handsetDown' } as const

/** A tile for each person: state, since when, and whom they hear now. */
export function Parties({ call }: Readonly<{ call: DeskCall }>) {
  const { t } = useTranslation()
  const act = useAct()
  const others = call.parties.filter(party => party.kind !== 'self')
  return (
    <ul className={classes['tiles']} aria-label={t('call.parties')}>
      {others.map(party => (
        <li key={party.id} className={classes['tile']} data-testid={`party-${party.kind}`}>
          <span className={classes['tileHead']}>
            <Icon name={ICONS[party.state]} size={16} />
            <bdi className={classes['name']}>{party.name}</bdi>
            <span>{t(`party.${party.state}`)}</span>
            <Timer since={party.since} />
            {call.mode === 'conference' && party.state !== 'gone' && (
              <ActionIcon
                variant="subtle"
                color="gray"
                c="var(--mantine-color-text)"
                size={28}
                aria-label={t('call.drop', { name: party.name })}
                onClick={() => act(one => one.request('conference.drop', { callId: call.callId, partyId: party.id }))}
              >
                <Icon name="cross" size={16} />
              </ActionIcon>
            )}
          </span>
          {party.state !== 'gone' && (
            <span className={classes['small']}>
              <Hears party={party} parties={call.parties} />
            </span>
          )}
        </li>
      ))}
    </ul>
  )
}

function Hears({ party, parties }: Readonly<{ party: DeskParty; parties: readonly DeskParty[] }>) {
  const { t } = useTranslation()
  const { locale } = useFormat()
  if (party.state === 'onHold') return t('party.hearsMusic')
  if (party.state === 'ringing') return t('party.notThereYet')
  const heard = parties
    .filter(other => party.hears.includes(other.id))
    .map(other => (other.kind === 'self' ? t('party.you') : other.name))
  if (heard.length === 0) return t('party.hearsNobody')
  return t('party.hears', { names: new Intl.ListFormat(locale, { type: 'conjunction' }).format(heard) })
}
