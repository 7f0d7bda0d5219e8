import { splitArguments, splitPairs } from '../arguments.ts'
import { sendKeys, setLevel, transferChannel } from '../apps/basic.ts'
import { bridgeChannels, park, startHoldMusic, stopHoldMusic, unbridge } from '../bridge.ts'
import { causeOf } from '../causes.ts'
import type { Channel } from '../channel.ts'
import type { Engine } from '../engine.ts'
import type { FsEvent } from '../event.ts'

const NO_CHANNEL = '-ERR No such channel!\n'
const USAGE = (text: string) => `-USAGE: ${text}\n`

/** `uuid_exists <uuid>`. */
export function uuidExists(engine: Engine, args: string): string {
  return String(engine.channels.has(args.trim()))
}

/** `uuid_kill <uuid> [cause]`. */
export function uuidKill(engine: Engine, args: string): string {
  const [uuid, cause] = splitArguments(args)
  if (uuid === undefined) return USAGE('<uuid> [cause]')
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return NO_CHANNEL
  channel.hangup(causeOf(cause ?? ''))
  return '+OK\n'
}

/** `hupall [cause [variable value]]`. */
export function hupall(engine: Engine, args: string): string {
  const [cause = 'MANAGER_REQUEST', variable, value] = splitArguments(args)
  for (const channel of [...engine.channels.values()]) {
    if (variable === undefined || channel.get(variable) === value) channel.hangup(causeOf(cause, 'MANAGER_REQUEST'))
  }
  return `+OK hangup all channels with cause ${causeOf(cause, 'MANAGER_REQUEST')}\n`
}

/** `uuid_dump <uuid> [txt|plain|json]`. */
export function uuidDump(engine: Engine, args: string): string {
  const [uuid, format = 'txt'] = splitArguments(args)
  if (uuid === undefined) return USAGE('<uuid> [format]')
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return NO_CHANNEL
  const snapshot: FsEvent = channel.snapshot()
  if (format.toLowerCase() === 'json') return snapshot.toJson()
  return snapshot.toPlain(format.toLowerCase() !== 'plain')
}

/** `uuid_getvar <uuid> <variable>`. */
export function uuidGetvar(engine: Engine, args: string): string {
  const [uuid, name] = splitArguments(args)
  if (uuid === undefined) return USAGE('<uuid> <var>')
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return NO_CHANNEL
  if (name === undefined) return '-ERR No variable name specified!\n'
  return channel.get(name) ?? '_undef_'
}

/** `uuid_setvar <uuid> <variable> [value]`. */
export function uuidSetvar(engine: Engine, args: string): string {
  const [uuid, name, value] = splitArguments(args, 3)
  if (uuid === undefined) return USAGE('<uuid> <var> [value]')
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return NO_CHANNEL
  if (name === undefined || name === '') return '-ERR No variable specified\n'
  channel.set(name, value === '_undef_' ? undefined : value)
  return '+OK\n'
}

/** `uuid_setvar_multi <uuid> a=1;b=2`. */
export function uuidSetvarMulti(engine: Engine, args: string): string {
  const space = args.indexOf(' ')
  if (space < 0) return USAGE('<uuid> <var>=<value>;<var>=<value>...')
  const channel = engine.channels.get(args.slice(0, space))
  if (channel === undefined) return NO_CHANNEL
  for (const [name, value] of splitPairs(args.slice(space + 1), ';')) channel.set(name, value)
  return '+OK\n'
}

/** `uuid_bridge <uuid> <other>`. */
export function uuidBridge(engine: Engine, args: string): string {
  const [uuid, otherUuid] = splitArguments(args)
  if (uuid === undefined || otherUuid === undefined) return USAGE('<uuid> <other_uuid>')
  const a = engine.channels.get(uuid)
  const b = engine.channels.get(otherUuid)
  if (a === undefined || b === undefined || a === b) return '-ERR Invalid uuid\n'
  bridgeChannels(a, b)
  return `+OK ${b.uuid}\n`
}

