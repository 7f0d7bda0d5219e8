import { splitArguments, splitPairs } from '../arguments.ts'
import { isTrue } from '../bridge.ts'
import { causeOf } from '../causes.ts'
import type { Channel } from '../channel.ts'
import type { AppRun } from '../executor.ts'
import { FRAME_SAMPLES, type FrameSource } from '../rtp/frame.ts'

const MAX_SLEEP_MS = 24 * 3_600_000

/** `set name=value` and, as there is no other leg to hand variables to, `export`. */
export function set(run: AppRun): void {
  const equals = run.data.indexOf('=')
  if (equals < 1) return
  const value = run.data.slice(equals + 1)
  run.channel.set(run.data.slice(0, equals).trim(), value === '_undef_' ? undefined : value)
}

/** `multiset a=1 b=2`, or with another separator after `^^`. */
export function multiset(run: AppRun): void {
  for (const part of splitArguments(run.data)) set({ ...run, data: part })
}

/** `unset name`. */
export function unset(run: AppRun): void {
  run.channel.set(run.data.trim(), undefined)
}

/** `multiunset a b`. */
export function multiunset(run: AppRun): void {
  for (const name of splitArguments(run.data)) run.channel.set(name, undefined)
}

/** `answer`, `pre_answer` and `ring_ready`: every call is answered when its dial plan begins. */
export function answer(): void {}

/** `hangup [cause]`. */
export function hangup(run: AppRun): void {
  run.channel.hangup(run.data.trim() === '' ? 'NORMAL_CLEARING' : causeOf(run.data))
}

/** `park`: waits until something else happens. */
export async function park(run: AppRun): Promise<void> {
  run.channel.fire('CHANNEL_PARK')
  await untilBreak(run)
  run.channel.fire('CHANNEL_UNPARK')
}

/** `sleep <ms>`. */
export function sleep(run: AppRun): Promise<void> {
  const ms = Math.max(0, Math.min(MAX_SLEEP_MS, Math.trunc(Number(run.data)) || 0))
  return untilBreak(run, ms)
}

/** `break`: interrupts what runs below. */
export function breakApp(run: AppRun): void {
  setImmediate(() => run.channel.executor.break(run.data.trim() === 'all'))
}

/** `echo`: sends back what is heard. */
export async function echo(run: AppRun): Promise<void> {
  const { media } = run.channel
  media.addReader()
  run.source = { writeFrame: (codec, out, offset) => media.copyRead(codec, out, offset) }
  await untilBreak(run)
  run.source = undefined
  media.removeReader()
}

/** `delay_echo <ms>`. */
export async function delayEcho(run: AppRun): Promise<void> {
  const { media } = run.channel
  const delayFrames = Math.max(1, Math.min(500, Math.round((Number(run.data) || 1_000) / 20)))
  media.addReader()
  run.source = new DelayedEcho(run.channel, delayFrames)
  await untilBreak(run)
  run.source = undefined
  media.removeReader()
}

class DelayedEcho implements FrameSource {
  readonly #channel: Channel
  readonly #held: Uint8Array[]
  #next = 0
  constructor(channel: Channel, frames: number) {
    this.#channel = channel
    this.#held = Array.from({ length: frames }, () => new Uint8Array(FRAME_SAMPLES).fill(0xff))
  }

  writeFrame(codec: 'PCMU' | 'PCMA', out: Uint8Array, offset: number): boolean {
    const oldest = this.#held[this.#next] as Uint8Array
    out.set(oldest, offset)
    this.#channel.media.copyRead(codec, oldest, 0)
    this.#next = (this.#next + 1) % this.#held.length
    return true
  }
}

/** `set_mute read|write true|false`: `read` silences what the channel hears from its caller. */
export function setMute(run: AppRun): void {
  const [side, value] = splitArguments(run.data)
  const { media } = run.channel
  if (side === 'write') media.isWriteMuted = isTrue(value)
  else media.isReadMuted = isTrue(value)
}

