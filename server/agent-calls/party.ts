import type { Endpoint } from '../../media/endpoint.ts'
import type { BrowserLeg } from '../softphone/desk-phone.ts'

/** A connected party's audio: released once, by whoever holds it last. */
export type PartyLeg = AsyncDisposable &
  Readonly<{
    endpoint: Endpoint
    /** Aborted when the party has hung up or its leg is lost. */
    gone: AbortSignal
    /** Set for an agent in a browser. */
    softphoneLeg: BrowserLeg | null
  }>

export type PartyKind = 'customer' | 'agent' | 'external' | 'supervisor'

/** Somebody in a conversation. */
export type Party = {
  readonly id: string
  readonly kind: PartyKind
  readonly name: string
  /** As it is stored; whoever shows it masks it. */
  readonly number: string | null
  readonly agentId: string | null
  state: 'ringing' | 'talking' | 'onHold' | 'gone'
  since: Date
  leg: PartyLeg | null
}
