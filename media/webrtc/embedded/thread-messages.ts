import type { RouterErrorCode, WebRtcState } from '../router-api.ts'
import type { Core } from './core.ts'

/** What the control plane may ask of the thread. */
export const CORE_METHODS = [
  'createWebRtcTransport',
  'createPlainTransport',
  'connectWebRtc',
  'restartIce',
  'connectPlain',
  'produce',
  'consume',
  'setProducerPaused',
  'setConsumerPaused',
  'transportFigures',
  'producerFigures',
  'consumerFigures',
  'closeTransport',
  'closeProducer',
  'closeConsumer',
  'memoryBytes'
] as const

export type CoreMethod = (typeof CORE_METHODS)[number]
export type CoreArguments<Name extends CoreMethod> = Parameters<Core[Name]>
export type CoreResult<Name extends CoreMethod> = Awaited<ReturnType<Core[Name]>>

export type ToThread =
  | { kind: 'call'; callId: number; method: CoreMethod; parameters: readonly unknown[] }
  | { kind: 'stop' }

export type FromThread =
  | { kind: 'ready'; ready: Core['ready'] }
  | { kind: 'result'; callId: number; result: unknown }
  | { kind: 'refusal'; callId: number; code: RouterErrorCode; message: string }
  | { kind: 'state'; id: string; state: WebRtcState }
  | { kind: 'refused'; id: string; reason: string }
  | { kind: 'closed'; id: string }
  /** The thread found its turns late; `refusal` if it may not go before others. */
  | { kind: 'raised'; refusal: string | undefined }
  | { kind: 'failed'; message: string; stack: string | undefined }
