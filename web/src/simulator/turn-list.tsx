import { useQuery } from '@tanstack/react-query'
import { useTranslation } from 'react-i18next'
import { Link } from 'react-router'
import { meQuery } from '../api/session.ts'
import { useFormat } from '../i18n/format.ts'
import { Icon } from '../parts/icons.tsx'
import { CustomerText } from '../parts/people.tsx'
import type { SimulatedCall, Turn } from './api.ts'
import classes from './simulator.module.css'

/** A scripted call from its first prompt to its end, with the time of each turn. */
export function TurnList({ name, turns }: Readonly<{ name: string; turns: readonly Turn[] }>) {
  const { t } = useTranslation('simulator')
  const { duration } = useFormat()
  return (
    <ol className={classes['turns']} aria-label={name}>
      {turns.map(turn => (
        <li key={`${turn.who} ${turn.fromMs}`} data-who={turn.who}>
          <span className="ltr">{duration(turn.fromMs)}</span>
          <strong>{t(`who.${turn.who}`)}</strong>
          <span>
            <What turn={turn} />
          </span>
        </li>
      ))}
    </ol>
  )
}

function What({ turn }: Readonly<{ turn: Turn }>) {
  const { t } = useTranslation('simulator')
  const { number } = useFormat()
  if (turn.who === 'flow')
    return (
      <>
        <CustomerText>{turn.text}</CustomerText> {turn.wasCut && <em>{t('turn.cut')}</em>}
      </>
    )
  const after = turn.latencyMs === null ? null : t('turn.after', { ms: number(turn.latencyMs) })
  switch (turn.kind) {
    case 'speech':
      return (
        <>
          <CustomerText>{turn.text}</CustomerText>{' '}
          <em>
            {turn.heard === null ? t('turn.notHeard') : t('turn.heardAs', { text: turn.heard })} {after}
          </em>
        </>
      )
    case 'keys':
      return (
        <>
          {t('turn.pressed', { keys: turn.keys })} <em>{after}</em>
        </>
      )
    case 'silence':
      return <>{t('turn.silence')}</>
    case 'hangUp':
      return <>{t('turn.hangUp')}</>
    default:
      return turn satisfies never
  }
}

/** What came of one scripted call: whether it succeeded, its figures, its turns and what failed. */
export function CallResult({ call }: Readonly<{ call: SimulatedCall }>) {
  const { t } = useTranslation('simulator')
  const { number, duration } = useFormat()
  const { score, failures } = call
  const { goals, latency, interrupt, words } = score
  const mayOpen = useQuery(meQuery).data?.permissions.includes('transcripts:read') === true
  return (
    <section className={classes['result']} data-success={score.isSuccess}>
      <h3>
        <Icon name={score.isSuccess ? 'check' : 'triangle'} size={18} />
        {score.isSuccess ? t('success') : t('failed')}: <CustomerText>{call.name}</CustomerText>
      </h3>
      <ul className={classes['figures']}>
        <li>{t('figure.goals', { met: number(goals.met), all: number(goals.of) })}</li>
        <li>{t('figure.turns', { count: score.turns })}</li>
        {latency.medianMs !== null && latency.maxMs !== null && (
          <li>{t('figure.latency', { median: number(latency.medianMs), max: number(latency.maxMs) })}</li>
        )}
        {interrupt.maxMs !== null && <li>{t('figure.interrupt', { max: number(interrupt.maxMs) })}</li>}
        {call.hearing === 'sound' && words.of > 0 && (
          <li>{t('figure.words', { wrong: number(words.wrong), all: number(words.of) })}</li>
        )}
        <li>{t('figure.length', { length: duration(score.durationMs) })}</li>
      </ul>
      {failures.length > 0 && (
        <ul className={classes['failures']}>
          {failures.map(({ path, message }) => (
            <li key={`${path.join('.')} ${message}`}>
              <code>{path.join('.')}</code>{' '}
              <bdi lang="en" dir="ltr">
                {message}
              </bdi>
            </li>
          ))}
        </ul>
      )}
      <TurnList name={call.name} turns={call.turns} />
      {call.callId !== null && mayOpen && (
        <p>
          <Link to={`/quality/calls/${call.callId}`}>{t('openCall', { name: call.name })}</Link>
        </p>
      )}
    </section>
  )
}
