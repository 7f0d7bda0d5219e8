import { randomUUID, timingSafeEqual } from 'node:crypto'
import type { Socket } from 'node:net'
import type { Channel } from '../channel.ts'
import { runApi } from '../commands.ts'
import type { Engine } from '../engine.ts'
import type { FsEvent } from '../event.ts'
import type { EventListenerPort } from '../event-bus.ts'
import { causeOf } from '../causes.ts'
import { compileFilter, type Filter, passes } from './filter.ts'

const MAX_COMMAND_BYTES = 256 << 10
/** What may wait to be sent to a listener that does not read; beyond it events are dropped, as the real queue does. */
const MAX_UNSENT_BYTES = 16 << 20
const GOODBYE = 'Disconnected, goodbye.\nSee you at ClueCon! http://www.cluecon.com/\n'
const LINGER_DEFAULT_S = 600

const MY_EVENTS = [
  'CHANNEL_ANSWER',
  'CHANNEL_APPLICATION',
  'CHANNEL_BRIDGE',
  'CHANNEL_CREATE',
  'CHANNEL_DATA',
  'CHANNEL_DESTROY',
  'CHANNEL_EXECUTE',
  'CHANNEL_EXECUTE_COMPLETE',
  'CHANNEL_HANGUP',
  'CHANNEL_HANGUP_COMPLETE',
  'CHANNEL_ORIGINATE',
  'CHANNEL_OUTGOING',
  'CHANNEL_PARK',
  'CHANNEL_PROGRESS',
  'CHANNEL_PROGRESS_MEDIA',
  'CHANNEL_STATE',
  'CHANNEL_UNBRIDGE',
  'CHANNEL_UNPARK',
  'CHANNEL_UUID',
  'DETECTED_SPEECH',
  'DTMF',
  'NOTALK',
  'TALK'
]

type Command = Readonly<{ line: string; headers: ReadonlyMap<string, string>; body: string }>
type Format = 'plain' | 'json' | 'xml'

/** One event-socket connection: inbound (someone connected) or outbound (this server connected for a channel). */
export class EventSocketConnection implements EventListenerPort {
  readonly #engine: Engine
  readonly #socket: Socket
  readonly #secret: string
  readonly #channel: Channel | undefined
  readonly #onClosed: () => void
  readonly #events = new Set<string>()
  readonly #subclasses = new Set<string>()
  #filters: Filter[] = []
  #format: Format = 'plain'
  #isAuthorised: boolean
  #wantsAll = false
  #isMyEvents = false
  #lingerS = 0
  #unread: Buffer = Buffer.alloc(0)
  #isClosed = false
  #isWaiting = false
  lostEvents = 0

