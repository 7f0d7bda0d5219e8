import { randomUUID } from 'node:crypto'
import type { Channel } from './channel.ts'
import { findApplication } from './commands.ts'
import type { FrameSource } from './rtp/frame.ts'

/** What came in a `sendmsg` with `call-command: execute`. */
export type ExecuteCommand = Readonly<{
  application: string
  data: string
  uuid?: string
  loops?: number
  /** Holds back everything that comes later until this one has completed. */
  isLocked?: boolean
}>

/** One application that is running. Its hooks are called only while it is the top-most. */
export type AppRun = {
  readonly channel: Channel
  readonly data: string
  /** Says that the application now waits (plays, collects, …): what comes next runs nested on top of it. */
  begun(): void
  /** Sets the text that CHANNEL_EXECUTE_COMPLETE carries. */
  respond(text: string): void
  source: FrameSource | undefined
  onBreak: ((isAll: boolean, isEnd?: boolean) => void) | undefined
  onDigits: (() => void) | undefined
}

const MAX_QUEUED = 1_000
const MAX_NESTED = 64

/**
 * Runs a channel's applications. While one waits, the next that arrives runs nested on top of it and the lower one
 * pauses until it is uncovered again: that is how the real server treats messages during a playback.
 */
export class Executor {
  readonly #channel: Channel
  readonly #queue: ExecuteCommand[] = []
  readonly #stack: AppRun[] = []
  readonly #running = new Set<Promise<void>>()
  #isStarting = false

  constructor(channel: Channel) {
    this.#channel = channel
  }

  get isIdle(): boolean {
    return this.#stack.length === 0
  }

  /** The source of the top-most application that has one. */
  get topSource(): FrameSource | undefined {
    return this.#stack.findLast(run => run.source !== undefined)?.source
  }

  /** Queues a command. Commands of a channel that has hung up are dropped. */
  execute(command: ExecuteCommand): void {
    if (!this.#channel.isUp || this.#queue.length >= MAX_QUEUED) return
    this.#queue.push(command)
    this.#drain()
  }

  /** Interrupts the top-most application; with `isAll` also everything that is queued. */
  break(isAll: boolean): void {
    if (isAll) this.#queue.length = 0
    this.#stack.findLast(run => run.onBreak !== undefined)?.onBreak?.(isAll)
  }

  /** Ends every application, e.g. because the channel is bridged or parked. */
  breakAll(): void {
    this.#queue.length = 0
    for (const run of [...this.#stack].reverse()) run.onBreak?.(true, true)
  }

  /** Lets the top-most application take what is in the queue of key presses. */
  offerDigits(): void {
    if (this.#channel.digits.length > 0) this.#stack.findLast(run => run.onDigits !== undefined)?.onDigits?.()
  }

  /** Resolves when no application is running any more. */
  async settled(): Promise<void> {
    while (this.#running.size > 0) await Promise.allSettled([...this.#running])
  }

  #drain(): void {
    if (this.#isStarting) return
    this.#isStarting = true
    this.#drainNext()
  }

  #drainNext(): void {
    for (;;) {
      const command = this.#channel.isUp ? this.#queue.shift() : undefined
      if (command === undefined) {
        this.#isStarting = false
        return
      }
      const started = this.#start(command)
      if (started === undefined) continue
      void started.then(() => this.#drainNext())
      return
    }
  }

  /** Starts one command; undefined when it has already completed, otherwise a promise for the moment the next may start. */
  #start(command: ExecuteCommand): Promise<void> | undefined {
    const channel = this.#channel
    const application = findApplication(command.application)
    if (application === undefined || application.status === 'refused' || this.#stack.length >= MAX_NESTED) {
      // The real server's way with an application it does not have.
      channel.engine.log.error({ uuid: channel.uuid, application: command.application }, 'Invalid Application')
      channel.hangup('DESTINATION_OUT_OF_ORDER')
      return undefined
    }
    const data = expandVariables(channel, command.data)
    const ids: readonly (readonly [string, string])[] = [
      ['Application', application.name],
      ...(data === '' ? [] : [['Application-Data', data] as const]),
      ['Application-UUID', command.uuid ?? randomUUID()]
    ]
    channel.set('current_application_data', data)
    channel.set('current_application_response', undefined)
    channel.fire('CHANNEL_EXECUTE', ids)
    channel.set('current_application', application.name)
    let markBegun: () => void = () => {}
    const begun = new Promise<void>(resolve => {
      markBegun = resolve
    })
    const run: AppRun = {
      channel,
      data,
      begun: () => {
        if (command.isLocked !== true) markBegun()
        channel.updateOutput()
        this.offerDigits()
      },
      respond: text => channel.set('current_application_response', text),
      source: undefined,
      onBreak: undefined,
      onDigits: undefined
    }
    this.#stack.push(run)
    const complete = () => {
      const index = this.#stack.indexOf(run)
      if (index >= 0) this.#stack.splice(index, 1)
      channel.updateOutput()
      channel.fire('CHANNEL_EXECUTE_COMPLETE', [
        ...ids.slice(0, -1),
        ['Application-Response', channel.get('current_application_response') ?? '_none_'],
        ...ids.slice(-1)
      ])
      this.offerDigits()
    }
    const outcome = this.#runLoops(application.run, run, command.loops ?? 1)
    if (outcome === undefined) {
      complete()
      return undefined
    }
    const finished = outcome.then(complete)
    this.#running.add(finished)
    void finished.finally(() => this.#running.delete(finished))
    return Promise.race([begun, finished])
  }

  #runLoops(application: (run: AppRun) => void | Promise<void>, run: AppRun, loops: number): Promise<void> | undefined {
    try {
      const first = application(run)
      if (first === undefined && loops === 1) return undefined
      return this.#untilDone(first, application, run, loops)
    } catch (err) {
      this.#failed(err)
      return undefined
    }
  }

  async #untilDone(
    first: void | Promise<void>,
    application: (run: AppRun) => void | Promise<void>,
    run: AppRun,
    loops: number
  ): Promise<void> {
    try {
      await first
      for (let loop = 1; (loop < loops || loops < 0) && this.#channel.isUp; loop++) await application(run)
    } catch (err) {
      this.#failed(err)
    }
  }

  /** An application that fails is a fault of this server; the call goes on. */
  #failed(err: unknown): void {
    this.#channel.engine.log.error({ err, uuid: this.#channel.uuid }, 'application failed')
  }
}

/** Replaces `${name}` by the variable's value, or by nothing when it is not set. */
function expandVariables(channel: Channel, data: string): string {
  return data.includes('${') ? data.replace(/\$\{([\w.-]+)\}/g, (_, name: string) => channel.get(name) ?? '') : data
}
