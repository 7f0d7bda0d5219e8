import '@mantine/core/styles/Modal.layer.css'
import '@mantine/spotlight/styles.layer.css'
import { Spotlight } from '@mantine/spotlight'
import { useState } from 'react'
import { useTranslation } from 'react-i18next'
import { useNavigate } from 'react-router'
import { toDialled } from '../call-bar/dialled.ts'
import { useReasonWords } from '../call-bar/use-reason-words.ts'
import { foldForSearch } from '../i18n/format.ts'
import { Icon, type IconName } from '../parts/icons.tsx'
import type { Screen } from '../routes.tsx'
import { openSound } from '../sound/open-sound.ts'
import { useAct, useSoftphoneView } from '../softphone/softphone-provider.tsx'

type Found = Readonly<{ id: string; label: string; icon: IconName; run(): void }>

/** Go, do, call: everything by name. In a call, what concerns the call comes first. */
export function Palette({
  screens,
  onClose,
  open
}: Readonly<{ screens: readonly Screen[]; onClose(): void; open(overlay: 'keyList' | 'activity'): void }>) {
  const { t } = useTranslation()
  const navigate = useNavigate()
  const [query, setQuery] = useState('')
  const call = useCallActions()
  const number = toDialled(query)
  const all: readonly Found[] = [
    ...call,
    ...screens.map(screen => ({
      id: screen.path,
      label: t('palette.go', { screen: t(screen.label as 'nav.desk') }),
      icon: screen.icon,
      run: () => void navigate(screen.path.replace(/\/\*$/, ''))
    })),
    { id: 'sound', label: t('sound.title'), icon: 'speaker', run: openSound },
    { id: 'keys', label: t('keys.title'), icon: 'keypad', run: () => open('keyList') },
    { id: 'activity', label: t('activity.title'), icon: 'list', run: () => open('activity') }
  ]
  const wanted = foldForSearch(query)
  const found = all.filter(one => foldForSearch(one.label).includes(wanted))
  const dial = useDialAction(query)
  const actions = number === null || dial === null ? found : [dial, ...found]

  return (
    <Spotlight.Root
      query={query}
      onQueryChange={setQuery}
      forceOpened
      shortcut={null}
      onSpotlightClose={onClose}
      attributes={{ content: { 'aria-label': t('palette.open') } }}
      transitionProps={{ duration: 0 }}
    >
      <Spotlight.Search
        placeholder={t('palette.says')}
        aria-label={t('palette.says')}
        leftSection={<Icon name="search" />}
      />
      <Spotlight.ActionsList>
        {actions.map(one => (
          <Spotlight.Action
            key={one.id}
            label={one.label}
            leftSection={<Icon name={one.icon} />}
            onClick={() => {
              onClose()
              one.run()
            }}
          />
        ))}
        {actions.length === 0 && <Spotlight.Empty>{t('palette.nothing', { query })}</Spotlight.Empty>}
      </Spotlight.ActionsList>
    </Spotlight.Root>
  )
}

function useDialAction(query: string): Found | null {
  const { t } = useTranslation()
  const act = useAct()
  const { desk } = useSoftphoneView()
  const destination = toDialled(query)
  if (destination === null || desk === null || desk.call !== null) return null
  return {
    id: 'dial',
    label: t('palette.call', { number: query.trim() }),
    icon: 'handset',
    run: () =>
      act(softphone =>
        softphone.request('dial', {
          destination,
          purpose: destination.kind === 'extension' ? 'internal' : 'service'
        })
      )
  }
}

function useCallActions(): readonly Found[] {
  const { t } = useTranslation()
  const act = useAct()
  const reasonWords = useReasonWords()
  const { desk, hello, connection } = useSoftphoneView()
  if (desk === null || connection !== 'open') return []
  const { call, offer } = desk
  if (call !== null) {
    const { callId } = call
    const isOnHold = call.mode === 'onHold'
    return [
      {
        id: 'mute',
        label: call.isMuted ? t('call.unmute') : t('call.mute'),
        icon: 'microphone',
        run: () => act(one => one.mute(!call.isMuted))
      },
      {
        id: 'hold',
        label: isOnHold ? t('call.resume') : t('call.hold'),
        icon: 'pauseBars',
        run: () => act(one => one.request('hold', { callId, isOnHold: !isOnHold }))
      },
      { id: 'end', label: t('call.end'), icon: 'handsetDown', run: () => act(one => one.request('hangUp', { callId })) }
    ]
  }
  const answer: readonly Found[] =
    offer === null
      ? []
      : [{ id: 'answer', label: t('offer.answer'), icon: 'handset', run: () => act(one => one.answer(offer.id)) }]
  return [
    ...answer,
    {
      id: 'available',
      label: t('status.available'),
      icon: 'dot',
      run: () => act(one => one.startShift('available'))
    },
    ...(hello?.statusReasons ?? []).map(
      (reason): Found => ({
        id: `break ${reason}`,
        label: t('status.breakFor', { reason: reasonWords(reason) }),
        icon: 'cup',
        run: () => act(one => one.request('status', { status: 'onBreak', reason }))
      })
    )
  ]
}
