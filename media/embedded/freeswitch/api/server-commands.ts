import { randomUUID } from 'node:crypto'
import { hostname } from 'node:os'
import { splitArguments } from '../arguments.ts'
import type { Engine } from '../engine.ts'
import { urlEncode } from '../event.ts'
import { uptimeText } from '../heartbeat.ts'

const RULE = '================================================================================================='

/** `version`. */
export function version(engine: Engine): string {
  return `FreeSWITCH Version ${engine.version} (stand-in in TypeScript)\n`
}

/** `sofia status`: the table in which fsmrf looks for the profile's address. */
export function sofia(engine: Engine, args: string): string {
  const words = splitArguments(args)
  if (words[0] !== 'status') return '-ERR only "sofia status" is part of this server\n'
  if (words.length > 1) return 'Invalid Profile!\n'
  const row = `${'drachtio_mrf'.padStart(25)}\t${'profile'}\t${`sip:mod_sofia@${engine.sipAddress}`.padStart(42)}\tRUNNING (${engine.channels.size})\n`
  const head = `${'Name'.padStart(25)}\t${'   Type'}\t${'Data'.padStart(42)}\tState\n`
  return `${head}${RULE}\n${row}${RULE}\n1 profile 0 aliases\n`
}

/** `status`. */
export function status(engine: Engine): string {
  const up = uptimeText(Date.now() - engine.startedAtMs)
  return [
    `UP ${up}`,
    `FreeSWITCH (Version ${engine.version}) is ready`,
    `${engine.sessionsSinceStart} session(s) since startup`,
    `${engine.channels.size} session(s) - peak ${engine.channels.size}, last 5min ${engine.channels.size} `,
    '0 session(s) per Sec out of max 500, peak 0, last 5min 0 ',
    `${engine.maxChannels} session(s) max`,
    'min idle cpu 0.00/100.00',
    ''
  ].join('\n')
}

/** `uptime [unit]`. */
export function uptime(engine: Engine, args: string): string {
  const scales: Readonly<Record<string, number>> = {
    us: 0.001,
    ms: 1,
    s: 1_000,
    m: 60_000,
    h: 3_600_000,
    d: 86_400_000
  }
  return `${Math.floor((Date.now() - engine.startedAtMs) / (scales[args.trim() || 's'] ?? 1_000))}\n`
}

/** `show channels|calls [count|as json]`. */
export function show(engine: Engine, args: string): string {
  const [what = '', ...rest] = splitArguments(args)
  if (what !== 'channels' && what !== 'calls') return '-USAGE: channels|calls [count] [as json]\n'
  const channels = [...engine.channels.values()].filter(
    channel => what === 'channels' || channel.bridgedTo !== undefined
  )
  const count = what === 'channels' ? channels.length : channels.length / 2
  if (rest.includes('count'))
    return rest.includes('json') ? JSON.stringify({ row_count: count }) : `\n${count} total.\n`
  const rows = channels.map(channel => ({
    uuid: channel.uuid,
    direction: 'inbound',
    created_epoch: String(Math.floor(channel.createdAtMs / 1000)),
    name: channel.name,
    state: channel.state,
    cid_name: channel.caller.name,
    cid_num: channel.caller.number,
    ip_addr: channel.caller.networkAddress,
    dest: channel.caller.destination,
    application: channel.get('current_application') ?? '',
    application_data: channel.get('current_application_data') ?? '',
    read_codec: channel.media.codec,
    write_codec: channel.media.codec,
    callstate: channel.callState,
    call_uuid: channel.get('call_uuid') ?? ''
  }))
  if (rest.includes('json'))
    return JSON.stringify(rows.length === 0 ? { row_count: 0 } : { row_count: rows.length, rows })
  const [first] = rows
  if (first === undefined) return '\n0 total.\n'
  const lines = rows.map(row => Object.values(row).join(','))
  return `${Object.keys(first).join(',')}\n${lines.join('\n')}\n\n${rows.length} total.\n`
}

/** `create_uuid`. */
export function createUuid(): string {
  return randomUUID()
}

/** `global_getvar [name]`. */
export function globalGetvar(engine: Engine, args: string): string {
  const name = args.trim()
  if (name !== '') return engine.globals.get(name) ?? ''
  return [...engine.globals].map(([key, value]) => `${key}=${value}\n`).join('')
}

/** `global_setvar name=value`. */
export function globalSetvar(engine: Engine, args: string): string {
  const equals = args.indexOf('=')
  if (equals < 1) return '-USAGE: <var>=<value> [=<value2>]\n'
  engine.globals.set(args.slice(0, equals).trim(), args.slice(equals + 1))
  return '+OK'
}

/** `echo <text>`. */
export function echoText(_engine: Engine, args: string): string {
  return args
}

/** `hostname` and `switchname`. */
export function hostName(): string {
  return hostname()
}

/** `url_encode <text>`. */
export function urlEncodeText(_engine: Engine, args: string): string {
  return urlEncode(args)
}

/** `module_exists <name>`: the modules whose work this server does. */
export function moduleExists(_engine: Engine, args: string): string {
  const modules = [
    'mod_event_socket',
    'mod_sofia',
    'mod_dptools',
    'mod_commands',
    'mod_conference',
    'mod_audio_fork',
    'mod_tone_stream'
  ]
  return String(modules.includes(args.trim()))
}
