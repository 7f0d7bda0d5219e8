import { createStore, type Store } from '../store.ts'

export const SPEEDS = [0.75, 1, 1.25, 1.5, 2] as const

/** Where a call is being heard. The moment changes many times a second and lives outside React. */
export type PlayerState = Readonly<{ ms: number; isPlaying: boolean; rate: number; isSkipping: boolean }>

/** One call's sound, or its time line alone where nothing was recorded. */
export type Player = Readonly<{
  state: Store<PlayerState>
  audio: HTMLAudioElement | null
  durationMs: number
  toggle(): void
  seek(ms: number): void
  faster(step: 1 | -1): void
  setSkipping(isSkipping: boolean): void
  close(): void
}>

export function createPlayer(
  source: Readonly<{ url: string; silences: () => readonly Readonly<{ fromMs: number; toMs: number }>[] }> | null,
  durationMs: number,
  startMs: number
): Player {
  const state = createStore<PlayerState>({ ms: startMs, isPlaying: false, rate: 1, isSkipping: false })
  const audio = source === null ? null : new Audio()
  let frame = 0
  const follow = () => {
    if (audio === null) return
    const ms = Math.round(audio.currentTime * 1000)
    const silence = state.get().isSkipping
      ? source?.silences().find(one => ms >= one.fromMs && ms < one.toMs - 200)
      : undefined
    if (silence !== undefined) audio.currentTime = silence.toMs / 1000
    else state.set(now => (now.ms === ms ? now : { ...now, ms }))
    if (!audio.paused) frame = requestAnimationFrame(follow)
  }
  if (audio !== null && source !== null) {
    audio.preload = 'metadata'
    audio.src = source.url
    audio.currentTime = startMs / 1000
    audio.addEventListener('play', () => {
      state.set(now => ({ ...now, isPlaying: true }))
      frame = requestAnimationFrame(follow)
    })
    audio.addEventListener('pause', () => state.set(now => ({ ...now, isPlaying: false })))
    audio.addEventListener('seeked', follow)
  }
  const seek = (ms: number) => {
    const to = Math.max(0, Math.min(durationMs, ms))
    if (audio !== null) audio.currentTime = to / 1000
    state.set(now => ({ ...now, ms: to }))
  }
  return {
    state,
    audio,
    durationMs,
    seek,
    toggle() {
      if (audio === null) return
      if (audio.paused) void audio.play()
      else audio.pause()
    },
    faster(step) {
      const at = (SPEEDS as readonly number[]).indexOf(state.get().rate)
      const rate = SPEEDS[Math.max(0, Math.min(SPEEDS.length - 1, at + step))] ?? 1
      if (audio !== null) audio.playbackRate = rate
      state.set(now => ({ ...now, rate }))
    },
    setSkipping: isSkipping => state.set(now => ({ ...now, isSkipping })),
    close() {
      cancelAnimationFrame(frame)
      audio?.pause()
      audio?.removeAttribute('src')
      audio?.load()
    }
  }
}
