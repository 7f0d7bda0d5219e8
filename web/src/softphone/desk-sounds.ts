import type { DeskState } from '../../../server/softphone/protocol.ts'
import { serverNow } from '../parts/clock.ts'
import { prefs } from '../prefs.ts'
import { decideRing } from './ring-decision.ts'
import { Ringer } from './ringer.ts'
import { AUTO_ANSWER, CALL_WAITING, HOLD_REMINDER, SUPERVISION } from './tones.ts'
import type { SoftphoneView } from './view.ts'

/** A caller on hold is recalled after two minutes, then every minute. */
const HOLD_FIRST_MS = 120_000
const HOLD_AGAIN_MS = 60_000

/** Everything that the desk sounds by itself: the ring of an offer, reminders, the two tones of supervision. */
export class DeskSounds {
  readonly #ringer = new Ringer(() => {
    const { ringTone, ringVolume, ringDeviceId } = prefs.get()
    return { tone: ringTone, volume: ringVolume, deviceId: ringDeviceId }
  })
  #signAt = 0
  #testUntil = 0
  /** The offer and sound that was played once already. */
  #sounded: string | null = null
  #holdBeeps = 0

  /** Whether a ring could be heard now. */
  get isAudible(): boolean {
    return this.#ringer.isAudible
  }

  /** The server says that the offer still lasts. */
  signOfOffer(): void {
    this.#signAt = performance.now()
  }

  silence(): void {
    this.#ringer.silence()
  }

  /** Lets the person hear the ring; a real offer takes over at once. Returns the way to stop it early. */
  test(forMs: number): () => void {
    this.#testUntil = performance.now() + forMs
    this.#ringer.ring()
    return () => {
      this.#testUntil = 0
      this.#ringer.silence()
    }
  }

  /** Takes a new state of the server; `before` is the one that it replaces. */
  changed(before: DeskState | null, desk: DeskState): void {
    if (desk.offer !== null && desk.offer.id !== before?.offer?.id) this.signOfOffer()
    if (desk.call?.mode !== 'onHold') this.#holdBeeps = 0
    if ((desk.supervising?.mode ?? null) !== (before?.supervising?.mode ?? null)) this.#ringer.playOnce(SUPERVISION)
  }

  /** Makes sound and silence agree with the view; called with every change and every 100 ms. */
  keep(view: SoftphoneView): void {
    this.#keepRing(view)
    this.#keepHoldReminder(view.desk)
  }

  close(): void {
    this.#ringer.close()
  }

  #keepRing({ desk, decided, connection }: SoftphoneView): void {
    const offer = connection === 'open' ? (desk?.offer ?? null) : null
    const due = decideRing({
      offer,
      hasCall: desk?.call != null,
      isActiveTab: desk?.isActiveTab ?? false,
      decidedOfferId: decided?.offerId ?? null,
      silentMs: performance.now() - this.#signAt
    })
    if (due !== 'ring' && performance.now() >= this.#testUntil) this.#ringer.silence()
    if (due === 'nothing' || offer === null) return
    if (due === 'ring') {
      this.#ringer.ring()
      return
    }
    const sound = `${offer.id} ${due}`
    if (this.#sounded === sound) return
    this.#sounded = sound
    this.#ringer.playOnce(due === 'beep' ? CALL_WAITING : AUTO_ANSWER)
  }

  #keepHoldReminder(desk: DeskState | null): void {
    if (desk?.call?.mode !== 'onHold') return
    const held = desk.call.parties.find(party => party.kind === 'customer' && party.state === 'onHold')
    if (held === undefined) return
    const heldMs = serverNow() - Date.parse(held.since)
    const due = heldMs < HOLD_FIRST_MS ? 0 : 1 + Math.floor((heldMs - HOLD_FIRST_MS) / HOLD_AGAIN_MS)
    if (due <= this.#holdBeeps) return
    this.#holdBeeps = due
    this.#ringer.playOnce(HOLD_REMINDER)
  }
}
