import type { Values } from './fields.ts'

export type DeliveryState = 'waiting' | 'delivered' | 'failed'
export const DELIVERY_STATES: readonly DeliveryState[] = ['waiting', 'delivered', 'failed']

/** A program of others that hears of calls, as `GET /webhooks` gives one. */
export type Webhook = Values &
  Readonly<{
    id: string
    name: string
    url: string
    kinds: readonly string[]
    isEnabled: boolean
    lastDelivery: Readonly<{ state: DeliveryState; at: string }> | null
  }>

/** One event on its way to a webhook, as `GET /webhooks/:id/deliveries` gives one; instants are ISO 8601. */
export type Delivery = Readonly<{
  id: string
  callId: string
  seq: number
  kind: string | null
  state: DeliveryState
  attempts: number
  nextAt: string | null
  lastStatus: number | null
  lastProblem: string | null
  deliveredAt: string | null
  createdAt: string
}>

/** Deliveries that are done are kept by the server, and can be replayed, for this long. */
export const REPLAYABLE_MS = 30 * 86_400_000
