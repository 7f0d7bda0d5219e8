import { listOf } from '../i18n/format.ts'
import { Button, NativeSelect, Title } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type ReactNode, useEffect, useState } from 'react'
import { useTranslation } from 'react-i18next'
import { api } from '../api/client.ts'
import { listenToCalls } from '../api/events.ts'
import type { LiveCallEvent } from '../api/live-call-event.ts'
import { healthQuery } from '../api/health.ts'
import { meQuery } from '../api/session.ts'
import { Keypad } from '../call-bar/keypad.tsx'
import { Icon } from '../parts/icons.tsx'
import { LevelBars } from '../parts/level-bars.tsx'
import { Problem } from '../parts/problem.tsx'
import { LANGUAGE_NAMES, LANGUAGES, type Language } from '../prefs.ts'
import { SoftphoneError } from '../softphone/softphone-error.ts'
import { useSoftphone, useSoftphoneView, useStartShift } from '../softphone/softphone-provider.tsx'
import { openSound } from '../sound/open-sound.ts'
import { DialByPhone } from './dial-by-phone.tsx'
import classes from './start-page.module.css'
import { StoryList } from './story-list.tsx'
import { grow, type StoryStep } from './story.ts'

/** Does it work on my machine: microphone, a ring, a voice, in three clicks. */
export function StartPage() {
  const { t, i18n } = useTranslation('start')
  const view = useSoftphoneView()
  const softphone = useSoftphone()
  const startShift = useStartShift()
  const [language, setLanguage] = useState(i18n.language as Language)
  const [callId, setCallId] = useState<string | null>(null)
  const [problem, setProblem] = useState<unknown>(null)
  const [isAsking, setAsking] = useState(false)
  const story = useStory(callId)
  const { desk } = view
  const hasMicrophone = view.microphone.state === 'live' && view.shift === 'on'
  const isRinging = desk?.offer != null
  const isTalking = desk?.call != null
  const step = isTalking ? 3 : hasMicrophone ? 2 : 1

  const ringMe = async () => {
    if (softphone === null) return
    setProblem(null)
    setAsking(true)
    try {
      const { callId: own } = await softphone.request('ringMe', { language })
      setCallId(own)
    } catch (err) {
      setProblem(err)
    } finally {
      setAsking(false)
    }
  }

  return (
    <div className={classes['page']} data-testid="start" data-step={step}>
      <Title order={1} size="h2">
        {t('title')}
      </Title>
      <p>{t('says')}</p>
      {!globalThis.isSecureContext && <Problem error={new SoftphoneError('MIC_NEEDS_HTTPS')} />}
      {view.shiftProblem !== null && <Problem error={new SoftphoneError(view.shiftProblem)} onRetry={startShift} />}
      {problem !== null && <Problem error={problem} onRetry={() => void ringMe()} />}
      <ol className={classes['steps']}>
        <Step number={1} isCurrent={step === 1} isDone={step > 1} title={t('microphone.title')}>
          {hasMicrophone ? (
            <p className={classes['line']}>
              <LevelBars level={() => softphone?.microphone.level ?? 0} /> {t('microphone.works')}
            </p>
          ) : (
            <Button size="md" loading={view.shift === 'starting'} onClick={startShift} data-testid="allow-microphone">
              {t('microphone.allow')}
            </Button>
          )}
        </Step>
        <Step number={2} isCurrent={step === 2} isDone={step > 2} title={t('ring.title')}>
          <div className={classes['line']}>
            <NativeSelect
              aria-label={t('ring.language')}
              data={LANGUAGES.map(one => ({ value: one, label: LANGUAGE_NAMES[one] }))}
              value={language}
              onChange={event => setLanguage(event.currentTarget.value as Language)}
            />
            <Button
              size="md"
              disabled={step !== 2 || isRinging}
              loading={isAsking}
              onClick={() => void ringMe()}
              data-testid="ring-me"
            >
              {t('ring.me')}
            </Button>
          </div>
          {isRinging && !isTalking && (
            <p className={classes['line']}>
              {t('ring.notHeard')}{' '}
              <Button size="compact-sm" variant="default" onClick={openSound}>
                {t('ring.otherSpeaker')}
              </Button>
            </p>
          )}
        </Step>
        <Step number={3} isCurrent={step === 3} isDone={false} title={t('press.title')}>
          {desk?.call == null ? <p>{t('press.later')}</p> : <Keypad callId={desk.call.callId} />}
          {isRinging && (
            <p className={classes['line']}>
              <strong role="status">{t('ring.answer')}</strong>
            </p>
          )}
        </Step>
      </ol>
      {callId !== null && <StoryList story={story} />}
      <StandIns />
      <DialByPhone />
      {story.some(one => one.kind === 'ended') && <NextSteps />}
    </div>
  )
}