/** `uuid_transfer <uuid> [-bleg|-both] <extension> [dialplan] [context]`. */
export function uuidTransfer(engine: Engine, args: string): string {
  const usage = USAGE('<uuid> [-bleg|-both] <dest-exten> [<dialplan>] [<context>]')
  const words = splitArguments(args)
  const [uuid, second] = words
  if (uuid === undefined || second === undefined) return usage
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return NO_CHANNEL
  const legs = second === '-both' ? 'both' : second === '-bleg' ? 'b' : 'a'
  const extension = legs === 'a' ? second : words[2]
  if (extension === undefined) return usage
  const other = unbridge(channel)
  if (legs === 'b' && other === undefined) return '-ERR\n'
  for (const leg of legs === 'both' ? [channel, other] : legs === 'b' ? [other] : [channel]) {
    if (leg !== undefined) transferChannel(leg, extension)
  }
  // The leg that is not transferred has lost its bridge.
  const rest = legs === 'a' ? other : legs === 'b' ? channel : undefined
  if (rest !== undefined && rest.get('park_after_bridge') === 'true') park(rest)
  else rest?.hangup('NORMAL_CLEARING')
  return '+OK\n'
}

/** `uuid_park <uuid>`. */
export function uuidPark(engine: Engine, args: string): string {
  const channel = engine.channels.get(args.trim())
  if (channel === undefined) return NO_CHANNEL
  const other = unbridge(channel)
  park(channel)
  if (other !== undefined) other.hangup('NORMAL_CLEARING')
  return '+OK\n'
}

/** `uuid_break <uuid> [all|both]`. */
export function uuidBreak(engine: Engine, args: string): string {
  const [uuid, ...flags] = splitArguments(args)
  if (uuid === undefined) return USAGE('<uuid> [all]')
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return NO_CHANNEL
  const isAll = flags.some(flag => flag.includes('all'))
  channel.executor.break(isAll)
  if (flags.some(flag => flag.includes('both'))) channel.bridgedTo?.executor.break(isAll)
  return '+OK\n'
}

/** `uuid_broadcast <uuid> <file|app::args> [aleg|bleg|both]`: plays without waiting. */
export function uuidBroadcast(engine: Engine, args: string): string {
  const [uuid, path, legs = 'aleg'] = splitArguments(args)
  if (uuid === undefined || path === undefined) return USAGE('<uuid> <path> [aleg|bleg|holdb|both]')
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return '-ERR invalid uuid\n'
  const targets: (Channel | undefined)[] = [
    legs === 'bleg' ? undefined : channel,
    legs === 'aleg' ? undefined : channel.bridgedTo
  ]
  const [application = 'playback', data] = path.includes('::') ? path.split(/::(.*)/s) : ['playback', path]
  for (const target of targets) {
    target?.executor.execute({ application: application.replace(/!.*$/, ''), data: data ?? '' })
  }
  return '+OK Message sent\n'
}

/** `uuid_hold [off|toggle] <uuid>`: music for the leg that waits; the SIP side stays as it is. */
export function uuidHold(engine: Engine, args: string): string {
  const words = splitArguments(args)
  const order = words[0] === 'off' || words[0] === 'toggle' ? words.shift() : 'on'
  const channel = engine.channels.get(words[0] ?? '')
  if (channel === undefined) return '-ERR Operation failed\n'
  const isHeld = channel.callState === 'HELD'
  const wanted = order === 'toggle' ? !isHeld : order === 'on'
  if (wanted === isHeld) return '-ERR Operation failed\n'
  channel.setCallState(wanted ? 'HELD' : 'ACTIVE')
  channel.fire(wanted ? 'CHANNEL_HOLD' : 'CHANNEL_UNHOLD')
  const listener = channel.bridgedTo ?? channel
  if (wanted) void startHoldMusic(listener)
  else stopHoldMusic(listener)
  return '+OK Success\n'
}

/** `uuid_audio <uuid> start read|write mute|level <n>` and `stop`. */
export function uuidAudio(engine: Engine, args: string): string {
  const usage = USAGE('<uuid> [start [read|write] [mute|level <level>]|stop]')
  const [uuid, order, side, what, level] = splitArguments(args)
  const channel = engine.channels.get(uuid ?? '')
  if (channel === undefined) return NO_CHANNEL
  const { media } = channel
  if (order === 'stop') {
    media.isReadMuted = false
    media.isWriteMuted = false
    media.readGain = 1
    media.writeGain = 1
    return '+OK\n'
  }
  if (order !== 'start' || (side !== 'read' && side !== 'write')) return usage
  if (what === 'mute') {
    const isMuted = level === undefined || Number(level) !== 0
    if (side === 'read') media.isReadMuted = isMuted
    else media.isWriteMuted = isMuted
    return '+OK\n'
  }
  if (what !== 'level') return usage
  setLevel(channel, side, Number(level) || 0)
  return '+OK\n'
}

