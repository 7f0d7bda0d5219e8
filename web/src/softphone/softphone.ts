import type { AgentStatus } from '../../../server/agents/agent-state.ts'
import type { DeskState, SoftphonePush, SoftphoneRequestKind } from '../../../server/softphone/protocol.ts'
import { learnServerTime, serverNow } from '../parts/clock.ts'
import { prefs } from '../prefs.ts'
import { createStore, type Store } from '../store.ts'
import { unlockAudio } from './audio-context.ts'
import { DeskSounds } from './desk-sounds.ts'
import type { HearPush, MediaConnection } from './media.ts'
import { Microphone } from './microphone.ts'
import { ScreenWake } from './screen-wake.ts'
import { codeOfError, SoftphoneError } from './softphone-error.ts'
import { type DataOf, type FieldsOf, SoftphoneSocket } from './socket.ts'
import { freshTabId } from './tab.ts'
import { FIRST_VIEW, maySend, proofOf, type SoftphoneView, withDesk } from './view.ts'

/** How often the ring and the muted microphone are looked at; the ring stops at most this long after the watchdog. */
const WATCH_EVERY_MS = 100
const SPEAKING_SHOWN_MS = 3_000
/** An agent whose network was bad for a moment need not wait for the next proof of all. */
const PROVE_AGAIN_MS = 3_000
const SHIFT_KEY = 'parley.shift'

export type SoftphoneListeners = Readonly<{
  /** The server wants the person to know something. */
  notice(code: string, text: string): void
  /** The sign-in has ended; the audio goes on. */
  signedOut(): void
  /** The server lets no softphone in: it is away, or does not know the session any more. */
  refused(): void
  reached(): void
  lost(): void
}>

/**
 * The browser phone of the signed-in agent: one WebSocket, one audio connection for the whole shift, one microphone,
 * one ring. Call controls change nothing here; the server's next state does. Screens follow `store`.
 */
export class Softphone {
  readonly store: Store<SoftphoneView> = createStore<SoftphoneView>(FIRST_VIEW)
  readonly microphone: Microphone
  readonly #listeners: SoftphoneListeners
  readonly #socket: SoftphoneSocket
  readonly #channel: BroadcastChannel
  readonly #gone = new AbortController()
  readonly #sounds = new DeskSounds()
  readonly #wake = new ScreenWake()
  readonly #waitingToBeHeard: HearPush[] = []
  #media: MediaConnection | null = null
  #opening: Promise<void> | null = null
  #beginning: Promise<void> | null = null
  #proofTimer: ReturnType<typeof setTimeout> | undefined
  #isMuteAsked = false
  #spokeAt = Number.NEGATIVE_INFINITY
  #reopens = 0

