import { Button } from '@mantine/core'
import { useQuery } from '@tanstack/react-query'
import { type KeyboardEvent, useEffect, useRef } from 'react'
import { useTranslation } from 'react-i18next'
import type WaveSurfer from 'wavesurfer.js'
import { api } from '../api/client.ts'
import { useFormat } from '../i18n/format.ts'
import { useStore } from '../store.ts'
import type { Comment, Gap, Hit, Utterance } from './api.ts'
import type { Player } from './player-state.ts'
import classes from './quality.module.css'

export type Peaks = Readonly<{ pointsPerSecond: number; left: readonly number[]; right: readonly number[] }>

const STEP_MS = 5_000

export function peaksQuery(recordingId: string) {
  return {
    queryKey: ['quality', 'peaks', recordingId],
    queryFn: ({ signal }: { signal: AbortSignal }) => api<Peaks>(`/recordings/${recordingId}/peaks`, { signal }),
    staleTime: Number.POSITIVE_INFINITY
  }
}

/** Hears a call: both sides as waveforms, what is missing drawn and named, and the keys of a tape machine. */
export function PlayerBox({
  player,
  recordingId,
  gaps,
  marks,
  comments,
  utterances,
  onComment,
  onEvidence
}: Readonly<{
  player: Player
  recordingId: string | null
  gaps: readonly Gap[]
  marks: readonly Hit[]
  comments: readonly Comment[]
  utterances: readonly Utterance[]
  onComment(): void
  onEvidence(): void
}>) {
  const { t } = useTranslation('quality')
  const { duration, spokenDuration } = useFormat()
  const state = useStore(player.state)
  const speaking = utterances.find(one => one.startMs <= state.ms && one.endMs > state.ms)?.speaker
  const turn = (step: 1 | -1) => {
    const starts = utterances.map(one => one.startMs)
    const to =
      step === 1 ? starts.find(start => start > state.ms + 50) : starts.findLast(start => start < state.ms - 800)
    if (to !== undefined) player.seek(to)
  }
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.nativeEvent.isComposing || event.ctrlKey || event.metaKey || event.altKey) return
    if (event.target instanceof HTMLInputElement || event.target instanceof HTMLTextAreaElement) return
    const isButton = event.target instanceof HTMLButtonElement
    const actions: Readonly<Record<string, () => void>> = {
      ...(!isButton && { Space: player.toggle }),
      ArrowLeft: () => (event.shiftKey ? turn(-1) : player.seek(state.ms - STEP_MS)),
      ArrowRight: () => (event.shiftKey ? turn(1) : player.seek(state.ms + STEP_MS)),
      BracketLeft: () => player.faster(-1),
      BracketRight: () => player.faster(1),
      KeyS: () => player.setSkipping(!state.isSkipping),
      KeyC: onComment,
      KeyE: onEvidence
    }
    const action = actions[event.code]
    if (action === undefined) return
    event.preventDefault()
    action()
  }
  const percent = (ms: number) => `${(ms / Math.max(1, player.durationMs)) * 100}%`
  return (
    // biome-ignore lint/a11y/noStaticElementInteractions: the keys work wherever the focus is within the player
    <div className={classes['player']} onKeyDown={onKeyDown} data-testid="player">
      <div className={`ltr ${classes['tracks']}`}>
        <div className={classes['sides']} aria-hidden="true">
          <span>{t('speaker.customer')}</span>
          <span>{t('speaker.agent')}</span>
        </div>
        {/* biome-ignore lint/a11y/useKeyWithClickEvents: its keys are those of the whole player */}
        <div
          className={classes['wave']}
          role="slider"
          tabIndex={0}
          aria-label={t('player.label')}
          aria-valuemin={0}
          aria-valuemax={Math.round(player.durationMs / 1000)}
          aria-valuenow={Math.round(state.ms / 1000)}
          aria-valuetext={
            speaking === undefined
              ? spokenDuration(state.ms)
              : t('player.at', { time: spokenDuration(state.ms), who: t(`speaker.${speaking}`) })
          }
          onClick={event => {
            const box = event.currentTarget.getBoundingClientRect()
            player.seek(((event.clientX - box.left) / box.width) * player.durationMs)
          }}
        >
          {recordingId !== null && <Wave recordingId={recordingId} durationMs={player.durationMs} />}
          {gaps.map(gap => (
            <span
              key={`${gap.kind} ${gap.fromMs}`}
              className={classes['gap']}
              style={{ left: percent(gap.fromMs), width: percent(gap.toMs - gap.fromMs) }}
              title={t('gap.named', { reason: t(`gap.${gapName(gap.kind)}`), length: duration(gap.toMs - gap.fromMs) })}
            >
              {t('gap.named', { reason: t(`gap.${gapName(gap.kind)}`), length: duration(gap.toMs - gap.fromMs) })}
            </span>
          ))}
          {marks.map(hit => (
            <span key={`${hit.utterance} ${hit.atMs}`} className={classes['hit']} style={{ left: percent(hit.atMs) }} />
          ))}
          {comments.map(comment => (
            <span key={comment.id} className={classes['note']} style={{ left: percent(comment.atMs) }} />
          ))}
          <span className={classes['cursor']} style={{ left: percent(state.ms) }} />
        </div>
      </div>
      <div className={classes['row']}>
        <span className="ltr">
          <Button
            size="compact-md"
            variant="default"
            onClick={() => player.seek(state.ms - STEP_MS)}
            aria-label={t('player.back')}
          >
            −5
          </Button>{' '}
          <Button
            size="compact-md"
            disabled={player.audio === null}
            onClick={player.toggle}
            aria-keyshortcuts="Space F8"
            data-testid="play"
          >
            {state.isPlaying ? t('player.pause') : t('player.play')}
          </Button>{' '}
          <Button
            size="compact-md"
            variant="default"
            onClick={() => player.seek(state.ms + STEP_MS)}
            aria-label={t('player.forward')}
          >
            +5
          </Button>
        </span>
        <Button
          size="compact-md"
          variant="default"
          onClick={() => player.faster(1)}
          aria-label={t('player.speed', { rate: state.rate })}
        >
          <span className="ltr">{state.rate}×</span>
        </Button>
        <Button
          size="compact-md"
          variant={state.isSkipping ? 'filled' : 'default'}
          aria-pressed={state.isSkipping}
          onClick={() => player.setSkipping(!state.isSkipping)}
        >
          {t('player.skip')}
        </Button>
        <Button size="compact-md" variant="default" onClick={onComment}>
          {t('player.comment')}
        </Button>
        <span className={`ltr ${classes['time']}`} data-testid="time">
          {duration(state.ms)} / {duration(player.durationMs)}
        </span>
      </div>
    </div>
  )
}

