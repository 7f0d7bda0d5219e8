import type { DeskState, Proof, SoftphonePush } from '../../../server/softphone/protocol.ts'
import type { IceState, MicrophoneState } from './media-types.ts'

export type Hello = Extract<SoftphonePush, { kind: 'hello' }>

/** Everything about the softphone that screens show. Replaced as a whole, never changed. */
export type SoftphoneView = Readonly<{
  /** `ended`: the server wants no softphone of this person, or the sign-in has ended. */
  connection: 'connecting' | 'open' | 'lost' | 'ended'
  /** By the server's clock; null while the connection is there. */
  lostSince: string | null
  hello: Hello | null
  /** The newest state of the server; while the connection is lost, the last that was known. */
  desk: DeskState | null
  /** What this page has of a shift: nothing, its beginning, or an open audio connection. */
  shift: 'off' | 'starting' | 'on'
  /** Code of why the shift could not begin, or its audio not go on. */
  shiftProblem: string | null
  microphone: Readonly<{ state: MicrophoneState; isHardwareMuted: boolean }>
  ice: IceState | 'off'
  /** From the last proof. */
  quality: Readonly<{ roundTripMs: number | null; lossShare: number }>
  /** The browser plays nothing until the person clicks somewhere. */
  isSoundBlocked: boolean
  /** The offer that was answered or rejected here, until the server's state shows what became of it. */
  decided: Readonly<{ offerId: string; kind: 'answer' | 'reject'; at: string }> | null
  /** Kinds of requests that wait for their reply. */
  pending: ReadonlySet<string>
  /** Somebody speaks into a muted microphone. */
  isSpeakingWhileMuted: boolean
  /** The last key that the far end pressed. */
  lastDigit: Readonly<{ digit: string; count: number }>
}>

export const FIRST_VIEW: SoftphoneView = {
  connection: 'connecting',
  lostSince: null,
  hello: null,
  desk: null,
  shift: 'off',
  shiftProblem: null,
  microphone: { state: 'off', isHardwareMuted: false },
  ice: 'off',
  quality: { roundTripMs: null, lossShare: 0 },
  isSoundBlocked: false,
  decided: null,
  pending: new Set(),
  isSpeakingWhileMuted: false,
  lastDigit: { digit: '', count: 0 }
}

/** The view after a new state of the server. Older states than the shown one are dropped. */
export function withDesk(view: SoftphoneView, desk: DeskState): SoftphoneView {
  const isStale = view.connection === 'open' && view.desk !== null && desk.version < view.desk.version
  if (isStale) return view
  const isDecided = view.decided !== null && desk.offer?.id === view.decided.offerId
  return { ...view, desk, decided: isDecided ? view.decided : null }
}

/**
 * Whether the microphone's sound may leave this browser: in a call that the server does not hold as muted, and only
 * while nobody has asked here to be muted; while whispering or joining, when somebody supervises; never otherwise.
 */
export function maySend(desk: DeskState | null, isMuteAsked: boolean): boolean {
  if (desk === null || !desk.isActiveTab) return false
  if (isMuteAsked) return false
  if (desk.call !== null) return !desk.call.isMuted
  return desk.supervising !== null && desk.supervising.mode !== 'listen'
}

/** What the server is told about this browser; null before the microphone was ever asked for. */
export function proofOf(view: SoftphoneView, isRingAudible: boolean): Proof | null {
  const { microphone, ice, quality } = view
  if (microphone.state === 'off' || microphone.state === 'asking' || ice === 'off') return null
  return {
    microphone: microphone.state,
    isHardwareMuted: microphone.isHardwareMuted,
    ice,
    roundTripMs: quality.roundTripMs,
    lossShare: quality.lossShare,
    isRingAudible
  }
}
