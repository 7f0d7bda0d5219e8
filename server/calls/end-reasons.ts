/** Who or what made a call end. */
export type EndedBy = 'caller' | 'callee' | 'flow' | 'agent' | 'operator' | 'server' | 'network'

/**
 * Whose fault an end was. `none`: the call did what it should. `caller`: what arrived was not acceptable.
 * `destination`: the far end could not or would not. `configuration`: someone must change a setting.
 * `server` and `network`: something broke.
 */
export type Fault = 'none' | 'caller' | 'destination' | 'configuration' | 'server' | 'network'

type Reason = Readonly<{
  endedBy: EndedBy
  fault: Fault
  /** Final SIP status towards a caller who was not answered yet (RFC 3261 §21). */
  sip: number
  phrase: string
  says: string
}>

/** The closed list of why a call can end. */
export const END_REASONS = {
  callerHungUp: {
    endedBy: 'caller',
    fault: 'none',
    sip: 487,
    phrase: 'Request Terminated',
    says: 'The caller hung up'
  },
  callerCancelled: {
    endedBy: 'caller',
    fault: 'none',
    sip: 487,
    phrase: 'Request Terminated',
    says: 'The caller gave up before the answer'
  },
  calleeHungUp: {
    endedBy: 'callee',
    fault: 'none',
    sip: 487,
    phrase: 'Request Terminated',
    says: 'The called party hung up'
  },
  agentHungUp: {
    endedBy: 'agent',
    fault: 'none',
    sip: 487,
    phrase: 'Request Terminated',
    says: 'The agent ended the call'
  },
  flowHungUp: { endedBy: 'flow', fault: 'none', sip: 603, phrase: 'Decline', says: 'The flow ended the call' },
  flowRejected: { endedBy: 'flow', fault: 'none', sip: 603, phrase: 'Decline', says: 'The flow rejected the call' },
  flowBusy: { endedBy: 'flow', fault: 'none', sip: 486, phrase: 'Busy Here', says: 'The flow answered busy' },
  transferEnded: {
    endedBy: 'callee',
    fault: 'none',
    sip: 487,
    phrase: 'Request Terminated',
    says: 'The call ended after a transfer'
  },
  operatorEnded: {
    endedBy: 'operator',
    fault: 'none',
    sip: 487,
    phrase: 'Request Terminated',
    says: 'Someone ended the call through the API'
  },
  numberUnknown: {
    endedBy: 'server',
    fault: 'caller',
    sip: 404,
    phrase: 'Not Found',
    says: 'The called number is not one of ours'
  },
  numberDisabled: {
    endedBy: 'server',
    fault: 'configuration',
    sip: 480,
    phrase: 'Temporarily Unavailable',
    says: 'The called number is switched off'
  },
  numberHasNoFlow: {
    endedBy: 'server',
    fault: 'configuration',
    sip: 480,
    phrase: 'Temporarily Unavailable',
    says: 'No flow is published for the called number'
  },
  sourceNotAllowed: {
    endedBy: 'server',
    fault: 'caller',
    sip: 403,
    phrase: 'Forbidden',
    says: 'No trunk allows calls from this address'
  },
  notAuthenticated: {
    endedBy: 'server',
    fault: 'caller',
    sip: 401,
    phrase: 'Unauthorized',
    says: 'The digest signature is missing or wrong'
  },
  noAudio: {
    endedBy: 'server',
    fault: 'caller',
    sip: 488,
    phrase: 'Not Acceptable Here',
    says: 'The SDP offers no audio'
  },
  noCommonCodec: {
    endedBy: 'server',
    fault: 'caller',
    sip: 488,
    phrase: 'Not Acceptable Here',
    says: 'No codec is common to both sides'
  },
  sdpInvalid: { endedBy: 'server', fault: 'caller', sip: 400, phrase: 'Bad Request', says: 'The SDP cannot be read' },
  overloaded: {
    endedBy: 'server',
    fault: 'server',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'The server is at its limit of calls'
  },
  recordingRefused: {
    endedBy: 'server',
    fault: 'none',
    sip: 487,
    phrase: 'Request Terminated',
    says: 'The law wants the call recorded, and the customer did not agree or could not be asked'
  },
  recordingFailed: {
    endedBy: 'server',
    fault: 'server',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'The law wants the call recorded, and it cannot be'
  },
  trunkLimit: {
    endedBy: 'server',
    fault: 'configuration',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'The trunk is at its limit of calls'
  },
  draining: {
    endedBy: 'server',
    fault: 'none',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'The server is shutting down'
  },
  mediaUnavailable: {
    endedBy: 'server',
    fault: 'server',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'No media server can be reached'
  },
  mediaLost: {
    endedBy: 'server',
    fault: 'server',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'The media server went away in the call'
  },
  mediaTimeout: {
    endedBy: 'network',
    fault: 'network',
    sip: 408,
    phrase: 'Request Timeout',
    says: 'No voice arrived for too long'
  },
  signallingLost: {
    endedBy: 'server',
    fault: 'server',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'The SIP server went away in the call'
  },
  notAcknowledged: {
    endedBy: 'network',
    fault: 'network',
    sip: 408,
    phrase: 'Request Timeout',
    says: 'The answer was never acknowledged'
  },
  flowFailed: {
    endedBy: 'server',
    fault: 'configuration',
    sip: 500,
    phrase: 'Server Internal Error',
    says: 'The flow failed and had no other way on'
  },
  databaseUnavailable: {
    endedBy: 'server',
    fault: 'server',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'The database could not be read'
  },
  internalError: {
    endedBy: 'server',
    fault: 'server',
    sip: 500,
    phrase: 'Server Internal Error',
    says: 'The server made an error'
  },
  controlPlaneLost: {
    endedBy: 'server',
    fault: 'server',
    sip: 503,
    phrase: 'Service Unavailable',
    says: 'The control plane stopped in the call'
  },
  busy: { endedBy: 'callee', fault: 'destination', sip: 486, phrase: 'Busy Here', says: 'The called party was busy' },
  noAnswer: {
    endedBy: 'server',
    fault: 'destination',
    sip: 480,
    phrase: 'Temporarily Unavailable',
    says: 'Nobody answered in time'
  },
  rejected: { endedBy: 'callee', fault: 'destination', sip: 603, phrase: 'Decline', says: 'The called party refused' },
  unreachable: {
    endedBy: 'network',
    fault: 'destination',
    sip: 404,
    phrase: 'Not Found',
    says: 'The called party could not be reached'
  }
} as const satisfies Record<string, Reason>

export type EndReason = keyof typeof END_REASONS

/** The reason for a final SIP response from a called party (RFC 3261 §21). */
export function endReasonForStatus(status: number): EndReason {
  if (status === 486 || status === 600) return 'busy'
  if (status === 408 || status === 480 || status === 487) return 'noAnswer'
  if (status === 603 || status === 403 || status === 607 || status === 608) return 'rejected'
  if (status === 488 || status === 606) return 'noCommonCodec'
  return 'unreachable'
}
