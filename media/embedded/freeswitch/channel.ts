import { randomUUID } from 'node:crypto'
import type { ReceivedDigit } from '../../audio/telephone-event.ts'
import type { Engine } from './engine.ts'
import type { FsEvent } from './event.ts'
import type { EventHeaders } from './event-bus.ts'
import { Executor } from './executor.ts'
import type { FrameSource } from './rtp/frame.ts'
import type { MediaStream } from './rtp/media-stream.ts'
import type { SipDialog } from './sip/dialog.ts'

/** The real server's state names and numbers. */
const STATE_NUMBERS = {
  CS_NEW: 0,
  CS_INIT: 1,
  CS_ROUTING: 2,
  CS_EXECUTE: 4,
  CS_EXCHANGE_MEDIA: 5,
  CS_PARK: 6,
  CS_HANGUP: 10,
  CS_REPORTING: 11,
  CS_DESTROY: 12
} as const
export type ChannelState = keyof typeof STATE_NUMBERS

const CALL_STATE_NUMBERS = { DOWN: 0, RINGING: 2, EARLY: 3, ACTIVE: 4, HELD: 5, HANGUP: 7 } as const
export type CallState = keyof typeof CALL_STATE_NUMBERS

/** Events that carry the channel's variables. */
const WITH_VARIABLES = new Set([
  'CHANNEL_CREATE',
  'CHANNEL_ANSWER',
  'CHANNEL_PARK',
  'CHANNEL_UNPARK',
  'CHANNEL_BRIDGE',
  'CHANNEL_UNBRIDGE',
  'CHANNEL_PROGRESS',
  'CHANNEL_PROGRESS_MEDIA',
  'CHANNEL_HANGUP',
  'CHANNEL_HANGUP_COMPLETE',
  'CHANNEL_DATA',
  'CHANNEL_EXECUTE',
  'CHANNEL_EXECUTE_COMPLETE',
  'CHANNEL_DESTROY',
  'CHANNEL_HOLD',
  'CHANNEL_UNHOLD',
  'RECORD_START',
  'RECORD_STOP',
  'PLAYBACK_START',
  'PLAYBACK_STOP',
  'MEDIA_BUG_START',
  'MEDIA_BUG_STOP',
  'CUSTOM'
])

const MAX_VARIABLES = 2_000
const MAX_QUEUED_DIGITS = 256
const MIN_DIGIT_UNITS = 400
const MAX_DIGIT_UNITS = 192_000

/** Where a key press came from, in the real server's words. */
export type DigitSource = 'RTP' | 'ENDPOINT' | 'APP' | 'INBAND_AUDIO'

/** Who is calling and what was dialled. */
export type CallerProfile = Readonly<{
  username: string
  name: string
  number: string
  destination: string
  networkAddress: string
  context: string
}>

/** Things attached to a channel under a name: forks, detectors, recordings. They are stopped when it ends. */
export type ChannelBug = Readonly<{ kind: string; stop(): void }>

/** One leg: its dialog, its media, its variables and what it is doing. */
export class Channel {
  readonly uuid = randomUUID()
  readonly createdAtMs = Date.now()
  readonly engine: Engine
  readonly media: MediaStream
  readonly caller: CallerProfile
  readonly variables = new Map<string, string>()
  readonly bugs = new Map<string, ChannelBug>()
  readonly digits: string[] = []
  /** Keys of whoever it is connected with are not passed on to it; what is sent for each instead. */
  dropsKeys = false
  dropMask = ''
  readonly executor: Executor
  readonly #hungUp = new AbortController()
  dialog: SipDialog | undefined
  state: ChannelState = 'CS_NEW'
  callState: CallState = 'RINGING'
  hangupCause: string | undefined
  answeredAtMs = 0
  hungUpAtMs = 0
  bridgedAtMs = 0
  bridgedTo: Channel | undefined
  /** What is sent when no application sends anything. */
  #base: FrameSource | undefined
  /** The `socket` application while it runs. */
  socketRun: Readonly<{ uuid: string; data: string }> | undefined
  readonly #name: string

  constructor(engine: Engine, media: MediaStream, caller: CallerProfile, name: string) {
    this.engine = engine
    this.media = media
    this.caller = caller
    this.#name = name
    this.executor = new Executor(this)
  }

  get name(): string {
    return this.#name
  }