/** `set_audio_level read|write -4…4`. */
export function setAudioLevel(run: AppRun): void {
  const [side, level] = splitArguments(run.data)
  setLevel(run.channel, side === 'read' ? 'read' : 'write', Number(level) || 0)
}

/** Steps of the level scale are 6 dB louder or softer than one another, from -4 to 4. */
export function setLevel(channel: Channel, side: 'read' | 'write', level: number): void {
  const gain = 10 ** ((Math.max(-4, Math.min(4, level)) * 6) / 20)
  if (side === 'read') channel.media.readGain = gain
  else channel.media.writeGain = gain
}

/** `send_dtmf <keys>[@<ms>]`. */
export function sendDtmf(run: AppRun): void {
  sendKeys(run.channel, run.data)
}

/** `queue_dtmf <keys>`: as if the other side had pressed them later; they wait until something collects. */
export function queueDtmf(run: AppRun): void {
  for (const digit of run.data.replace(/@.*/, ''))
    run.channel.receiveDigit({ digit, durationTimestampUnits: 2_000 }, 'APP')
}

/** Sends keys as telephone-events, or by INFO when the other side takes no events. */
export function sendKeys(channel: Channel, text: string): void {
  const [digits = '', duration] = text.trim().split('@')
  const durationMs = Math.max(40, Math.min(8_000, (Number(duration) || 2_000) / 8))
  if (channel.media.hasTelephoneEvents) {
    channel.media.sendDigits(digits.replace(/w/gi, ''), durationMs)
    return
  }
  for (const digit of digits.replace(/[^0-9A-D*#]/gi, '')) {
    const body = `Signal=${digit}\r\nDuration=${durationMs}\r\n`
    void channel.dialog?.request('INFO', [['Content-Type', 'application/dtmf-relay']], body)
  }
}

/** `flush_dtmf`. */
export function flushDtmf(run: AppRun): void {
  run.channel.digits.length = 0
}

/** `log`, `info`: one line in the server's log. */
export function logLine(run: AppRun): void {
  run.channel.engine.log.info({ uuid: run.channel.uuid, text: run.data.slice(0, 500) }, 'log')
}

/** `event name=value,…`: fires an event of one's own. */
export function fireEvent(run: AppRun): void {
  const pairs = splitPairs(run.data, ',')
  const find = (name: string) => pairs.find(([key]) => key.toLowerCase() === name)?.[1]
  const subclass = find('event-subclass')
  const own = pairs.filter(([key]) => !['event-name', 'event-subclass'].includes(key.toLowerCase()))
  run.channel.fire(find('event-name') ?? 'CHANNEL_APPLICATION', own, undefined, subclass)
}

/** `transfer <extension> [inline|XML] [context]`: only `park` and inline applications are known. */
export function transfer(run: AppRun): void {
  const [extension = ''] = splitArguments(run.data)
  setImmediate(() => transferChannel(run.channel, extension))
}

/** Sends a channel to an extension: `park`, or `app:data` as with the inline dial plan. */
export function transferChannel(channel: Channel, extension: string): void {
  channel.leaveSocket()
  channel.executor.breakAll()
  // A transferred channel goes through the dial plan anew, and shows it.
  channel.setState('CS_ROUTING')
  channel.setCallState('RINGING')
  channel.setState('CS_EXECUTE')
  channel.setCallState('ACTIVE')
  const colon = extension.indexOf(':')
  const application = colon < 0 ? extension : extension.slice(0, colon)
  channel.executor.execute({ application, data: colon < 0 ? '' : extension.slice(colon + 1) })
}

/** Waits until the application is interrupted, the channel hangs up or `ms` are over. */
export function untilBreak(run: AppRun, ms?: number): Promise<void> {
  return new Promise(resolve => {
    const { signal } = run.channel
    let timer: NodeJS.Timeout | undefined
    const end = () => {
      clearTimeout(timer)
      signal.removeEventListener('abort', end)
      run.onBreak = undefined
      resolve()
    }
    if (signal.aborted) {
      resolve()
      return
    }
    if (ms !== undefined) timer = setTimeout(end, ms)
    signal.addEventListener('abort', end)
    run.onBreak = end
    run.begun()
  })
}
