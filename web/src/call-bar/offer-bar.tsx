import { Button } from '@mantine/core'
import { useTranslation } from 'react-i18next'
import type { Offer } from '../../../server/softphone/protocol.ts'
import { useFormat } from '../i18n/format.ts'
import { useSecondsSince } from '../parts/clock.ts'
import { CustomerText } from '../parts/people.tsx'
import { StateMark } from '../parts/state-mark.tsx'
import { Countdown } from '../parts/timer.tsx'
import { keysAsWords, useCommand, useKeysOf } from '../shell/shortcuts.ts'
import { useAct } from '../softphone/softphone-provider.tsx'
import type { SoftphoneView } from '../softphone/view.ts'
import { CallerName } from './caller-name.tsx'
import classes from './call-bar.module.css'
import { Control } from './control.tsx'

/** From here on, waiting for the audio deserves a word; later, what happens next. */
const SLOW_S = 1
const TOO_SLOW_S = 5

/** A call that wants to be answered. Nothing else on the page moves, and no focus is taken. */
export function OfferBar({ offer, view }: Readonly<{ offer: Offer; view: SoftphoneView }>) {
  const { t } = useTranslation()
  const { duration, languageName } = useFormat()
  const act = useAct()
  const keys = useKeysOf('next')
  const answer = () => act(softphone => softphone.answer(offer.id))
  const reject = () => act(softphone => softphone.reject(offer.id))
  useCommand('next', answer)
  const isPreview = offer.kind === 'campaign'
  const isDecided = view.decided !== null
  return (
    <div className={classes['row']} data-testid="offer">
      <div className={classes['who']}>
        <StateMark state="ringing">{t(`offer.kind.${offer.kind}`)}</StateMark>
        {offer.queue !== null && <span className={classes['name']}>{offer.queue.name}</span>}
        {offer.from !== null && <span>{t('offer.from', { name: offer.from })}</span>}
        {offer.language !== null && <span>{languageName(offer.language)}</span>}
        <CallerName customer={offer.customer} />
        {offer.waitedMs > 0 && <span className="nowrap">{t('offer.waited', { time: duration(offer.waitedMs) })}</span>}
        {offer.customer.reason !== null && (
          <span className={classes['small']}>
            <CustomerText lang={offer.language}>{offer.customer.reason}</CustomerText>
          </span>
        )}
      </div>
      {view.decided?.kind === 'answer' ? (
        <Answering at={view.decided.at} />
      ) : (
        <div className={classes['controls']}>
          <Control
            icon="handset"
            variant="filled"
            command="next"
            onClick={answer}
            isDisabled={isDecided}
            testId="answer"
          >
            {isPreview ? t('offer.dial') : t('offer.answer')} <kbd className="keys ltr">{keysAsWords(keys)}</kbd>
          </Control>
          <Control icon="cross" onClick={reject} isDisabled={isDecided} testId="reject">
            {isPreview ? t('offer.skip') : t('offer.reject')}
          </Control>
        </div>
      )}
      <Countdown until={offer.expiresAt} testId="offer-countdown" />
    </div>
  )
}

function Answering({ at }: Readonly<{ at: string }>) {
  const { t } = useTranslation()
  const seconds = useSecondsSince(at)
  if (seconds < SLOW_S) return <Button h={44} loading aria-label={t('offer.connecting')} />
  return <span role="status">{seconds < TOO_SLOW_S ? t('offer.connecting') : t('offer.tooSlow')}</span>
}
