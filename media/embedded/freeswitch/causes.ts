/** Hang-up causes (ITU-T Q.850 and the server's own) with the SIP status that stands for each before an answer. */
export const HANGUP_CAUSES: Readonly<Record<string, number>> = {
  NONE: 480,
  UNALLOCATED_NUMBER: 404,
  NO_ROUTE_DESTINATION: 404,
  NORMAL_CLEARING: 480,
  USER_BUSY: 486,
  NO_USER_RESPONSE: 408,
  NO_ANSWER: 480,
  SUBSCRIBER_ABSENT: 480,
  CALL_REJECTED: 603,
  NUMBER_CHANGED: 410,
  DESTINATION_OUT_OF_ORDER: 502,
  INVALID_NUMBER_FORMAT: 484,
  FACILITY_REJECTED: 501,
  NORMAL_UNSPECIFIED: 480,
  NORMAL_CIRCUIT_CONGESTION: 503,
  NETWORK_OUT_OF_ORDER: 503,
  NORMAL_TEMPORARY_FAILURE: 503,
  SWITCH_CONGESTION: 503,
  REQUESTED_CHAN_UNAVAIL: 503,
  OUTGOING_CALL_BARRED: 403,
  INCOMING_CALL_BARRED: 403,
  BEARERCAPABILITY_NOTAVAIL: 503,
  INCOMPATIBLE_DESTINATION: 488,
  SERVICE_NOT_IMPLEMENTED: 501,
  RECOVERY_ON_TIMER_EXPIRE: 504,
  INTERWORKING: 500,
  ORIGINATOR_CANCEL: 487,
  LOSE_RACE: 480,
  MANAGER_REQUEST: 480,
  BLIND_TRANSFER: 480,
  ATTENDED_TRANSFER: 480,
  ALLOTTED_TIMEOUT: 480,
  MEDIA_TIMEOUT: 480,
  PICKED_OFF: 480,
  SYSTEM_SHUTDOWN: 503,
  CRASH: 480
}

/** Q.850 numbers used in the Reason header of a BYE. */
const Q850: Readonly<Record<string, number>> = {
  UNALLOCATED_NUMBER: 1,
  NO_ROUTE_DESTINATION: 3,
  NORMAL_CLEARING: 16,
  USER_BUSY: 17,
  NO_USER_RESPONSE: 18,
  NO_ANSWER: 19,
  SUBSCRIBER_ABSENT: 20,
  CALL_REJECTED: 21,
  NUMBER_CHANGED: 22,
  DESTINATION_OUT_OF_ORDER: 27,
  INVALID_NUMBER_FORMAT: 28,
  FACILITY_REJECTED: 29,
  NORMAL_UNSPECIFIED: 31,
  NORMAL_CIRCUIT_CONGESTION: 34,
  NETWORK_OUT_OF_ORDER: 38,
  NORMAL_TEMPORARY_FAILURE: 41,
  SWITCH_CONGESTION: 42,
  INCOMPATIBLE_DESTINATION: 88,
  RECOVERY_ON_TIMER_EXPIRE: 102,
  INTERWORKING: 127
}

/** The cause named by `text` (a name or a Q.850 number), or `fallback`. */
export function causeOf(text: string, fallback = 'NORMAL_CLEARING'): string {
  const name = text.trim().toUpperCase()
  if (name in HANGUP_CAUSES) return name
  const number = Number(name)
  return Object.entries(Q850).find(([, value]) => value === number)?.[0] ?? fallback
}

/** The Reason header's value for a BYE (RFC 3326). */
export function reasonHeader(cause: string): string {
  return `Q.850;cause=${Q850[cause] ?? 16};text="${cause}"`
}

/** The cause that a peer's Reason header gives, if it gives one. */
export function causeFromReason(value: string | undefined): string | undefined {
  const number = /Q\.850\s*;[^,]*cause=(\d+)/i.exec(value ?? '')?.[1]
  return number === undefined ? undefined : causeOf(number, 'NORMAL_CLEARING')
}
