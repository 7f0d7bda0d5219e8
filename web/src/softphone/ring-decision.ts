/** The ring stops by itself this long after the server's last sign that the offer still lasts. */
export const WATCHDOG_MS = 2_000

export type RingInput = Readonly<{
  /** The offer of the newest state; null when there is none. */
  offer: Readonly<{ id: string; isAutoAnswered: boolean }> | null
  hasCall: boolean
  isActiveTab: boolean
  /** The offer that was answered or rejected here and is not confirmed yet. */
  decidedOfferId: string | null
  /** Milliseconds since the offer appeared or its last heartbeat came, whichever is later. */
  silentMs: number
}>

/** What should sound now: the ring, a beep beside a running call, the notes of an automatic answer, or nothing. */
export function decideRing(input: RingInput): 'ring' | 'beep' | 'notes' | 'nothing' {
  const { offer, hasCall, isActiveTab, decidedOfferId, silentMs } = input
  if (offer === null || !isActiveTab || offer.id === decidedOfferId) return 'nothing'
  if (silentMs >= WATCHDOG_MS) return 'nothing'
  if (hasCall) return 'beep'
  return offer.isAutoAnswered ? 'notes' : 'ring'
}
