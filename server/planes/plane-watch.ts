import type { MediaServer } from '../../media/endpoint.ts'
import type { Db } from '../../sql/database.ts'
import { listLiveControlPlanes } from '../../sql/queries/control-planes.ts'
import { type HeldLeg, type LeftLeg, listLegsOfTheDead, removeHeldLegs } from '../../sql/queries/held-legs.ts'
import { Sweeper } from '../agents/sweeper.ts'
import type { Logger } from '../log.ts'
import type { SipServer } from '../telephony/sip-server.ts'

export type PlaneWatchParts = Readonly<{
  db: Db
  sip: Pick<SipServer, 'isConnected' | 'cancelInvite' | 'endDialog'>
  media: Pick<MediaServer, 'isConnected' | 'endLeg' | 'leaveNote' | 'readNote'>
  controlPlaneId: string
  log: Logger
}>

const LOOK_MS = 1_000
/** So often each control plane says at the media server that it lives. */
const BEAT_MS = 2_000
/** Legs that are ended in one look; the next one takes the rest. */
const MOST_LEGS = 2_000
/** Orders that are under way at an engine at the same time. */
const AT_ONCE = 50

/**
 * Looks for control planes that have died, and ends the legs that they have left at the engines: nobody serves the people
 * on them. One that has only lost the database still says at the media server that it lives, and goes on with its callers.
 * Several control planes may do so at once; a leg that is gone is not ended twice.
 */
export class PlaneWatch implements AsyncDisposable {
  readonly #parts: PlaneWatchParts
  readonly #sweeper: Sweeper
  readonly #listeners = new Set<(live: ReadonlySet<string>) => void>()
  /** Control planes without the database whose callers are served, as the log says once. */
  readonly #cutOff = new Set<string>()
  /** Dialogs that the SIP server did not know at the last look: an answer may have crossed a CANCEL, and makes one. */
  #notThere = new Set<string>()
  readonly #beat: NodeJS.Timeout

  private constructor(parts: PlaneWatchParts) {
    this.#parts = parts
    this.#sweeper = new Sweeper(
      parts.db,
      LOOK_MS,
      deadSince => this.#look(deadSince),
      parts.log,
      'servers that died cannot be looked for'
    )
    this.#beat = setInterval(() => this.#sayAlive(), BEAT_MS)
  }

  static start(parts: PlaneWatchParts): PlaneWatch {
    const watch = new PlaneWatch(parts)
    watch.#sayAlive()
    watch.#sweeper.start()
    return watch
  }

  /** Hears again and again which control planes live, until the signal is aborted. */
  onLook(listener: (live: ReadonlySet<string>) => void, signal: AbortSignal): void {
    this.#listeners.add(listener)
    signal.addEventListener('abort', () => this.#listeners.delete(listener), { once: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    clearInterval(this.#beat)
    const { media, controlPlaneId } = this.#parts
    // What stays of a server that stops is old in a moment.
    await media.leaveNote(noteOf(controlPlaneId), null).catch(() => {})
    await this.#sweeper[Symbol.asyncDispose]()
  }

  async #look(deadSince: Date | null): Promise<void> {
    if (deadSince === null) return
    const live = await listLiveControlPlanes(this.#parts.db, deadSince)
    for (const listener of this.#listeners) listener(live)
    await this.#endLegs(deadSince)
  }

  #sayAlive(): void {
    const { media, controlPlaneId, log } = this.#parts
    if (!media.isConnected) return
    media
      .leaveNote(noteOf(controlPlaneId), String(Math.round(this.#sweeper.signs.nowMs)))
      .catch(err => log.debug({ err }, 'the media server was not told that we live'))
  }

  /** Legs of whoever does not say at the media server either that it lives. */
  async #leftBehind(deadSince: Date): Promise<readonly LeftLeg[]> {
    const { db, media, log } = this.#parts
    const legs = await listLegsOfTheDead(db, deadSince, MOST_LEGS)
    const alive = new Set<string>()
    if (media.isConnected)
      for (const planeId of new Set(legs.map(leg => leg.controlPlaneId))) {
        const beatAtMs = Number((await media.readNote(noteOf(planeId))) ?? 0)
        if (beatAtMs >= deadSince.getTime()) alive.add(planeId)
      }
    for (const controlPlaneId of alive)
      if (!this.#cutOff.has(controlPlaneId))
        log.warn({ controlPlaneId }, 'a server cannot reach the database, and goes on with its callers')
    this.#cutOff.clear()
    for (const planeId of alive) this.#cutOff.add(planeId)
    return legs.filter(leg => !alive.has(leg.controlPlaneId))
  }

  async #endLegs(deadSince: Date): Promise<void> {
    const { db, sip, media, log } = this.#parts
    const legs = await this.#leftBehind(deadSince)
    if (legs.length === 0) return
    const ended = { invite: 0, dialog: 0, channel: 0 }
    const done: HeldLeg[] = []
    const notThere = new Set<string>()
    const endAll = async (kind: HeldLeg['kind'], end: (engineId: string) => Promise<boolean>) => {
      const own = legs.filter(leg => leg.kind === kind)
      for (let from = 0; from < own.length; from += AT_ONCE)
        await Promise.all(
          own.slice(from, from + AT_ONCE).map(async leg => {
            try {
              const isEnded = await end(leg.engineId)
              if (isEnded) ended[kind] += 1
              if (!isEnded && kind === 'dialog' && !this.#notThere.has(leg.engineId)) notThere.add(leg.engineId)
              else done.push(leg)
            } catch (err) {
              // It stays in the table, and the next look tries again.
              log.warn({ err, kind }, 'a leg of a server that died could not be ended')
            }
          })
        )
    }
    // Phones that ring; one that was answered meanwhile has a dialog, which is ended next.
    if (sip.isConnected) await endAll('invite', id => sip.cancelInvite(id))
    // People before channels: one whose dialog ends goes by itself.
    if (sip.isConnected) await endAll('dialog', id => sip.endDialog(id))
    if (media.isConnected) await endAll('channel', id => media.endLeg(id))
    this.#notThere = notThere
    await removeHeldLegs(db, done)
    if (ended.invite + ended.dialog + ended.channel > 0) log.warn(ended, 'legs of a server that died were ended')
  }
}

function noteOf(controlPlaneId: string): string {
  return `alive_${controlPlaneId}`
}
