import { useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useFormat } from '../i18n/format.ts'
import { say } from '../parts/say.ts'
import { keysAsWords, useKeysOf } from '../shell/shortcuts.ts'
import { useSoftphoneView } from '../softphone/softphone-provider.tsx'
import { barStateOf } from './bar-state.ts'
import { useCallerWords } from './caller-name.tsx'

/** The page's other voices: title, icon, desktop notification and live regions. Draws nothing. */
export function CallSignals() {
  const { t } = useTranslation()
  const { spokenDuration, languageName } = useFormat()
  const wordsOf = useCallerWords()
  const view = useSoftphoneView()
  const answerKeys = keysAsWords(useKeysOf('next'))
  const { desk } = view
  const state = barStateOf(view)
  const before = useRef({ state, offerId: null as string | null, callId: null as string | null })
  const offer = view.connection === 'open' ? (desk?.offer ?? null) : null
  const newest = useRef(() => {})

  newest.current = () => {
    const was = before.current
    before.current = { state, offerId: offer?.id ?? null, callId: desk?.call?.callId ?? null }
    if (offer !== null && offer.id !== was.offerId) {
      const from = offer.queue?.name ?? offer.from ?? wordsOf(offer.customer)
      say(
        offer.queue === null || offer.language === null
          ? t('say.offerShort', { from, keys: answerKeys })
          : t('say.offer', {
              queue: from,
              language: languageName(offer.language),
              waited: spokenDuration(offer.waitedMs),
              keys: answerKeys
            }),
        'now'
      )
      return
    }
    if (state === was.state) return
    if (state === 'inCall' && was.state !== 'onHold') {
      say(t('say.connected'), 'now')
      // The reason comes after the answer and politely: the caller is speaking by now.
      if (desk?.call?.customer.reason != null && desk.call.callId !== was.callId) say(desk.call.customer.reason, 'soon')
    }
    if (state === 'inCall' && was.state === 'onHold') say(t('say.resumed'), 'now')
    if (state === 'onHold') say(t('say.onHold'), 'now')
    if (state === 'reconnecting' || (state === 'lost' && desk?.call != null)) say(t('say.reconnecting'), 'now')
    if (state === 'wrapUp' && desk?.wrapUp != null)
      say(
        desk.wrapUp.endedBy === 'caller' || desk.wrapUp.endedBy === 'customer'
          ? t('say.hungUp', { name: wordsOf(desk.wrapUp.customer) })
          : t('say.callEnded'),
        'now'
      )
    if (state === 'missed' && desk?.missed != null) say(t(`missed.${desk.missed.reason}`), 'now')
    if (state === 'notRoutable') say(t('idle.notRoutable'), 'soon')
  }
  // Only changes of state and offer speak; a second on a timer must not.
  // biome-ignore lint/correctness/useExhaustiveDependencies: the newest closure is called on these changes alone
  useEffect(() => newest.current(), [state, offer?.id])

  const inCall = desk?.call != null
  useEffect(() => {
    document.title =
      offer !== null
        ? t('title.ringing', { queue: offer.queue?.name ?? offer.from ?? '' })
        : inCall
          ? t('title.inCall')
          : 'Parley'
    document
      .getElementById('icon')
      ?.setAttribute('href', offer !== null ? '/icon-ringing.svg' : inCall ? '/icon-call.svg' : '/icon.svg')
  }, [offer, inCall, t])

  const isForThisTab = desk?.isActiveTab === true
  const offerId = offer?.id
  // biome-ignore lint/correctness/useExhaustiveDependencies: one notification for one offer
  useEffect(() => {
    if (offer === null || !isForThisTab || document.hasFocus()) return
    if (!('Notification' in globalThis) || Notification.permission !== 'granted') return
    // Queue and language only: a desktop may be seen by others.
    const notification = new Notification(t('title.ringing', { queue: offer.queue?.name ?? '' }), {
      body: offer.language === null ? '' : languageName(offer.language),
      tag: offer.id,
      requireInteraction: true
    })
    notification.onclick = () => {
      window.focus()
      notification.close()
    }
    return () => notification.close()
  }, [offerId, isForThisTab])
  return null
}