function Step({
  number,
  title,
  isCurrent,
  isDone,
  children
}: Readonly<{ number: number; title: string; isCurrent: boolean; isDone: boolean; children: ReactNode }>) {
  return (
    <li className={classes['step']} aria-current={isCurrent ? 'step' : undefined}>
      <span className={classes['number']}>{isDone ? <Icon name="check" /> : number}</span>
      <div>
        <h2 className={classes['stepTitle']}>{title}</h2>
        {children}
      </div>
    </li>
  )
}

type ToldEvent = Pick<LiveCallEvent, 'seq' | 'at' | 'kind'>

/** Calls whose stories are kept while nobody has asked for one: the first events come before a call's id is known here. */
const KEPT_CALLS = 20

/** Follows one call: what has already happened, where the role may read it, and everything that is heard from now on. */
function useStory(callId: string | null): readonly StoryStep[] {
  const [stories, setStories] = useState<ReadonlyMap<string, readonly StoryStep[]>>(new Map())
  const me = useQuery(meQuery)
  const mayRead = me.data?.permissions.includes('calls:read') ?? false
  useEffect(() => listenToCalls(event => setStories(told => withEvent(told, event.callId, event))), [])
  useEffect(() => {
    if (callId === null || !mayRead) return
    const gone = new AbortController()
    api<{ events: readonly ToldEvent[] }>(`/calls/${callId}`, { signal: gone.signal })
      .then(call => setStories(told => call.events.reduce((all, event) => withEvent(all, callId, event), told)))
      // A call that began this second may not be stored yet; the stream tells the rest.
      .catch(() => undefined)
    return () => gone.abort()
  }, [callId, mayRead])
  return (callId === null ? undefined : stories.get(callId)) ?? []
}

function withEvent(
  told: ReadonlyMap<string, readonly StoryStep[]>,
  callId: string,
  event: ToldEvent
): ReadonlyMap<string, readonly StoryStep[]> {
  const after = new Map(told)
  after.set(callId, grow(told.get(callId) ?? [], event))
  for (const oldest of [...after.keys()].slice(0, Math.max(0, after.size - KEPT_CALLS))) after.delete(oldest)
  return after
}

/** What is a stand-in here is named as one. */
function StandIns() {
  const { t } = useTranslation('start')
  const health = useQuery(healthQuery)
  const standIns = health.data?.engines.filter(engine => engine.isEmbedded) ?? []
  if (standIns.length === 0) return null
  return (
    <p className={classes['small']}>
      {t('standIns', { names: listOf(standIns.map(engine => engine.name)) })} {t('noSpeech')}
    </p>
  )
}

function NextSteps() {
  const { t } = useTranslation('start')
  return (
    <section className="card">
      <Title order={2} size="h4">
        {t('next.title')}
      </Title>
      <ul>
        <li>
          <a href="/desk">{t('next.desk')}</a>
        </li>
        <li>
          <a href="/api/docs">{t('next.api')}</a>
        </li>
        <li>{t('next.flow')}</li>
      </ul>
    </section>
  )
}
