import { hostname } from 'node:os'
import { FsEvent } from './event.ts'

/** Who wants events. */
export interface EventListenerPort {
  wants(name: string, subclass: string | undefined): boolean
  deliver(event: FsEvent): void
}

/** Headers to add, in order. */
export type EventHeaders = Iterable<readonly [name: string, value: string]>

/**
 * Makes events and hands them to every connection that asked for them. Nothing is built when nobody did. A listener that wants
 * the events of one channel only is not asked about those of others: with hundreds of calls, each with a listener of its
 * own, asking all of them about every event would cost more than the events.
 */
export class EventBus {
  readonly coreUuid: string
  readonly #address: string
  /** Each with the one channel whose events it wants, or undefined. */
  readonly #listeners = new Map<EventListenerPort, string | undefined>()
  readonly #ofAll = new Set<EventListenerPort>()
  readonly #ofOne = new Map<string, Set<EventListenerPort>>()
  readonly #host = hostname()
  #sequence = 0

  constructor(coreUuid: string, address: string) {
    this.coreUuid = coreUuid
    this.#address = address
  }

  get listeners(): number {
    return this.#listeners.size
  }

  /** `channel`: the only one whose events it wants; otherwise it is asked about all. Adding it again changes that. */
  add(listener: EventListenerPort, channel?: string): void {
    this.remove(listener)
    this.#listeners.set(listener, channel)
    if (channel === undefined) {
      this.#ofAll.add(listener)
      return
    }
    const others = this.#ofOne.get(channel)
    if (others === undefined) this.#ofOne.set(channel, new Set([listener]))
    else others.add(listener)
  }

  remove(listener: EventListenerPort): void {
    const channel = this.#listeners.get(listener)
    this.#listeners.delete(listener)
    this.#ofAll.delete(listener)
    if (channel === undefined) return
    const others = this.#ofOne.get(channel)
    others?.delete(listener)
    if (others?.size === 0) this.#ofOne.delete(channel)
  }

  /**
   * Fires an event; `headers` is only called when somebody listens. `channel`: the one that its Unique-ID names, which spares
   * asking those who want another's.
   */
  fire(name: string, headers: () => EventHeaders, body?: string, subclass?: string, channel?: string): void {
    let event: FsEvent | undefined
    const offer = (listener: EventListenerPort) => {
      if (!listener.wants(name, subclass)) return
      event ??= this.build(name, headers(), body, subclass)
      listener.deliver(event)
    }
    if (channel === undefined) {
      for (const listener of this.#listeners.keys()) offer(listener)
      return
    }
    for (const listener of this.#ofAll) offer(listener)
    for (const listener of this.#ofOne.get(channel) ?? []) offer(listener)
  }

  /** Builds an event without delivering it. */
  build(name: string, headers: EventHeaders, body?: string, subclass?: string): FsEvent {
    const now = new Date()
    const all = new Map<string, string>([
      ['Event-Name', name],
      ['Core-UUID', this.coreUuid],
      ['FreeSWITCH-Hostname', this.#host],
      ['FreeSWITCH-Switchname', this.#host],
      ['FreeSWITCH-IPv4', this.#address],
      ['FreeSWITCH-IPv6', '::1'],
      ['Event-Date-Local', localDate(now)],
      ['Event-Date-GMT', now.toUTCString()],
      ['Event-Date-Timestamp', `${now.getTime()}000`],
      ['Event-Calling-File', 'embedded'],
      ['Event-Calling-Function', 'fire'],
      ['Event-Calling-Line-Number', '0'],
      ['Event-Sequence', String(++this.#sequence)]
    ])
    if (subclass !== undefined) all.set('Event-Subclass', subclass)
    for (const [key, value] of headers) all.set(key, value)
    return new FsEvent(all, body)
  }
}

function localDate(date: Date): string {
  const two = (value: number) => String(value).padStart(2, '0')
  const day = `${date.getFullYear()}-${two(date.getMonth() + 1)}-${two(date.getDate())}`
  return `${day} ${two(date.getHours())}:${two(date.getMinutes())}:${two(date.getSeconds())}`
}