  /** Aborts when the channel hangs up. */
  get signal(): AbortSignal {
    return this.#hungUp.signal
  }

  get isUp(): boolean {
    return this.hangupCause === undefined
  }

  get(name: string): string | undefined {
    return this.variables.get(name)
  }

  /** Sets a variable; an empty or missing value removes it, as in the real server. */
  set(name: string, value: string | undefined): void {
    if (value === undefined || value === '') this.variables.delete(name)
    else if (this.variables.size < MAX_VARIABLES || this.variables.has(name)) this.variables.set(name, value)
  }

  get base(): FrameSource | undefined {
    return this.#base
  }

  set base(source: FrameSource | undefined) {
    this.#base = source
    this.updateOutput()
  }

  /** The top-most application that sends something decides what is heard. */
  updateOutput(): void {
    this.media.source = this.executor.topSource ?? this.#base
  }

  setState(state: ChannelState): void {
    if (this.state === state) return
    this.state = state
    this.fire('CHANNEL_STATE')
  }

  setCallState(state: CallState): void {
    if (this.callState === state || this.callState === 'HANGUP') return
    const before = this.callState
    this.callState = state
    this.fire('CHANNEL_CALLSTATE', [
      ['Original-Channel-Call-State', before],
      ['Channel-Call-State-Number', String(CALL_STATE_NUMBERS[state])]
    ])
  }

  /** A key was pressed, by whatever way it came. */
  receiveDigit(digit: ReceivedDigit, source: DigitSource): void {
    if (!this.isUp) return
    const duration = Math.max(MIN_DIGIT_UNITS, Math.min(MAX_DIGIT_UNITS, digit.durationTimestampUnits))
    if (this.digits.length < MAX_QUEUED_DIGITS) this.digits.push(digit.digit)
    this.fire('DTMF', [
      ['DTMF-Digit', digit.digit],
      ['DTMF-Duration', String(duration)],
      ['DTMF-Source', source]
    ])
    this.executor.offerDigits()
    if (this.bridgedTo !== undefined && this.digits.length > 0 && this.executor.isIdle) {
      // Keys that nobody collects go on to the other leg.
      const { dropsKeys, dropMask, media } = this.bridgedTo
      const keys = dropsKeys ? this.digits.map(() => dropMask) : this.digits
      if (keys.join('') !== '') media.sendDigits(keys.join(''), duration / 8)
      this.digits.length = 0
    }
  }

  /** Ends the call; the first cause wins. `bySip` says that the other side already said goodbye. */
  hangup(cause: string, bySip = false): void {
    if (!this.isUp) return
    this.hangupCause = cause
    this.hungUpAtMs = Date.now()
    this.set('hangup_cause', cause)
    this.set('sip_hangup_disposition', bySip ? 'recv_bye' : 'send_bye')
    if (!bySip) void this.dialog?.bye(cause)
    this.#hungUp.abort()
    for (const bug of [...this.bugs.values()]) bug.stop()
    void this.engine.onHangup(this)
  }

  /** The last events of a channel, after its applications have ended. */
  fireEnd(): void {
    this.leaveSocket()
    this.state = 'CS_HANGUP'
    this.setCallState('HANGUP')
    this.fire('CHANNEL_HANGUP')
    this.fire('CHANNEL_STATE')
    this.state = 'CS_REPORTING'
    this.fire('CHANNEL_HANGUP_COMPLETE')
    this.state = 'CS_DESTROY'
    this.fire('CHANNEL_DESTROY')
  }

  /** Fires an event about this channel. */
  fire(name: string, extra: EventHeaders = [], body?: string, subclass?: string): void {
    const headers = () => this.#headersAnd(name, extra)
    this.engine.bus.fire(name, headers, body, subclass, this.uuid)
  }