const GAP_NAMES = ['beforeConsent', 'card', 'pause', 'withdrawn', 'lost', 'party', 'onDemand', 'damaged'] as const

/** The word of a gap; kinds that are new to this page are told as what they are to the listener: not recorded. */
function gapName(kind: string): (typeof GAP_NAMES)[number] | 'other' {
  return GAP_NAMES.find(one => one === kind) ?? 'other'
}

/** The waveform; it draws what the server measured and loads no sound. */
function Wave({ recordingId, durationMs }: Readonly<{ recordingId: string; durationMs: number }>) {
  const box = useRef<HTMLDivElement>(null)
  const peaks = useQuery(peaksQuery(recordingId)).data
  useEffect(() => {
    if (peaks === undefined) return
    let wave: WaveSurfer | undefined
    let isGone = false
    void import('wavesurfer.js').then(({ default: WaveSurferClass }) => {
      if (isGone || box.current === null) return
      const style = getComputedStyle(box.current)
      const side = (name: string) => ({
        waveColor: style.getPropertyValue(name),
        progressColor: style.getPropertyValue(name)
      })
      wave = WaveSurferClass.create({
        container: box.current,
        height: 48,
        peaks: [peaks.left.map(point => point / 255), peaks.right.map(point => point / 255)],
        duration: durationMs / 1000,
        splitChannels: [side('--state-inCall'), side('--state-free')],
        interact: false,
        cursorWidth: 0,
        normalize: true
      })
    })
    return () => {
      isGone = true
      wave?.destroy()
    }
  }, [peaks, durationMs])
  return <div ref={box} className={classes['canvas']} data-testid="wave" />
}
