import { type Endpoint, MediaError } from '../../media/endpoint.ts'
import type { Logger } from '../log.ts'
import type { AudioPlan } from './audio-plan.ts'
import { LegAudio } from '../calls/leg-audio.ts'

type Member = {
  readonly endpoint: Endpoint
  place: Place
  stopMusic: (() => Promise<void>) | undefined
}

/** Where a leg's audio goes: to one other leg, into a conference, to nobody. */
type Place = Readonly<{ kind: 'alone' | 'bridge' | 'conference'; group: string }>

const ALONE: Place = { kind: 'alone', group: '' }

/**
 * Makes the media server do what a plan says, one plan after the other. Legs that disappear meanwhile are left out:
 * whoever owns them hears of it by their own signal. Music runs for whoever the plan names.
 */
export class CallAudio {
  readonly #conferenceName: string
  readonly #music: string
  readonly #log: Logger
  readonly #members = new Map<string, Member>()
  #running: Promise<void> = Promise.resolve()

  /** `name` must be unique on the media server; `music` is one of its sources. */
  constructor(options: Readonly<{ name: string; music: string; log: Logger }>) {
    this.#conferenceName = options.name
    this.#music = options.music
    this.#log = options.log
  }

  add(id: string, endpoint: Endpoint): void {
    this.#members.set(id, { endpoint, place: ALONE, stopMusic: undefined })
  }

  /** Takes a leg out of the others' hearing; it stays up, silent, and is its owner's again. */
  async remove(id: string): Promise<void> {
    await this.#inTurn(async () => {
      const member = this.#members.get(id)
      if (member === undefined) return
      await this.#silence(member)
      await this.#leave(id, member)
      this.#members.delete(id)
    })
  }

  /** Resolves when everybody hears what the plan says; later plans wait for earlier ones. */
  async apply(plan: AudioPlan): Promise<void> {
    await this.#inTurn(async () => {
      const wanted = new Map<string, Place>()
      for (const group of plan.groups) {
        const present = group.filter(id => this.#isUp(id))
        if (present.length < 2) continue
        const kind = present.length === 2 ? 'bridge' : 'conference'
        const place: Place = { kind, group: present.toSorted().join(' ') }
        for (const id of present) wanted.set(id, kind === 'conference' ? { kind, group: this.#conferenceName } : place)
      }
      for (const [id, member] of this.#members) {
        const next = wanted.get(id) ?? ALONE
        if (!isSame(member.place, next)) await this.#leave(id, member)
      }
      for (const [id, member] of this.#members) {
        const wantsMusic = plan.music.includes(id) && this.#isUp(id)
        if (!wantsMusic) await this.#silence(member)
      }
      for (const [id, member] of this.#members) {
        const next = wanted.get(id)
        if (next !== undefined && !isSame(member.place, next)) await this.#enter(id, member, next)
      }
      for (const id of plan.music) {
        const member = this.#members.get(id)
        if (member !== undefined && this.#isUp(id) && member.stopMusic === undefined)
          member.stopMusic = loop(member.endpoint, this.#music)
      }
    })
  }

  /** Plays something again and again to one who is alone, until the returned function is called. */
  loop(id: string, source: string): () => Promise<void> {
    const member = this.#members.get(id)
    if (member === undefined || !this.#isUp(id)) return async () => {}
    const stop = loop(member.endpoint, source)
    return async () => {
      if (this.#isUp(id)) await this.#tolerate(stop, member)
    }
  }

  #isUp(id: string): boolean {
    return this.#members.get(id)?.endpoint.lost.aborted === false
  }

  async #enter(id: string, member: Member, place: Place): Promise<void> {
    switch (place.kind) {
      case 'bridge': {
        const otherId = place.group.split(' ').find(one => one !== id) ?? ''
        const other = this.#members.get(otherId)
        if (other === undefined) return
        const done = await this.#tolerate(() => member.endpoint.bridge(other.endpoint), member, other)
        if (done) member.place = other.place = place
        break
      }
      case 'conference':
        if (await this.#tolerate(() => member.endpoint.joinConference(place.group), member)) member.place = place
        break
      case 'alone':
        break
      default:
        place.kind satisfies never
    }
  }

  async #leave(id: string, member: Member): Promise<void> {
    const { place } = member
    member.place = ALONE
    if (place.kind === 'conference') await this.#tolerate(() => member.endpoint.leaveConference(), member)
    if (place.kind !== 'bridge') return
    const otherId = place.group.split(' ').find(one => one !== id) ?? ''
    const other = this.#members.get(otherId)
    // Taking one out of a bridge leaves the other alone as well.
    if (other !== undefined && isSame(other.place, place)) other.place = ALONE
    if (other?.endpoint.lost.aborted === false) await this.#tolerate(() => member.endpoint.unbridge(), member, other)
  }

  async #silence(member: Member): Promise<void> {
    const stop = member.stopMusic
    member.stopMusic = undefined
    if (stop !== undefined && !member.endpoint.lost.aborted) await this.#tolerate(stop, member)
  }

  /** Runs an order to the media server; that a leg has gone meanwhile is its owner's business. */
  async #tolerate(order: () => Promise<void>, ...members: readonly Member[]): Promise<boolean> {
    if (members.some(one => one.endpoint.lost.aborted)) return false
    try {
      await order()
      return true
    } catch (err) {
      if (!(err instanceof MediaError)) throw err
      if (!members.some(one => one.endpoint.lost.aborted)) this.#log.warn({ err }, 'the media server refused an order')
      return false
    }
  }

  #inTurn(task: () => Promise<void>): Promise<void> {
    const done = this.#running.then(task)
    this.#running = done.catch(err => this.#log.error({ err }, 'the audio of a call could not be arranged'))
    return done
  }
}

function isSame(a: Place, b: Place): boolean {
  return a.kind === b.kind && a.group === b.group
}

/** Music on a leg of its own kind of audio; the returned function resolves when it is silent. */
function loop(endpoint: Endpoint, source: string): () => Promise<void> {
  using audio = new LegAudio(endpoint)
  return audio.loop(source)
}