  *#headersAnd(name: string, extra: EventHeaders): Generator<readonly [string, string]> {
    yield* this.headers(name)
    yield* extra
  }

  /** The event socket's `socket` application, which began with the call, ends when the channel goes elsewhere. */
  leaveSocket(): void {
    if (this.socketRun === undefined) return
    const { uuid, data } = this.socketRun
    this.socketRun = undefined
    this.fire('CHANNEL_EXECUTE_COMPLETE', [
      ['Application', 'socket'],
      ['Application-Data', data],
      ['Application-Response', '_none_'],
      ['Application-UUID', uuid]
    ])
  }

  /** All headers and variables, as `uuid_dump` and `connect` show them. */
  snapshot(extra: EventHeaders = []): FsEvent {
    return this.engine.bus.build('CHANNEL_DATA', [...this.headers('CHANNEL_DATA'), ...extra])
  }

  /** The headers that an event about this channel carries. */
  *headers(eventName: string): Generator<readonly [string, string]> {
    yield ['Channel-State', this.state]
    yield ['Channel-Call-State', this.callState]
    yield ['Channel-State-Number', String(STATE_NUMBERS[this.state])]
    yield ['Channel-Name', this.name]
    yield ['Unique-ID', this.uuid]
    yield ['Session-External-ID', this.uuid]
    yield ['Call-Direction', 'inbound']
    yield ['Presence-Call-Direction', 'inbound']
    yield ['Channel-HIT-Dialplan', 'true']
    yield ['Channel-Call-UUID', this.get('call_uuid') ?? this.uuid]
    yield ['Answer-State', this.isUp ? (this.answeredAtMs > 0 ? 'answered' : 'ringing') : 'hangup']
    if (this.hangupCause !== undefined) yield ['Hangup-Cause', this.hangupCause]
    for (const side of ['Read', 'Write']) {
      yield [`Channel-${side}-Codec-Name`, this.media.codec]
      yield [`Channel-${side}-Codec-Rate`, '8000']
      yield [`Channel-${side}-Codec-Bit-Rate`, '64000']
    }
    yield* this.profileHeaders('Caller')
    if (this.bridgedTo !== undefined) {
      yield ['Other-Type', 'originatee']
      yield* this.bridgedTo.profileHeaders('Other-Leg')
    }
    if (WITH_VARIABLES.has(eventName)) for (const [name, value] of this.variables) yield [`variable_${name}`, value]
  }

  *profileHeaders(prefix: string): Generator<readonly [string, string]> {
    const { caller } = this
    yield [`${prefix}-Direction`, 'inbound']
    yield [`${prefix}-Logical-Direction`, 'inbound']
    if (caller.username !== '') yield [`${prefix}-Username`, caller.username]
    yield [`${prefix}-Dialplan`, 'XML']
    yield [`${prefix}-Caller-ID-Name`, caller.name]
    yield [`${prefix}-Caller-ID-Number`, caller.number]
    yield [`${prefix}-Orig-Caller-ID-Name`, caller.name]
    yield [`${prefix}-Orig-Caller-ID-Number`, caller.number]
    yield [`${prefix}-Network-Addr`, caller.networkAddress]
    yield [`${prefix}-ANI`, caller.number]
    yield [`${prefix}-Destination-Number`, caller.destination]
    yield [`${prefix}-Unique-ID`, this.uuid]
    yield [`${prefix}-Source`, 'mod_sofia']
    yield [`${prefix}-Context`, caller.context]
    yield [`${prefix}-Channel-Name`, this.name]
    yield [`${prefix}-Profile-Index`, '1']
    yield [`${prefix}-Profile-Created-Time`, `${this.createdAtMs}000`]
    yield [`${prefix}-Channel-Created-Time`, `${this.createdAtMs}000`]
    yield [`${prefix}-Channel-Answered-Time`, this.answeredAtMs === 0 ? '0' : `${this.answeredAtMs}000`]
    yield [`${prefix}-Channel-Progress-Time`, '0']
    yield [`${prefix}-Channel-Progress-Media-Time`, '0']
    yield [`${prefix}-Channel-Hangup-Time`, this.hungUpAtMs === 0 ? '0' : `${this.hungUpAtMs}000`]
    yield [`${prefix}-Channel-Transfer-Time`, '0']
    yield [`${prefix}-Channel-Resurrect-Time`, '0']
    yield [`${prefix}-Channel-Bridged-Time`, this.bridgedAtMs === 0 ? '0' : `${this.bridgedAtMs}000`]
    yield [`${prefix}-Channel-Last-Hold`, '0']
    yield [`${prefix}-Channel-Hold-Accum`, '0']
    yield [`${prefix}-Screen-Bit`, 'true']
    yield [`${prefix}-Privacy-Hide-Name`, 'false']
    yield [`${prefix}-Privacy-Hide-Number`, 'false']
  }
}