  constructor(tabId: string, listeners: SoftphoneListeners) {
    this.#listeners = listeners
    this.microphone = new Microphone(() => this.#microphoneChanged())
    const { signal } = this.#gone
    for (const kind of ['pointerdown', 'keydown'] as const)
      addEventListener(kind, () => void this.#gesture(), { signal, capture: true })
    document.addEventListener('visibilitychange', () => this.#keepAwake(), { signal })
    this.#channel = new BroadcastChannel('parley.softphone')
    this.#channel.onmessage = event => {
      // The server says so too, a moment later; the ring must not sound twice until then.
      if (event.data === 'claimed') this.#sounds.silence()
    }
    const stopPrefs = prefs.subscribe(() => this.#applyOutput())
    const watch = setInterval(() => this.#watch(), WATCH_EVERY_MS)
    signal.addEventListener('abort', () => {
      stopPrefs()
      clearInterval(watch)
    })
    this.#socket = new SoftphoneSocket(addressFor(tabId), {
      replaced: () => addressFor(freshTabId()),
      opened: () => this.#opened(),
      lost: close => this.#lost(close),
      pushed: push => this.#pushed(push),
      refused: () => this.#listeners.refused()
    })
  }

  get view(): SoftphoneView {
    return this.store.get()
  }

  /** Whether the microphone's sound leaves this browser at this moment. */
  get isSending(): boolean {
    return this.#media?.isSending ?? false
  }

  /** Rejects with SoftphoneError. While it runs, `pending` holds its kind. */
  async request<K extends SoftphoneRequestKind>(kind: K, fields: FieldsOf<K>): Promise<DataOf<K>> {
    this.#change({ pending: new Set([...this.view.pending, kind]) })
    try {
      return await this.#socket.request(kind, fields)
    } finally {
      const pending = new Set(this.view.pending)
      pending.delete(kind)
      this.#change({ pending })
    }
  }

  /**
   * Opens sound, microphone and audio connection; call it in a click, because browsers play nothing before one.
   * Afterwards `shift` is `on`, or `shiftProblem` says why not. Then sets the status when one is given.
   */
  async startShift(status?: AgentStatus): Promise<void> {
    await this.#begin()
    if (this.view.shift === 'on' && status !== undefined) await this.request('status', { status })
  }

  /**
   * Opens sound for hearing only, without asking for the microphone: for supervisors who listen. Call it in a click,
   * before `supervise`. Before whispering, `startShift()` adds the microphone. Rejects with SoftphoneError.
   */
  async openToListen(): Promise<void> {
    this.#change({ isSoundBlocked: !(await unlockAudio()) })
    await this.#openMedia()
  }

  /** Lets microphone and audio go. The status is the caller's to set. */
  endShift(): void {
    sessionStorage.removeItem(SHIFT_KEY)
    this.#closeMedia()
    this.microphone.release()
    this.#change({ shift: 'off', shiftProblem: null })
    this.#keepAwake()
  }

  /** Lets the person hear the ring; returns the way to stop it early. */
  testRing(forMs: number): () => void {
    return this.#sounds.test(forMs)
  }

  /** Rejects with SoftphoneError; the former microphone stays in use then. */
  async changeMicrophone(deviceId: string | null): Promise<void> {
    await this.microphone.open(deviceId)
    this.#applySending()
  }

  async answer(offerId: string): Promise<void> {
    await this.#decide(offerId, 'answer')
  }

  async reject(offerId: string, reason?: string): Promise<void> {
    await this.#decide(offerId, 'reject', reason)
  }

  /**
   * Muting stops the sound at once and keeps it stopped until a state of the server has taken over; unmuting lets it go
   * only when such a state says so.
   */
  async mute(isMuted: boolean): Promise<void> {
    if (isMuted) this.#askMute(true)
    try {
      await this.request('mute', { isMuted })
    } catch (err) {
      if (isMuted) this.#askMute(false)
      throw err
    }
  }

  /** Makes this the tab in which calls ring, with audio. Call it in a click. */
  async claim(): Promise<void> {
    await unlockAudio()
    await this.request('claim', {})
    this.#channel.postMessage('claimed')
    await this.#begin()
  }

  /** After signing in again. */
  signedInAgain(): void {
    this.#change({ connection: 'connecting' })
    this.#socket.restart()
  }

  close(): void {
    this.#gone.abort()
    this.#channel.close()
    this.#socket.close()
    this.#closeMedia()
    this.microphone.close()
    this.#sounds.close()
    clearTimeout(this.#proofTimer)
    this.#wake.release()
  }

  async #begin(): Promise<void> {
    this.#beginning ??= this.#beginOnce().finally(() => {
      this.#beginning = null
    })
    await this.#beginning
  }