/** `uuid_send_dtmf <uuid> <keys>[@<units>]`. */
export function uuidSendDtmf(engine: Engine, args: string): string {
  const [uuid, keys] = splitArguments(args)
  if (uuid === undefined || keys === undefined) return USAGE('<uuid> <dtmf_data>')
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return NO_CHANNEL
  sendKeys(channel, keys)
  return '+OK\n'
}

/** `uuid_recv_dtmf <uuid> <keys>`: as if the other side had pressed them. */
export function uuidRecvDtmf(engine: Engine, args: string): string {
  const [uuid, keys = ''] = splitArguments(args)
  const channel = engine.channels.get(uuid ?? '')
  if (channel === undefined) return NO_CHANNEL
  for (const digit of keys.replace(/@.*/, '')) channel.receiveDigit({ digit, durationTimestampUnits: 2_000 }, 'APP')
  return '+OK\n'
}

/**
 * `uuid_drop_dtmf <uuid> [on|off] [mask_digits <digits>|mask_file <file>]`: keys are not passed on to this leg. The real
 * server wants all four words although its usage says otherwise; a mask that holds no key sends none.
 */
export function uuidDropDtmf(engine: Engine, args: string): string {
  const [uuid, action, mask, masking] = splitArguments(args)
  if (uuid === undefined || masking === undefined || mask !== 'mask_digits')
    return USAGE('<uuid> [on | off ] [ mask_digits <digits> | mask_file <file>]')
  const channel = engine.channels.get(uuid)
  if (channel === undefined) return '-ERR No such session\n'
  channel.dropsKeys = action?.toLowerCase() === 'on'
  channel.dropMask = masking.replace(/[^0-9A-Da-d*#]/g, '')
  const state = channel.dropsKeys ? 'dropping' : 'not dropping'
  return `+OK ${uuid} is ${state} DTMF. mask_file: NONE mask_digits: ${masking}\n`
}

/** `uuid_flush_dtmf <uuid>`. */
export function uuidFlushDtmf(engine: Engine, args: string): string {
  const channel = engine.channels.get(args.trim())
  if (channel === undefined) return '-ERR No such session\n'
  channel.digits.length = 0
  return '+OK\n'
}

/** `uuid_set_media_stats <uuid>`: copies the RTP counters into variables. */
export function uuidSetMediaStats(engine: Engine, args: string): string {
  const channel = engine.channels.get(args.trim())
  if (channel === undefined) return `-ERR No such channel ${args.trim()}!\n`
  const { figures } = channel.media
  const set = (name: string, value: number) => channel.set(`rtp_audio_${name}`, String(value))
  set('in_raw_bytes', figures.receivedOctets + figures.receivedPackets * 12)
  set('in_media_bytes', figures.receivedOctets)
  set('in_packet_count', figures.receivedPackets)
  set('in_media_packet_count', figures.receivedPackets)
  set('in_skip_packet_count', figures.lostPackets)
  set('in_jitter_packet_count', 0)
  set('in_dtmf_packet_count', 0)
  set('in_cng_packet_count', 0)
  set('in_flush_packet_count', 0)
  set('in_largest_jb_size', 0)
  set('out_raw_bytes', figures.sentPackets * 172)
  set('out_media_bytes', figures.sentPackets * 160)
  set('out_packet_count', figures.sentPackets)
  set('out_media_packet_count', figures.sentPackets)
  set('out_skip_packet_count', 0)
  set('out_dtmf_packet_count', 0)
  set('out_cng_packet_count', 0)
  set('rtcp_packet_count', 0)
  channel.set('rtp_audio_in_jitter_min_variance', figures.jitterMs.toFixed(2))
  channel.set('rtp_audio_in_jitter_max_variance', figures.jitterMs.toFixed(2))
  channel.set('rtp_audio_in_quality_percentage', '100.00')
  channel.set('rtp_audio_in_mos', '4.50')
  return '+OK:\n'
}

/** `uuid_answer`, `uuid_pre_answer`: every channel is answered already. */
export function uuidAnswer(engine: Engine, args: string): string {
  return engine.channels.has(args.trim()) ? '+OK\n' : '-ERROR\n'
}

/** `uuid_buglist <uuid>`. */
export function uuidBuglist(engine: Engine, args: string): string {
  const channel = engine.channels.get(args.trim())
  if (channel === undefined) return NO_CHANNEL
  const bugs = [...channel.bugs].map(
    ([name, bug]) => ` <media-bug>\n  <function>${name}</function>\n  <target>${bug.kind}</target>\n </media-bug>\n`
  )
  return `<media-bugs>\n${bugs.join('')}</media-bugs>\n`
}
