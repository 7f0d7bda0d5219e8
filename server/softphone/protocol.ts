/**
 * What a softphone and the server say to each other on the WebSocket `/api/v1/softphone`, one JSON text frame each.
 * The browser sends requests with an id of its own and gets one reply for each; the server pushes what happens.
 * The web desk takes its types from here. Numbers of customers are masked for the role before they are sent.
 */
import { type Static, type TProperties, Type } from 'typebox'
import type { AgentState, AgentStatus, MissReason } from '../agents/agent-state.ts'

const Closed = { additionalProperties: false } as const
const Id = Type.String({ minLength: 1, maxLength: 64 })
const Ortc = Type.Record(Type.String(), Type.Unknown())
const Way = Type.Union([Type.Literal('send'), Type.Literal('receive')])

/** Where an agent can send or call: a colleague, a queue, a number in E.164, or a desk phone's extension. */
export const DestinationSchema = Type.Union([
  Type.Object({ kind: Type.Literal('agent'), agentId: Id }, Closed),
  Type.Object({ kind: Type.Literal('queue'), queueId: Id }, Closed),
  Type.Object({ kind: Type.Literal('number'), number: Type.String({ pattern: '^\\+[1-9][0-9]{6,14}$' }) }, Closed),
  Type.Object({ kind: Type.Literal('extension'), extension: Type.String({ pattern: '^[0-9]{2,8}$' }) }, Closed)
])
export type DeskDestination = Static<typeof DestinationSchema>

/** What the browser found out about itself; the proof that a call can be heard there. Sent every 20 s. */
export const ProofSchema = Type.Object(
  {
    microphone: Type.Union([
      Type.Literal('live'),
      Type.Literal('denied'),
      Type.Literal('missing'),
      Type.Literal('ended')
    ]),
    /** The head-set's own mute switch. */
    isHardwareMuted: Type.Boolean(),
    ice: Type.Union([
      Type.Literal('new'),
      Type.Literal('connecting'),
      Type.Literal('connected'),
      Type.Literal('disconnected'),
      Type.Literal('failed')
    ]),
    roundTripMs: Type.Union([Type.Number({ minimum: 0 }), Type.Null()]),
    lossShare: Type.Number({ minimum: 0, maximum: 1 }),
    isRingAudible: Type.Boolean()
  },
  Closed
)
export type Proof = Static<typeof ProofSchema>

const request = <K extends string, P extends TProperties>(kind: K, fields: P) =>
  Type.Object({ id: Type.Integer({ minimum: 1 }), kind: Type.Literal(kind), ...fields }, Closed)

const InCall = { callId: Id }