  async #beginOnce(): Promise<void> {
    this.#change({ shift: this.view.shift === 'on' ? 'on' : 'starting', shiftProblem: null })
    this.#change({ isSoundBlocked: !(await unlockAudio()) })
    try {
      if (this.microphone.state !== 'live') await this.#openMicrophone()
      sessionStorage.setItem(SHIFT_KEY, 'on')
      await this.#openMedia()
      this.#change({ shift: 'on' })
      this.#keepAwake()
    } catch (err) {
      this.#change({ shift: 'off', shiftProblem: codeOfError(err) })
    }
  }

  /** The chosen device, else the browser's default when that one is gone. */
  async #openMicrophone(): Promise<void> {
    const { microphoneId } = prefs.get()
    try {
      await this.microphone.open(microphoneId)
    } catch (err) {
      if (microphoneId === null || !(err instanceof SoftphoneError) || err.code === 'MIC_DENIED') throw err
      await this.microphone.open(null)
    }
  }

  #askMute(isMuteAsked: boolean): void {
    this.#isMuteAsked = isMuteAsked
    this.#applySending()
  }

  async #decide(offerId: string, kind: 'answer' | 'reject', reason?: string): Promise<void> {
    if (this.view.decided?.offerId === offerId) return
    this.#sounds.silence()
    this.#change({ decided: { offerId, kind, at: new Date(serverNow()).toISOString() } })
    try {
      if (kind === 'answer') await this.request('answer', { offerId })
      else await this.request('reject', { offerId, ...(reason !== undefined && { reason }) })
    } catch (err) {
      if (this.view.decided?.offerId === offerId) this.#change({ decided: null })
      throw err
    }
  }

  #opened(): void {
    this.#listeners.reached()
  }

  #lost({ code, isFinal }: Readonly<{ code: number; isFinal: boolean }>): void {
    this.#isMuteAsked = false
    const lostSince = this.view.lostSince ?? new Date(serverNow()).toISOString()
    this.#change({ connection: isFinal ? 'ended' : 'lost', lostSince, decided: null })
    if (isFinal) {
      if (code === 4401) this.#listeners.signedOut()
      return
    }
    this.#listeners.lost()
  }

  #pushed(push: SoftphonePush): void {
    switch (push.kind) {
      case 'hello':
        // Another control plane counts its states anew, and the transports of the connection before are gone with it.
        this.#change({ connection: 'open', lostSince: null, hello: push, desk: forgetVersion(this.view.desk) })
        this.#closeMedia()
        break
      case 'state':
        this.#takeState(push)
        break
      case 'media.hear':
        if (this.#media === null) this.#waitingToBeHeard.push(push)
        else this.#hear(this.#media, push)
        break
      case 'media.unhear':
        this.#media?.unhear(push.hearingId)
        break
      case 'media.lost':
        this.#closeMedia()
        if (this.view.shift !== 'off') this.#reopen()
        break
      case 'ring':
        if (push.offerId === this.view.desk?.offer?.id) this.#sounds.signOfOffer()
        break
      case 'digit':
        this.#change({ lastDigit: { digit: push.digit, count: this.view.lastDigit.count + 1 } })
        break
      case 'notice':
        this.#listeners.notice(push.code, push.text)
        break
      default:
        push satisfies never
    }
  }

  #takeState({ state: desk }: Extract<SoftphonePush, { kind: 'state' }>): void {
    learnServerTime(desk.serverTime)
    const before = this.view.desk
    this.store.set(view => withDesk(view, desk))
    this.#sounds.changed(before, desk)
    if (desk.call === null || desk.call.isMuted) this.#isMuteAsked = false
    this.#applySending()
    this.#sounds.keep(this.view)
    if (desk.isActiveTab) {
      const isOpening = this.#beginning !== null || this.#opening !== null
      if (this.#media === null && !isOpening && this.view.shiftProblem === null) void this.#resume()
    } else if (this.#media !== null) {
      this.#closeMedia()
      this.microphone.release()
    }
    this.#keepAwake()
  }

  /** After a reload or a lost connection: takes the shift up again when the person need not be asked. */
  async #resume(): Promise<void> {
    const isWanted = this.view.shift !== 'off' || sessionStorage.getItem(SHIFT_KEY) !== null
    if (!isWanted) return
    if (this.microphone.state === 'live' || (await isMicrophoneAllowed())) await this.#begin()
  }

  async #openMedia(): Promise<void> {
    this.#opening ??= this.#openMediaOnce().finally(() => {
      this.#opening = null
    })
    await this.#opening
  }

  async #openMediaOnce(): Promise<void> {
    const { track } = this.microphone
    if (this.#media !== null) {
      if (track !== null && !this.#media.hasMicrophone) await this.#media.speak(track)
      this.#applySending()
      return
    }
    const { hello } = this.view
    if (hello === null) throw new SoftphoneError('CONNECTION_LOST')
    // Fetched while the agent reads the first screen; the desk can be used before.
    const { MediaConnection } = await import('./media.ts')
    const { headsetId, headsetVolume } = prefs.get()
    const media = await MediaConnection.open({
      hello,
      ask: (kind, fields) => this.#socket.request(kind, fields),
      onIce: ice => {
        if (this.#media !== media) return
        if (ice === 'connected') this.#reopens = 0
        this.#change({ ice })
        this.#proveSoon(0)
      },
      onBeyondRepair: () => {
        if (this.#media === media) this.#reopen()
      },
      onSoundBlocked: () => this.#change({ isSoundBlocked: true }),
      output: { deviceId: headsetId, volume: headsetVolume }
    })
    this.#media = media
    this.#change({ ice: media.ice })
    for (const push of this.#waitingToBeHeard.splice(0)) this.#hear(media, push)
    if (track !== null) await media.speak(track)
    this.#applySending()
    this.#proveSoon(0)
  }

  /** Opens everything anew, later each time that it does not help. */
  #reopen(): void {
    this.#closeMedia()
    const wait = this.#reopens === 0 ? 0 : Math.min(10_000, 500 * 2 ** this.#reopens)
    this.#reopens += 1
    setTimeout(() => {
      if (this.#gone.signal.aborted || this.view.connection !== 'open' || this.view.shift === 'off') return
      this.#openMedia().catch(err => this.#change({ shiftProblem: codeOfError(err) }))
    }, wait)
  }

  #closeMedia(): void {
    const media = this.#media
    this.#media = null
    this.#waitingToBeHeard.length = 0
    media?.close()
    if (this.view.ice !== 'off') this.#change({ ice: 'off' })
  }

  #hear(media: MediaConnection, push: HearPush): void {
    media.hear(push).catch(err => {
      if (!media.isClosed) this.#listeners.notice(codeOfError(err), '')
    })
  }

  #applySending(): void {
    const isAllowed = maySend(this.view.desk, this.#isMuteAsked)
    this.#media?.sendTrack(isAllowed ? this.microphone.track : null)
  }

  #applyOutput(): void {
    const { headsetId, headsetVolume } = prefs.get()
    this.#media?.setOutput({ deviceId: headsetId, volume: headsetVolume })
  }

  #microphoneChanged(): void {
    const { state, isHardwareMuted } = this.microphone
    this.#change({ microphone: { state, isHardwareMuted } })
    if (state === 'live' && this.#media !== null) this.#applySending()
    this.#proveSoon(0)
  }

  /** Sends a proof now and then every `proofEveryMs`; one that did not convince is followed sooner. */
  #proveSoon(afterMs: number): void {
    clearTimeout(this.#proofTimer)
    this.#proofTimer = setTimeout(() => {
      this.#prove()
        // The way to the server broke; the socket has noticed and the next proof follows its return.
        .catch(() => true)
        .then(isConvincing => {
          const everyMs = this.view.hello?.proofEveryMs ?? 20_000
          this.#proveSoon(isConvincing ? everyMs : Math.min(everyMs, PROVE_AGAIN_MS))
        })
    }, afterMs)
  }

  /** Sends a proof; false when it spoke against sending calls here. */
  async #prove(): Promise<boolean> {
    if (!this.#socket.isOpen || this.#gone.signal.aborted || this.view.desk?.isActiveTab !== true) return true
    if (this.#media !== null) this.#change({ quality: await this.#media.figures() })
    const proof = proofOf(this.view, this.#sounds.isAudible)
    return proof === null || (await this.#socket.request('proof', { proof })).isRoutable
  }

  #watch(): void {
    this.#sounds.keep(this.view)
    const isMuted = this.view.desk?.call?.isMuted === true
    if (isMuted && this.microphone.isSpeaking) this.#spokeAt = performance.now()
    const isSpeakingWhileMuted = isMuted && performance.now() - this.#spokeAt < SPEAKING_SHOWN_MS
    if (isSpeakingWhileMuted !== this.view.isSpeakingWhileMuted) this.#change({ isSpeakingWhileMuted })
  }

  async #gesture(): Promise<void> {
    if (!this.view.isSoundBlocked) return
    const isUnlocked = await unlockAudio()
    await this.#media?.playAgain()
    if (isUnlocked) {
      this.#change({ isSoundBlocked: false })
      this.#proveSoon(0)
    }
  }

  #keepAwake(): void {
    this.#wake.keep(this.view.shift === 'on' && this.view.desk?.status === 'available')
  }

  #change(changed: Partial<SoftphoneView>): void {
    this.store.set(view => ({ ...view, ...changed }))
  }
}

function addressFor(tabId: string): string {
  const scheme = location.protocol === 'https:' ? 'wss' : 'ws'
  return `${scheme}://${location.host}/api/v1/softphone?tab=${tabId}`
}

function forgetVersion(desk: DeskState | null): DeskState | null {
  return desk === null ? null : { ...desk, version: -1 }
}

async function isMicrophoneAllowed(): Promise<boolean> {
  try {
    const { state } = await navigator.permissions.query({ name: 'microphone' as PermissionName })
    return state === 'granted'
  } catch {
    // Firefox before 132 cannot be asked; it remembers a permission only when the person ticked so, and then asks nothing.
    return false
  }
}