  constructor(
    engine: Engine,
    socket: Socket,
    options: Readonly<{ secret: string; channel?: Channel; onClosed: () => void }>
  ) {
    this.#engine = engine
    this.#socket = socket
    this.#secret = options.secret
    this.#channel = options.channel
    this.#onClosed = options.onClosed
    this.#isAuthorised = options.channel !== undefined
    socket.setNoDelay(true)
    socket.setKeepAlive(true, 30_000)
    socket.on('data', (bytes: Buffer) => this.#onData(bytes))
    socket.on('error', () => this.#close())
    socket.on('close', () => this.#close())
    socket.on('end', () => this.#close())
    engine.bus.add(this)
    if (options.channel === undefined) this.#write('Content-Type: auth/request\n\n')
  }

  wants(name: string, subclass: string | undefined): boolean {
    if (!this.#isAuthorised || this.#isClosed) return false
    if (this.#wantsAll) return true
    if (!this.#events.has(name)) return false
    return name !== 'CUSTOM' || subclass === undefined || this.#subclasses.has(subclass)
  }

  deliver(event: FsEvent): void {
    if (!this.#passes(event)) return
    if (this.#socket.writableLength > MAX_UNSENT_BYTES) {
      this.lostEvents++
      return
    }
    switch (this.#format) {
      case 'json':
        this.#socket.write(event.toJsonFrame())
        break
      case 'plain':
        this.#socket.write(event.toPlainFrame())
        break
      case 'xml':
        this.#socket.write(event.toXmlFrame())
        break
      default:
        this.#format satisfies never
    }
  }

  /** The channel that this connection controls has ended. */
  onChannelEnd(): void {
    if (this.#lingerS > 0) setTimeout(() => this.#disconnect(), this.#lingerS * 1000).unref()
    else this.#disconnect()
  }

  /** Closes with the server's farewell. */
  shutdown(): void {
    this.#disconnect()
  }

  #passes(event: FsEvent): boolean {
    if (this.#isMyEvents && event.header('Unique-ID') !== this.#channel?.uuid) return false
    return passes(this.#filters, event)
  }

  #onData(bytes: Buffer): void {
    this.#unread = this.#unread.length === 0 ? bytes : Buffer.concat([this.#unread, bytes])
    if (this.#unread.length > MAX_COMMAND_BYTES) {
      this.#reply('-ERR command parse error.')
      this.#disconnect()
      return
    }
    this.#drain()
  }

  /** Commands are answered in the order in which they came: one that takes its time holds back the next. */
  #drain(): void {
    while (!this.#isWaiting && !this.#isClosed) {
      const command = this.#nextCommand()
      if (command === undefined) return
      this.#handle(command)
    }
  }

  /** A command is lines up to an empty one, then a body if a Content-Length says so. */
  #nextCommand(): Command | undefined {
    let start = 0
    while (this.#unread[start] === 0x0a || this.#unread[start] === 0x0d) start++
    const end = endOfHead(this.#unread, start)
    if (end === undefined) return undefined
    const lines = this.#unread.toString('utf8', start, end.at).split(/\r?\n/)
    const headers = new Map<string, string>()
    for (const line of lines.slice(1)) {
      const colon = line.indexOf(':')
      if (colon > 0) headers.set(line.slice(0, colon).trim().toLowerCase(), line.slice(colon + 1).trim())
    }
    const length = Math.max(0, Math.trunc(Number(headers.get('content-length') ?? 0)) || 0)
    if (this.#unread.length < end.next + length) return undefined
    const body = this.#unread.toString('utf8', end.next, end.next + length)
    this.#unread = this.#unread.subarray(end.next + length)
    return { line: lines[0] ?? '', headers, body }
  }

  #handle(command: Command): void {
    const [verb = '', ...words] = command.line.trim().split(/\s+/)
    const rest = command.line.trim().slice(verb.length).trim()
    if (verb === 'exit' || verb.startsWith('...')) {
      this.#reply('+OK bye')
      this.#disconnect()
      return
    }
    if (!this.#isAuthorised) {
      this.#authorise(verb, rest)
      return
    }
    switch (verb) {
      case 'auth':
        this.#reply('+OK accepted')
        break
      case 'connect':
        this.#connect()
        break
      case 'api':
        this.#api(rest)
        break
      case 'bgapi':
        this.#backgroundApi(rest, command.headers.get('job-uuid'))
        break
      case 'event':
      case 'events':
        this.#subscribe(words)
        break
      case 'myevents':
        this.#myEvents(words)
        break
      case 'nixevent':
        this.#unsubscribe(words)
        break
      case 'noevents':
        this.#reply(
          this.#events.size > 0 || this.#wantsAll
            ? '+OK no longer listening for events'
            : '-ERR not listening for events'
        )
        this.#events.clear()
        this.#subclasses.clear()
        this.#wantsAll = false
        break
      case 'filter':
        this.#filter(words)
        break
      case 'linger':
        this.#linger(rest)
        break
      case 'nolinger':
        this.#lingerS = 0
        this.#reply(this.#channel === undefined ? '-ERR not controlling a session' : '+OK will not linger')
        break
      case 'resume':
      case 'divert_events':
        this.#reply(this.#channel === undefined ? '-ERR not controlling a session.' : '+OK')
        break
      case 'getvar':
        this.#reply(
          this.#channel === undefined ? '-ERR command not found' : (this.#channel.get(rest) ?? '-ERR command not found')
        )
        break
      case 'sendmsg':
        this.#sendMessage(rest, command)
        break
      case 'sendevent':
        this.#sendEvent(rest, command)
        break
      case 'log':
        this.#reply(`+OK log level ${rest || 'debug'} [7]`)
        break
      case 'nolog':
        this.#reply('-ERR not loging')
        break
      default:
        this.#reply('-ERR command not found')
    }
  }

  #authorise(verb: string, secret: string): void {
    if (verb === 'auth' && isSameSecret(secret, this.#secret)) {
      this.#isAuthorised = true
      this.#reply('+OK accepted')
      return
    }
    this.#reply(verb === 'auth' ? '-ERR invalid' : '-ERR command not found')
    this.#disconnect()
  }

  #connect(): void {
    const channel = this.#channel
    if (channel === undefined) {
      this.#reply('-ERR command not found')
      return
    }
    const data = channel.snapshot([
      ...channel.profileHeaders('Channel'),
      ['Content-Type', 'command/reply'],
      ['Reply-Text', '+OK\n'],
      ['Socket-Mode', 'async'],
      ['Control', 'full']
    ])
    this.#write(data.toPlain(true))
  }

  #api(text: string): void {
    const reply = (answer: string) => {
      const body = answer === '' ? '-ERR no reply\n' : answer
      this.#write(`Content-Type: api/response\nContent-Length: ${Buffer.byteLength(body)}\n\n${body}`)
    }
    const answer = runApi(this.#engine, text)
    if (typeof answer === 'string') {
      reply(answer)
      return
    }
    this.#isWaiting = true
    void answer.then(body => {
      reply(body)
      this.#isWaiting = false
      this.#drain()
    })
  }

  #backgroundApi(text: string, wanted: string | undefined): void {
    const jobUuid = wanted ?? randomUUID()
    this.#write(`Content-Type: command/reply\nReply-Text: +OK Job-UUID: ${jobUuid}\nJob-UUID: ${jobUuid}\n\n`)
    const space = text.indexOf(' ')
    const name = space < 0 ? text : text.slice(0, space)
    void Promise.resolve(runApi(this.#engine, text)).then(answer => {
      this.#engine.bus.fire(
        'BACKGROUND_JOB',
        () => [
          ['Job-UUID', jobUuid],
          ['Job-Owner-UUID', this.#channel?.uuid ?? ''],
          ['Job-Command', name],
          ...(space < 0 ? [] : [['Job-Command-Arg', text.slice(space + 1)] as const])
        ],
        answer
      )
    })
  }

  #subscribe(words: readonly string[]): void {
    let count = 0
    let isCustom = false
    for (const [index, word] of words.entries()) {
      if (index === 0 && isFormat(word.toLowerCase())) this.#format = word.toLowerCase() as Format
      else if (isCustom) this.#subclasses.add(word)
      else {
        // Everything after CUSTOM is a subclass, as with the real server.
        const name = word.toUpperCase().replace(/^SWITCH_EVENT_/, '')
        count++
        if (name === 'ALL') this.#wantsAll = true
        else this.#events.add(name)
        isCustom = name === 'CUSTOM'
      }
    }
    this.#reply(count === 0 ? '-ERR no keywords supplied' : `+OK event listener enabled ${this.#format}`)
  }

  #myEvents(words: readonly string[]): void {
    if (this.#channel === undefined) {
      this.#reply('-ERR invalid uuid')
      return
    }
    if (this.#isMyEvents) {
      this.#reply('-ERR aready enabled.')
      return
    }
    this.#isMyEvents = true
    this.#listen()
    const format = words.map(word => word.toLowerCase()).find(isFormat)
    if (format !== undefined) this.#format = format
    for (const name of MY_EVENTS) this.#events.add(name)
    this.#reply('+OK Events Enabled')
  }

  #unsubscribe(words: readonly string[]): void {
    let isCustom = false
    for (const word of words) {
      const name = word.toUpperCase().replace(/^SWITCH_EVENT_/, '')
      if (isCustom) this.#subclasses.delete(word)
      else if (name === 'ALL') {
        this.#events.clear()
        this.#wantsAll = false
      } else if (name === 'CUSTOM') isCustom = true
      else this.#events.delete(name)
    }
    this.#reply(words.length === 0 ? '-ERR no keywords supplied' : '+OK events nixed')
  }

  #filter(words: readonly string[]): void {
    const [first = '', second, ...others] = words
    if (first.toLowerCase() === 'delete') {
      const value = others.join(' ')
      if (second?.toLowerCase() === 'all') this.#filters = []
      else
        this.#filters = this.#filters.filter(
          filter => filter.name !== second || (value !== '' && filter.value !== value)
        )
      this.#listen()
      this.#reply(`+OK filter deleted. [${second ?? ''}][${value}]`)
      return
    }
    const [name, value] =
      first.toLowerCase() === 'add' ? [second ?? '', others.join(' ')] : [first, [second, ...others].join(' ')]
    if (name === '' || value === '') {
      this.#reply('-ERR invalid syntax')
      return
    }
    this.#filters.push(compileFilter(name, value))
    this.#listen()
    this.#reply(`+OK filter added. [${name}]=[${value}]`)
  }