export const RequestSchema = Type.Union([
  /** The first request of each page: asks for the transports. Closes those of an earlier page of this tab. */
  request('media.open', { rtpCapabilities: Ortc }),
  request('media.connect', { way: Way, dtlsParameters: Ortc }),
  request('media.speak', { rtpParameters: Ortc }),
  request('media.restartIce', { way: Way }),
  /** The browser has its end of a hearing that was pushed with `media.hear`. */
  request('media.hearing', { hearingId: Id }),
  request('proof', { proof: ProofSchema }),
  /** Makes this tab the one in which calls ring. */
  request('claim', {}),
  request('status', {
    status: Type.Union([Type.Literal('available'), Type.Literal('onBreak'), Type.Literal('offline')]),
    reason: Type.Optional(Type.String({ maxLength: 100 }))
  }),
  /** "I am back": takes the banner of a missed call away. */
  request('back', {}),
  request('answer', { offerId: Id }),
  request('reject', { offerId: Id, reason: Type.Optional(Type.String({ maxLength: 200 })) }),
  request('hangUp', InCall),
  request('hold', { ...InCall, isOnHold: Type.Boolean() }),
  request('mute', { isMuted: Type.Boolean() }),
  request('digits', { ...InCall, digits: Type.String({ pattern: '^[0-9*#A-D]{1,32}$' }) }),
  /** Pauses and resumes the recording, hides the entry of a card, or ends recording because the customer wants it. */
  request('recording', {
    ...InCall,
    action: Type.Union([
      Type.Literal('pause'),
      Type.Literal('resume'),
      Type.Literal('withdraw'),
      Type.Literal('cardStart'),
      Type.Literal('cardEnd')
    ])
  }),
  request('transfer.blind', { ...InCall, destination: DestinationSchema }),
  /** Puts the customer on hold and calls somebody to consult. */
  request('consult.start', { ...InCall, destination: DestinationSchema }),
  /** Talks to the other one of customer and consulted party. */
  request('consult.swap', InCall),
  /** Hands the customer over to the consulted party and leaves. */
  request('consult.handOver', InCall),
  /** Makes a conference of customer, consulted party and agent. */
  request('consult.join', InCall),
  /** Lets the consulted party go and takes the customer back. */
  request('consult.cancel', InCall),
  request('conference.drop', { ...InCall, partyId: Id }),
  /** Leaves the others talking to each other. */
  request('conference.leave', InCall),
  request('dial', {
    destination: DestinationSchema,
    purpose: Type.Optional(Type.Union([Type.Literal('service'), Type.Literal('marketing'), Type.Literal('internal')]))
  }),
  request('note', { ...InCall, text: Type.String({ maxLength: 20_000 }) }),
  request('wrapUp.extend', {}),
  request('wrapUp.finish', {
    callId: Id,
    disposition: Type.Union([Type.String({ maxLength: 100 }), Type.Null()]),
    note: Type.String({ maxLength: 20_000 })
  }),
  /** Listening, whispering, barging and taking over; `callId` is a call of another agent. Changing the mode is asked for by a second request. */
  request('supervise', {
    ...InCall,
    mode: Type.Union([
      Type.Literal('listen'),
      Type.Literal('whisper'),
      Type.Literal('barge'),
      Type.Literal('takeOver')
    ]),
    reason: Type.String({ minLength: 1, maxLength: 200 })
  }),
  request('supervise.stop', {}),
  /** A demo call through flow and queue to this browser. */
  request('ringMe', { language: Type.String({ pattern: '^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$' }) })
])
export type SoftphoneRequest = Static<typeof RequestSchema>
export type SoftphoneRequestKind = SoftphoneRequest['kind']

export type TransportOfferMessage = Readonly<{
  id: string
  iceParameters: Readonly<Record<string, unknown>>
  iceCandidates: readonly Readonly<Record<string, unknown>>[]
  dtlsParameters: Readonly<Record<string, unknown>>
}>

/** What a request's reply holds in `data`; requests that are not named here are answered with an empty object. */
export type ReplyData = Readonly<{
  'media.open': Readonly<{ send: TransportOfferMessage; receive: TransportOfferMessage }>
  'media.speak': Readonly<{ microphoneId: string }>
  'media.restartIce': Readonly<{ iceParameters: Readonly<Record<string, unknown>> }>
  proof: Readonly<{ isRoutable: boolean; reasons: readonly NotRoutableReason[] }>
  dial: Readonly<{ callId: string }>
  ringMe: Readonly<{ callId: string }>
}>

/** Why a call cannot reach this agent although the status is Available. */
export type NotRoutableReason =
  | 'noProof'
  | 'microphoneDenied'
  | 'microphoneMissing'
  | 'microphoneEnded'
  | 'connectionLost'
  | 'connectionSlow'
  | 'connectionLossy'
  | 'notTheActiveTab'
  | 'missedCall'

export type CardField = Readonly<{ label: string; value: string; source: string }>

/** One source of facts about the customer, such as a CRM. Sources never delay the ring. */
export type CardSource = Readonly<{
  name: string
  state: 'loading' | 'ready' | 'late' | 'failed'
  tookMs: number | null
  fields: readonly CardField[]
  problem: string | null
}>

