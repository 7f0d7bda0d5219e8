import { setTimeout as delay } from 'node:timers/promises'
import {
  type OrtcDocument,
  type PlainSide,
  type SfuLink,
  type SoftphoneConnection,
  type SoftphoneMedia,
  SoftphoneMediaError
} from '../../media/webrtc/softphone-media.ts'
import type { Logger } from '../log.ts'

const FIRST_RETRY_MS = 200
const LAST_RETRY_MS = 5_000

/**
 * The SFU, started again when it dies. What it carried is gone with it; whoever listens begins anew: pages ask for new
 * transports, and calls go back to the head of their queue.
 */
export class SfuKeeper implements AsyncDisposable {
  readonly #open: () => Promise<SoftphoneMedia>
  readonly #log: Logger
  readonly #closing = new AbortController()
  readonly #listeners = new Set<() => void>()
  #current: SoftphoneMedia | null
  #engine: SoftphoneMedia['engine']
  #rtpCapabilities: OrtcDocument

  private constructor(open: () => Promise<SoftphoneMedia>, first: SoftphoneMedia, log: Logger) {
    this.#open = open
    this.#log = log
    this.#current = first
    this.#engine = first.engine
    this.#rtpCapabilities = first.rtpCapabilities
    this.#watch(first)
  }

  /** Rejects when the SFU cannot be started even once. */
  static async start(open: () => Promise<SoftphoneMedia>, log: Logger): Promise<SfuKeeper> {
    return new SfuKeeper(open, await open(), log)
  }

  get engine(): SoftphoneMedia['engine'] {
    return this.#engine
  }

  get isUp(): boolean {
    return this.#current !== null
  }

  get rtpCapabilities(): OrtcDocument {
    return this.#rtpCapabilities
  }

  /** Hears of each new start after a death, until the signal is aborted. */
  onRestart(listener: () => void, signal: AbortSignal): void {
    this.#listeners.add(listener)
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true })
  }

  /** Rejects with SFU_LOST while there is none. */
  async createConnection(): Promise<SoftphoneConnection> {
    return await this.#mustHave().createConnection()
  }

  async createPlainSide(): Promise<PlainSide> {
    return await this.#mustHave().createPlainSide()
  }

  async createLink(): Promise<SfuLink> {
    return await this.#mustHave().createLink()
  }

  /** Aborted when the SFU that runs now dies. */
  get lost(): AbortSignal {
    return this.#mustHave().lost
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort()
    const current = this.#current
    this.#current = null
    await current?.[Symbol.asyncDispose]()
  }

  #mustHave(): SoftphoneMedia {
    if (this.#current === null) throw new SoftphoneMediaError('SFU_LOST', 'the SFU is being started again')
    return this.#current
  }

  #watch(media: SoftphoneMedia): void {
    media.lost.addEventListener(
      'abort',
      () => {
        if (this.#closing.signal.aborted || this.#current !== media) return
        this.#current = null
        this.#log.error({ err: media.lost.reason }, 'the SFU is gone and is started again')
        void this.#restart()
      },
      { once: true }
    )
  }

  async #restart(): Promise<void> {
    let retryMs = FIRST_RETRY_MS
    while (!this.#closing.signal.aborted) {
      try {
        const media = await this.#open()
        if (this.#closing.signal.aborted) return await media[Symbol.asyncDispose]()
        this.#current = media
        this.#engine = media.engine
        this.#rtpCapabilities = media.rtpCapabilities
        this.#watch(media)
        this.#log.warn({ engine: media.engine }, 'the SFU is back')
        for (const listener of this.#listeners) listener()
        return
      } catch (err) {
        this.#log.error({ err }, 'the SFU cannot be started')
        await delay(retryMs, undefined, { signal: this.#closing.signal }).catch(() => {
          // The server is shutting down: the loop's condition ends it.
        })
        retryMs = Math.min(retryMs * 2, LAST_RETRY_MS)
      }
    }
  }
}