  /** Tells the bus whose events may pass: most connections control one channel and want to hear of it alone. */
  #listen(): void {
    const uuid = this.#channel?.uuid
    const [only, ...others] = this.#filters
    const isNarrow = others.length === 0 && only?.name === 'Unique-ID' && only.value === uuid
    this.#engine.bus.add(this, isNarrow || this.#isMyEvents ? uuid : undefined)
  }

  #linger(rest: string): void {
    if (this.#channel === undefined) {
      this.#reply('-ERR not controlling a session')
      return
    }
    this.#lingerS = rest === '' ? LINGER_DEFAULT_S : Math.max(0, Math.min(3_600, Math.trunc(Number(rest)) || 0))
    this.#reply(rest === '' ? '+OK will linger' : `+OK will linger ${this.#lingerS} seconds`)
  }

  #sendMessage(rest: string, command: Command): void {
    const uuid = rest === '' ? (command.headers.get('session-id') ?? '') : rest
    const channel = uuid === '' || uuid === this.#channel?.uuid ? this.#channel : this.#engine.channels.get(uuid)
    if (channel === undefined || !channel.isUp) {
      this.#reply(`-ERR invalid session id [${uuid}]`)
      return
    }
    this.#reply('+OK')
    const { headers } = command
    if (headers.get('call-command') === 'hangup') {
      channel.hangup(causeOf(headers.get('hangup-cause') ?? ''))
      return
    }
    if (headers.get('call-command') !== 'execute') return
    const eventUuid = headers.get('event-uuid')
    channel.executor.execute({
      application: headers.get('execute-app-name') ?? '',
      data: command.body === '' ? (headers.get('execute-app-arg') ?? '') : command.body,
      ...(eventUuid === undefined ? {} : { uuid: eventUuid }),
      loops: Math.trunc(Number(headers.get('loops') ?? 1)) || 1,
      isLocked: headers.get('event-lock') === 'true'
    })
  }

  #sendEvent(name: string, command: Command): void {
    const uuid = randomUUID()
    const subclass = command.headers.get('event-subclass')
    const given = [...command.headers].map(([key, value]) => [capitalise(key), value] as const)
    this.#engine.bus.fire(name || 'CUSTOM', () => [...given, ['Event-UUID', uuid]], command.body || undefined, subclass)
    this.#reply(`+OK ${uuid}`)
  }

  #reply(text: string): void {
    this.#write(`Content-Type: command/reply\nReply-Text: ${text}\n\n`)
  }

  #write(text: string): void {
    if (!this.#isClosed) this.#socket.write(text)
  }

  #disconnect(): void {
    if (this.#isClosed) return
    const about =
      this.#channel === undefined
        ? ''
        : `Controlled-Session-UUID: ${this.#channel.uuid}\nContent-Disposition: disconnect\n`
    this.#write(`Content-Type: text/disconnect-notice\n${about}Content-Length: ${GOODBYE.length}\n\n${GOODBYE}`)
    this.#close()
  }

  #close(): void {
    if (this.#isClosed) return
    this.#isClosed = true
    this.#engine.bus.remove(this)
    this.#socket.end()
    // A peer that never closes its side must not hold the descriptor.
    setTimeout(() => this.#socket.destroy(), 2_000).unref()
    this.#onClosed()
  }
}

function endOfHead(bytes: Buffer, start: number): { at: number; next: number } | undefined {
  for (let index = start; index < bytes.length; index++) {
    if (bytes[index] !== 0x0a) continue
    if (bytes[index + 1] === 0x0a) return { at: index, next: index + 2 }
    if (bytes[index + 1] === 0x0d && bytes[index + 2] === 0x0a) return { at: index, next: index + 3 }
  }
  return undefined
}

function isFormat(word: string): word is Format {
  return word === 'plain' || word === 'json' || word === 'xml'
}

function isSameSecret(given: string, expected: string): boolean {
  const a = Buffer.from(given)
  const b = Buffer.from(expected)
  return a.length === b.length && timingSafeEqual(a, b)
}

function capitalise(name: string): string {
  return name.replace(/(^|-)([a-z])/g, (_, dash: string, letter: string) => dash + letter.toUpperCase())
}
