import { digitEvent, type ReceivedDigit } from '../../../audio/telephone-event.ts'

const DEFAULT_UNITS = 2_000

/** The key press that an INFO carries, as `application/dtmf-relay` or `application/dtmf`; undefined if none. */
export function digitFromInfo(contentType: string, body: string): ReceivedDigit | undefined {
  const type = contentType.split(';')[0]?.trim().toLowerCase()
  if (type === 'application/dtmf-relay') {
    const signal = /^\s*Signal\s*=\s*([0-9A-Da-d*#]|1[0-5])\s*$/im.exec(body)?.[1]
    const durationMs = Number(/^\s*Duration\s*=\s*(\d{1,5})/im.exec(body)?.[1] ?? Number.NaN)
    const units = Number.isFinite(durationMs) ? durationMs * 8 : DEFAULT_UNITS
    return signal === undefined ? undefined : { digit: keyOf(signal), durationTimestampUnits: units }
  }
  if (type === 'application/dtmf') {
    const signal = body.trim()
    if (digitEvent(signal) === undefined && !/^1[0-5]$/.test(signal)) return undefined
    return { digit: keyOf(signal), durationTimestampUnits: DEFAULT_UNITS }
  }
  return undefined
}

/** Two-figure signals are event codes: 10 is `*`, 11 is `#`, 12 to 15 are A to D. */
function keyOf(signal: string): string {
  return signal.length === 2 ? ('*#ABCD'[Number(signal) - 10] as string) : signal.toUpperCase()
}
