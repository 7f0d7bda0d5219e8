import { type RefObject, useLayoutEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import { useSoftphoneView } from '../softphone/softphone-provider.tsx'
import { barStateOf } from './bar-state.ts'
import classes from './call-bar.module.css'
import { ActiveCall } from './active-call.tsx'
import { IdleBar } from './idle-bar.tsx'
import { LostBar } from './lost-bar.tsx'
import { MicrophoneMeter } from './microphone-meter.tsx'
import { OfferBar } from './offer-bar.tsx'
import { StatusMenu } from './status-menu.tsx'
import { SupervisingBar } from './supervising-bar.tsx'
import { WrapUpBar } from './wrap-up-bar.tsx'

/** The agent's telephone: one bar on top of every screen, whose room never changes while nothing needs more. */
export function CallBar() {
  const { t } = useTranslation()
  const view = useSoftphoneView()
  const state = barStateOf(view)
  const { desk } = view
  const isConnected = view.connection === 'open' && desk !== null
  const isOffered = isConnected && desk.offer !== null
  const { box, heightPx } = useHeightBefore(isOffered && desk.call === null)
  return (
    <section className={classes['bar']} aria-label={t('bar.label')} data-testid="call-bar" data-state={state}>
      <StatusMenu />
      <div className={classes['middle']} ref={box} style={heightPx === null ? undefined : { blockSize: heightPx }}>
        {!isConnected && <LostBar view={view} />}
        {isConnected && desk.call !== null && <ActiveCall call={desk.call} view={view} />}
        {isConnected && desk.offer !== null && (
          <div className={classes['offer']} data-second={desk.call !== null}>
            <OfferBar key={desk.offer.id} offer={desk.offer} view={view} />
          </div>
        )}
        {isConnected && state === 'wrapUp' && desk.wrapUp !== null && (
          <WrapUpBar key={desk.wrapUp.callId} wrapUp={desk.wrapUp} />
        )}
        {isConnected && state === 'supervising' && desk.supervising !== null && (
          <SupervisingBar supervising={desk.supervising} />
        )}
        {isConnected &&
          desk.call === null &&
          desk.offer === null &&
          desk.wrapUp === null &&
          desk.supervising === null && <IdleBar state={state} view={view} desk={desk} />}
      </div>
      <MicrophoneMeter />
    </section>
  )
}

/**
 * The height that a box had before an offer came, for as long as one is there: whatever the offer needs, the page below
 * stays where it is. Null while there is none.
 */
function useHeightBefore(
  isOffered: boolean
): Readonly<{ box: RefObject<HTMLDivElement | null>; heightPx: number | null }> {
  const box = useRef<HTMLDivElement>(null)
  const lastPx = useRef<number | null>(null)
  // Not an effect after painting: the observer must be gone before it could see the box with the offer in it.
  useLayoutEffect(() => {
    if (isOffered || box.current === null) return
    const observer = new ResizeObserver(([entry]) => {
      lastPx.current = entry?.borderBoxSize[0]?.blockSize ?? null
    })
    observer.observe(box.current)
    return () => observer.disconnect()
  }, [isOffered])
  return { box, heightPx: isOffered ? lastPx.current : null }
}
