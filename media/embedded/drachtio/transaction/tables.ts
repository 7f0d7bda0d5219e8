/**
 * The four transaction state machines of RFC 3261 §17, with the corrections of RFC 6026, as plain tables:
 * `(state, event)` gives the next state and the actions to take. Nothing here knows sockets or clocks.
 * A pair that is not in the table changes nothing: such an event is absorbed.
 */

/** The next state and what to do on the way. */
export type Step<State, Action> = readonly [state: State, actions: readonly Action[]]
export type Table<State extends string, Event extends string, Action> = {
  readonly [S in State]: { readonly [E in Event]?: Step<State, Action> }
}

/** Looks a transition up; an unknown event leaves the state as it is. */
export function step<State extends string, Event extends string, Action>(
  table: Table<State, Event, Action>,
  state: State,
  event: Event
): Step<State, Action> {
  return table[state][event] ?? [state, []]
}

export type ClientEvent =
  | 'start'
  | '1xx'
  | '2xx'
  | 'failure'
  | 'timerA'
  | 'timerB'
  | 'timerD'
  | 'timerM'
  | 'timerE'
  | 'timerF'
  | 'timerK'
  | 'transportError'
export type ClientAction =
  | 'send'
  | 'deliver'
  | 'ack'
  | 'reportTimeout'
  | 'reportTransportError'
  | 'startA'
  | 'doubleA'
  | 'stopA'
  | 'startB'
  | 'stopB'
  | 'startD'
  | 'startM'
  | 'startE'
  | 'doubleE'
  | 'slowE'
  | 'stopE'
  | 'startF'
  | 'stopF'
  | 'startK'
  | 'end'

export type InviteClientState = 'idle' | 'calling' | 'proceeding' | 'completed' | 'accepted' | 'terminated'

/** INVITE client transaction: RFC 3261 §17.1.1.2, figure 5, with Accepted from RFC 6026 §8.4. */
export const INVITE_CLIENT: Table<InviteClientState, ClientEvent, ClientAction> = {
  idle: {
    start: ['calling', ['send', 'startA', 'startB']]
  },
  calling: {
    timerA: ['calling', ['send', 'doubleA']],
    timerB: ['terminated', ['stopA', 'reportTimeout', 'end']],
    transportError: ['terminated', ['stopA', 'stopB', 'reportTransportError', 'end']],
    '1xx': ['proceeding', ['stopA', 'stopB', 'deliver']],
    '2xx': ['accepted', ['stopA', 'stopB', 'startM', 'deliver']],
    failure: ['completed', ['stopA', 'stopB', 'ack', 'deliver', 'startD']]
  },
  proceeding: {
    '1xx': ['proceeding', ['deliver']],
    '2xx': ['accepted', ['startM', 'deliver']],
    failure: ['completed', ['ack', 'deliver', 'startD']]
  },
  completed: {
    failure: ['completed', ['ack']],
    timerD: ['terminated', ['end']],
    transportError: ['terminated', ['end']]
  },
  // Every further 2xx goes to the user: retransmissions want another ACK, other forks want ACK and BYE.
  accepted: {
    '2xx': ['accepted', ['deliver']],
    timerM: ['terminated', ['end']]
  },
  terminated: {}
}

export type PlainClientState = 'idle' | 'trying' | 'proceeding' | 'completed' | 'terminated'

/** Non-INVITE client transaction: RFC 3261 §17.1.2.2, figure 6. */
export const PLAIN_CLIENT: Table<PlainClientState, ClientEvent, ClientAction> = {
  idle: {
    start: ['trying', ['send', 'startE', 'startF']]
  },
  trying: {
    timerE: ['trying', ['send', 'doubleE']],
    timerF: ['terminated', ['stopE', 'reportTimeout', 'end']],
    transportError: ['terminated', ['stopE', 'stopF', 'reportTransportError', 'end']],
    '1xx': ['proceeding', ['deliver']],
    '2xx': ['completed', ['stopE', 'stopF', 'deliver', 'startK']],
    failure: ['completed', ['stopE', 'stopF', 'deliver', 'startK']]
  },
  proceeding: {
    timerE: ['proceeding', ['send', 'slowE']],
    timerF: ['terminated', ['stopE', 'reportTimeout', 'end']],
    transportError: ['terminated', ['stopE', 'stopF', 'reportTransportError', 'end']],
    '1xx': ['proceeding', ['deliver']],
    '2xx': ['completed', ['stopE', 'stopF', 'deliver', 'startK']],
    failure: ['completed', ['stopE', 'stopF', 'deliver', 'startK']]
  },
  completed: {
    timerK: ['terminated', ['end']]
  },
  terminated: {}
}

export type ServerEvent =
  | 'request'
  | 'ack'
  | 'send1xx'
  | 'send2xx'
  | 'sendFailure'
  | 'timerG'
  | 'timerH'
  | 'timerI'
  | 'timerJ'
  | 'timerL'
  | 'transportError'
export type ServerAction =
  | 'send'
  | 'resend'
  | 'deliverAck'
  | 'reportTimeout'
  | 'reportTransportError'
  | 'startG'
  | 'doubleG'
  | 'stopG'
  | 'startH'
  | 'stopH'
  | 'startI'
  | 'startJ'
  | 'startL'
  | 'end'

export type InviteServerState = 'proceeding' | 'completed' | 'confirmed' | 'accepted' | 'terminated'

/** INVITE server transaction: RFC 3261 §17.2.1, figure 7, with Accepted from RFC 6026 §8.7. */
export const INVITE_SERVER: Table<InviteServerState, ServerEvent, ServerAction> = {
  proceeding: {
    request: ['proceeding', ['resend']],
    send1xx: ['proceeding', ['send']],
    send2xx: ['accepted', ['send', 'startL']],
    sendFailure: ['completed', ['send', 'startG', 'startH']],
    transportError: ['terminated', ['reportTransportError', 'end']]
  },
  completed: {
    request: ['completed', ['resend']],
    timerG: ['completed', ['resend', 'doubleG']],
    timerH: ['terminated', ['stopG', 'reportTimeout', 'end']],
    ack: ['confirmed', ['stopG', 'stopH', 'startI']],
    transportError: ['terminated', ['stopG', 'stopH', 'end']]
  },
  confirmed: {
    timerI: ['terminated', ['end']]
  },
  // A retransmitted INVITE is absorbed here; the user resends its 2xx until the ACK comes (RFC 6026 §8.7).
  accepted: {
    send2xx: ['accepted', ['send']],
    ack: ['accepted', ['deliverAck']],
    timerL: ['terminated', ['end']]
  },
  terminated: {}
}

export type PlainServerState = 'trying' | 'proceeding' | 'completed' | 'terminated'

/** Non-INVITE server transaction: RFC 3261 §17.2.2, figure 8. */
export const PLAIN_SERVER: Table<PlainServerState, ServerEvent, ServerAction> = {
  trying: {
    send1xx: ['proceeding', ['send']],
    send2xx: ['completed', ['send', 'startJ']],
    sendFailure: ['completed', ['send', 'startJ']]
  },
  proceeding: {
    request: ['proceeding', ['resend']],
    send1xx: ['proceeding', ['send']],
    send2xx: ['completed', ['send', 'startJ']],
    sendFailure: ['completed', ['send', 'startJ']],
    transportError: ['terminated', ['reportTransportError', 'end']]
  },
  completed: {
    request: ['completed', ['resend']],
    timerJ: ['terminated', ['end']],
    transportError: ['terminated', ['end']]
  },
  terminated: {}
}