/**
 * What a bot hands over with a customer. `summary` and `utterances` are the customer's words as a recogniser heard them,
 * which may be wrong; card numbers are taken out.
 */
export type BotNote = Readonly<{
  reason: string
  summary: string
  utterances: readonly Readonly<{ speaker: 'customer' | 'bot'; text: string; atMs: number }>[]
  facts: readonly Readonly<{ label: string; value: string }>[]
  topics: readonly string[]
  mood: 'calm' | 'annoyed'
  endedAt: string
}>

export type CustomerCard = Readonly<{
  /** Masked for the role; null when the number is hidden. */
  number: string | null
  name: string | null
  language: string | null
  /** ISO 3166-1 and an IANA zone when the number gives them. */
  country: string | null
  timeZone: string | null
  /** One line from flow or bot: why the customer calls. */
  reason: string | null
  /** What the flow collected, in the order in which it was collected. */
  answers: readonly CardField[]
  /** Null when no bot talked with the customer. */
  bot: BotNote | null
  /** A scripted caller's: nobody is there. */
  isSimulated: boolean
  history: readonly Readonly<{
    callId: string
    at: string
    direction: 'inbound' | 'outbound'
    queue: string | null
    agent: string | null
    disposition: string | null
    note: string | null
    talkMs: number | null
  }>[]
  sources: readonly CardSource[]
}>

export type Offer = Readonly<{
  id: string
  callId: string
  kind: 'queue' | 'direct' | 'consult' | 'campaign' | 'demo'
  queue: Readonly<{ id: string; name: string }> | null
  /** Who transfers or consults, when a colleague does. */
  from: string | null
  language: string | null
  waitedMs: number
  isAutoAnswered: boolean
  expiresAt: string
  customer: CustomerCard
  /** A contact of a campaign. With `isPreview`, answering dials the number and rejecting (with a reason) skips it. */
  campaign?: Readonly<{
    id: string
    name: string
    contactId: string
    isPreview: boolean
    script: string | null
    /** What an agent has promised this person; `by`: who, when that is somebody else than whose desk this is. */
    promise: Readonly<{ at: string; note: string; by: string | null }> | null
  }>
}>

export type DeskParty = Readonly<{
  id: string
  kind: 'self' | 'customer' | 'agent' | 'external' | 'supervisor'
  name: string
  number: string | null
  state: 'ringing' | 'talking' | 'onHold' | 'gone'
  since: string
  /** Ids of the parties whose voice this one hears now. */
  hears: readonly string[]
}>

/** Always one of: recording, paused and why, not recorded and why. */
export type DeskRecording = Readonly<{
  state: 'recording' | 'paused' | 'notRecorded'
  /** Paused: pause, party, onDemand, card or withdrawn. Not recorded: unasked, refused, withdrawn, never or failed. */
  reason: string | null
  since: string
  /** While a card number is given: when it ends by itself, and how many keys the customer has pressed. */
  card: Readonly<{ endsAt: string; keys: number }> | null
}>

export type DeskCall = Readonly<{
  callId: string
  direction: 'inbound' | 'outbound'
  queue: Readonly<{ id: string; name: string }> | null
  language: string | null
  /** When the agent and the customer began to talk; null while the far end rings. */
  connectedAt: string | null
  mode: 'ringing' | 'talking' | 'onHold' | 'consulting' | 'conference'
  /** The softphone's audio path for this call; 'reconnecting' while the agent is away and the customer hears music. */
  audio: 'connecting' | 'connected' | 'reconnecting'
  isMuted: boolean
  parties: readonly DeskParty[]
  recording: DeskRecording
  supervisor: Readonly<{ name: string; mode: 'listen' | 'whisper' | 'barge' }> | null
  customer: CustomerCard
  note: string
  script: string | null
}>

