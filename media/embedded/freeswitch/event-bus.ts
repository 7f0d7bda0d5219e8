import { hostname } from 'node:os'
import { FsEvent } from './event.ts'

/** Who wants events. */
export interface EventListenerPort {
  wants(name: string, subclass: string | undefined): boolean
  deliver(event: FsEvent): void
}

/** Headers to add, in order. */
export type EventHeaders = Iterable<readonly [name: string, value: string]>

/** Makes events and hands them to every connection that asked for them. Nothing is built when nobody did. */
export class EventBus {
  readonly coreUuid: string
  readonly #address: string
  readonly #listeners = new Set<EventListenerPort>()
  #sequence = 0

  constructor(coreUuid: string, address: string) {
    this.coreUuid = coreUuid
    this.#address = address
  }

  get listeners(): number {
    return this.#listeners.size
  }

  add(listener: EventListenerPort): void {
    this.#listeners.add(listener)
  }

  remove(listener: EventListenerPort): void {
    this.#listeners.delete(listener)
  }

  /** Fires an event; `headers` is only called when somebody listens. */
  fire(name: string, headers: () => EventHeaders, body?: string, subclass?: string): void {
    let event: FsEvent | undefined
    for (const listener of this.#listeners) {
      if (!listener.wants(name, subclass)) continue
      event ??= this.build(name, headers(), body, subclass)
      listener.deliver(event)
    }
  }

  /** Builds an event without delivering it. */
  build(name: string, headers: EventHeaders, body?: string, subclass?: string): FsEvent {
    const now = new Date()
    const all = new Map<string, string>([
      ['Event-Name', name],
      ['Core-UUID', this.coreUuid],
      ['FreeSWITCH-Hostname', hostname()],
      ['FreeSWITCH-Switchname', hostname()],
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
