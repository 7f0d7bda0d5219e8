import type { EmbeddingState } from '../bots/knowledge/embeddings.ts'
import type { Config } from '../../config/config.ts'
import type { ProviderStatus } from '../../media/speech/provider-status.ts'
import type { Db } from '../../sql/database.ts'
import type { Call } from '../calls/call.ts'
import type { LiveCalls } from '../calls/live-calls.ts'
import type { Party, Purpose } from '../compliance/codes.ts'
import type { BusinessEvents } from '../events.ts'
import type { Logger } from '../log.ts'
import type { PasswordCost } from './passwords.ts'
import type { MessageHook } from '../webhooks/message-hook.ts'
import type { Metrics } from '../metrics.ts'

/** How one engine is: which one, whether it is a stand-in, and whether it can be used now. */
export type EngineStatus = Readonly<{ name: string; isEmbedded: boolean; isUp: boolean }>

/** What a person or a program asks for with `POST /calls`. */
export type StartCallRequest = Readonly<{
  to: string
  flowId?: string
  from?: string
  language?: string
  variables?: Readonly<Record<string, string>>
  ringMs?: number
  /** What the rules for outbound calls are asked about; `service` when it is left out. */
  purpose?: Purpose
  party?: Party
}>

/** The part of the program that the HTTP side may use. */
export type HttpParts = Readonly<{
  config: Config
  secretKey: Buffer
  /** Shared with the TURN servers; undefined when there are none. */
  turnSecret: string | undefined
  /** What it costs to try a password. */
  passwordCost: PasswordCost
  db: Db
  log: Logger
  metrics: Metrics
  events: BusinessEvents
  /** Sends texts and e-mails through the operator's gateway. */
  messages: MessageHook
  liveCalls: LiveCalls
  engines(): readonly EngineStatus[]
  /** Who hears and speaks, and how they do. */
  speechProviders(): readonly ProviderStatus[]
  /** Whether articles are found by what is meant; null where no model for that is set. */
  embeddings(): EmbeddingState | null
  /** Whether the database answers within a second, and others know by it that this control plane lives. */
  isDatabaseUp(): Promise<boolean>
  /** Begins an outbound call; resolves when its INVITE is under way. Rejects with AppError. */
  startCall(request: StartCallRequest, requestedBy: string): Promise<Call>
  /** Says that numbers, trunks or flows have changed. */
  settingsChanged(): void
}>