export type DeskWrapUp = Readonly<{
  callId: string
  endedBy: string
  startedAt: string
  endsAt: string
  /** Typing adds 30 s each, up to this instant. */
  limitAt: string
  note: string
  customer: CustomerCard
  queue: Readonly<{ id: string; name: string }> | null
}>

export type DeskQueue = Readonly<{
  id: string
  name: string
  waiting: number
  longestWaitMs: number
  /** Null when a call of this queue can come now; otherwise why not ("Why no calls?"). */
  whyNot:
    | null
    | 'nothingWaiting'
    | 'notAvailable'
    | 'notRoutable'
    | 'closed'
    | 'skillMissing'
    | 'languageMissing'
    | 'othersFirst'
    | 'laterTier'
}>

/** Everything that the desk shows, pushed whole after each change. */
export type DeskState = Readonly<{
  version: number
  serverTime: string
  status: AgentStatus
  statusReason: string | null
  statusSince: string
  /** What the agent asked for during a call: takes effect after it. */
  nextStatus: Readonly<{ status: AgentStatus; reason: string | null }> | null
  state: AgentState
  stateSince: string
  isActiveTab: boolean
  routable: Readonly<{ isRoutable: boolean; reasons: readonly NotRoutableReason[] }>
  queues: readonly DeskQueue[]
  offer: Offer | null
  call: DeskCall | null
  wrapUp: DeskWrapUp | null
  missed: Readonly<{ reason: MissReason; at: string; callId: string; queue: string | null }> | null
  supervising: Readonly<{
    callId: string
    agent: string
    mode: 'listen' | 'whisper' | 'barge'
    since: string
    hears: readonly Readonly<{ from: string; to: string; isHeard: boolean }>[]
  }> | null
}>

export type SoftphonePush =
  | Readonly<{
      kind: 'hello'
      protocol: 1
      agent: Readonly<{ id: string; username: string; displayName: string; role: string; language: string }>
      routerRtpCapabilities: Readonly<Record<string, unknown>>
      iceServers: readonly Readonly<{ urls: string; username?: string; credential?: string }>[]
      sfu: 'mediasoup' | 'embedded'
      /** How often a proof is wanted. */
      proofEveryMs: number
      statusReasons: readonly string[]
      dispositions: readonly Readonly<{ code: string; label: string; queueIds: readonly string[] }>[]
    }>
  | Readonly<{ kind: 'state'; state: DeskState }>
  /** Make the browser's end of a hearing, then send `media.hearing`. */
  | Readonly<{
      kind: 'media.hear'
      /** `warmUp` is never played: it lets the browser connect its receiving side before the first call. */
      role: 'call' | 'supervisor' | 'supervised' | 'warmUp'
      hearing: Readonly<{
        id: string
        producerId: string
        kind: 'audio'
        rtpParameters: Readonly<Record<string, unknown>>
      }>
    }>
  | Readonly<{ kind: 'media.unhear'; hearingId: string }>
  /** The SFU has died or moved: begin again with `media.open`. */
  | Readonly<{ kind: 'media.lost' }>
  /** While an offer lasts, every second: the ring stops by itself when these stop. */
  | Readonly<{ kind: 'ring'; offerId: string }>
  /** The far end pressed a key. */
  | Readonly<{ kind: 'digit'; digit: string }>
  | Readonly<{ kind: 'notice'; code: string; text: string }>

export type SoftphoneReply =
  | Readonly<{ kind: 'reply'; id: number; ok: true; data: Readonly<Record<string, unknown>> }>
  | Readonly<{ kind: 'reply'; id: number; ok: false; problem: Readonly<{ code: string; detail: string }> }>

/** WebSocket close codes of this protocol (RFC 6455 §7.4.2, private use). */
export const CLOSE_CODES = {
  signedOut: 4401,
  notAllowed: 4403,
  badMessage: 4400,
  /** The same page has connected anew (query parameter `tab`, an id that the page keeps over reloads). */
  replaced: 4409,
  tooMany: 4429,
  draining: 4503
} as const
