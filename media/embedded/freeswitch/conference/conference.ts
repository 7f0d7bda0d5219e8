import { randomUUID } from 'node:crypto'
import { decodeG711 } from '../../../audio/g711.ts'
import type { Channel } from '../channel.ts'
import type { Engine } from '../engine.ts'
import type { EventHeaders } from '../event-bus.ts'
import { clip, FRAME_SAMPLES, type FrameTap } from '../rtp/frame.ts'
import type { SlotMixer } from '../rtp/slot-clock.ts'
import type { Playable } from '../sound/sound-library.ts'
import { SoundPlayer } from '../sound/sound-player.ts'
import { Member } from './member.ts'

const SUBCLASS = 'conference::maintenance'
let nextMemberId = 1

type QueuedPlay = { file: string; player: SoundPlayer; isAsync: boolean }

/** A room in which every member hears all others. It exists as long as it has members. */
export class Conference implements SlotMixer {
  readonly name: string
  readonly uuid = randomUUID()
  readonly profile: string
  readonly phase: number
  readonly members = new Map<number, Member>()
  readonly recordings = new Map<string, { tap: FrameTap; stop(): Promise<void> }>()
  readonly settings = new Map<string, string>([['max_members', '0']])
  readonly startedAtMs = Date.now()
  readonly #engine: Engine
  readonly #sum = new Int32Array(FRAME_SAMPLES)
  readonly #played = new Int16Array(FRAME_SAMPLES)
  readonly #payload = new Uint8Array(FRAME_SAMPLES)
  readonly #plays: QueuedPlay[] = []
  isLocked = false
  waitsForModerator = false
  pin = ''
  #floorId = 0
  #isEnded = false

  constructor(engine: Engine, name: string, profile: string, phase: number) {
    this.#engine = engine
    this.name = name
    this.profile = profile
    this.phase = phase
    engine.conferences.set(name, this)
    engine.clock.addMixer(this)
    this.fire('conference-create')
  }

  get isFull(): boolean {
    const limit = Number(this.settings.get('max_members') ?? 0)
    return limit > 0 && this.members.size >= limit
  }

  get floorId(): number {
    return this.#floorId
  }

  /** Takes a channel in. `onLeave` is called when it must go. */
  join(channel: Channel, flags: ReadonlySet<string>, onLeave: () => void): Member {
    const member = new Member(nextMemberId++, channel, flags, onLeave)
    this.#engine.clock.move(channel.media, this.phase)
    channel.media.addReader()
    channel.set('conference_name', this.name)
    channel.set('conference_member_id', String(member.id))
    channel.set('conference_uuid', this.uuid)
    if (flags.has('wait-mod')) this.waitsForModerator = true
    if (member.isModerator) this.waitsForModerator = false
    this.members.set(member.id, member)
    this.fireMember('add-member', member)
    if (this.members.size === 1) this.#giveFloor(member)
    return member
  }

  /** Lets a member go; the conference ends with the last, or with one that ends it. */
  part(member: Member): void {
    if (!this.members.delete(member.id)) return
    member.channel.media.removeReader()
    member.channel.set('conference_name', undefined)
    if (this.#floorId === member.id) this.#giveFloor([...this.members.values()].find(other => !other.isGhost))
    this.fireMember('del-member', member)
    if (member.endsConference) for (const other of [...this.members.values()]) other.leave()
    if (this.members.size === 0) this.#end()
  }

  /** Queues a sound for all; asynchronous ones play over what runs. */
  play(file: string, playable: Playable, isAsync: boolean): void {
    const queued: QueuedPlay = { file, isAsync, player: new SoundPlayer(playable, () => this.#onPlayed(queued)) }
    this.#plays.push(queued)
    this.fire('play-file', [
      ['File', file],
      ['Async', String(isAsync)]
    ])
  }

  /** Stops what is played to all: the current sound, or everything queued. Returns how many. */
  stopPlaying(isAll: boolean): number {
    const stopped = isAll ? [...this.#plays] : this.#plays.slice(0, 1)
    for (const queued of stopped) queued.player.stop()
    return stopped.length
  }

  mix(): void {
    const members = [...this.members.values()]
    this.#sum.fill(0)
    for (const member of members) {
      const change = member.listen()
      if (change !== undefined) this.#onTalking(member, change)
      if (member.spoken !== undefined) addTo(this.#sum, member.spoken)
    }
    const hasPlay = this.#mixPlays()
    for (const member of members) this.#compose(member, members, hasPlay)
    for (const { tap } of this.recordings.values()) tap.onFrame(this.#total(hasPlay), undefined)
  }

  /** Fires a conference event about no member in particular. */
  fire(action: string, extra: EventHeaders = []): void {
    this.#engine.bus.fire('CUSTOM', () => [...this.#headers(), ['Action', action], ...extra], undefined, SUBCLASS)
  }

  /** Fires a conference event about a member. */
  fireMember(action: string, member: Member, extra: EventHeaders = []): void {
    this.#engine.bus.fire(
      'CUSTOM',
      () => [
        ...this.#headers(),
        ['Floor', String(this.#floorId === member.id)],
        ...member.channel.headers('CUSTOM_MEMBER'),
        ['Video', 'false'],
        ['Hear', String(member.canHear)],
        ['See', 'false'],
        ['Speak', String(member.canSpeak)],
        ['Talking', String(member.isTalking)],
        ['Mute-Detect', 'false'],
        ['Hold', String(member.isOnHold)],
        ['Member-ID', String(member.id)],
        ['Member-Type', member.isModerator ? 'moderator' : 'member'],
        ['Member-Ghost', String(member.isGhost)],
        ['Energy-Level', '100'],
        ['Current-Energy', '0'],
        ['Action', action],
        ...extra
      ],
      undefined,
      SUBCLASS
    )
  }

  *#headers(): Generator<readonly [string, string]> {
    const ghosts = [...this.members.values()].filter(member => member.isGhost).length
    yield ['Conference-Name', this.name]
    yield ['Conference-Domain', this.#engine.sipAddress.split(':')[0] ?? '']
    yield ['Conference-Size', String(this.members.size - ghosts)]
    yield ['Conference-Ghosts', String(ghosts)]
    yield ['Conference-Profile-Name', this.profile]
    yield ['Conference-Unique-ID', this.uuid]
  }

  /** What a member hears: all others, less those it must not hear, and what is played to all. */
  #compose(member: Member, members: readonly Member[], hasPlay: boolean): void {
    const { heard } = member
    if (!member.canHear || member.isOnHold) {
      heard.fill(0)
      return
    }
    const own = member.spoken
    for (let index = 0; index < FRAME_SAMPLES; index++) {
      const value = (this.#sum[index] as number) - (own?.[index] ?? 0) + (hasPlay ? (this.#played[index] as number) : 0)
      heard[index] = clip(value)
    }
    for (const other of members) {
      if (other === member || other.spoken === undefined || member.hears(other)) continue
      for (let index = 0; index < FRAME_SAMPLES; index++)
        heard[index] = clip((heard[index] as number) - (other.spoken[index] as number))
    }
  }

  #mixPlays(): boolean {
    this.#played.fill(0)
    let hasPlay = false
    const running = this.#plays.filter((queued, index) => index === 0 || queued.isAsync)
    for (const { player } of running) {
      if (!player.writeFrame('PCMU', this.#payload, 0)) continue
      const pcm = new Int16Array(FRAME_SAMPLES)
      decodeG711('PCMU', this.#payload, 0, FRAME_SAMPLES, pcm)
      for (let index = 0; index < FRAME_SAMPLES; index++)
        this.#played[index] = clip((this.#played[index] as number) + (pcm[index] as number))
      hasPlay = true
    }
    return hasPlay
  }

  #total(hasPlay: boolean): Int16Array {
    return Int16Array.from(this.#sum, (value, index) => clip(value + (hasPlay ? (this.#played[index] as number) : 0)))
  }

  #onPlayed(queued: QueuedPlay): void {
    const index = this.#plays.indexOf(queued)
    if (index >= 0) this.#plays.splice(index, 1)
    const samples = queued.player.playedSamples
    this.fire('play-file-done', [
      ['File', queued.file],
      ['seconds', String(Math.floor(samples / 8_000))],
      ['milliseconds', String(Math.floor(samples / 8))],
      ['samples', String(samples)],
      ['Async', String(queued.isAsync)]
    ])
  }

  #onTalking(member: Member, change: 'started' | 'stopped'): void {
    this.fireMember(change === 'started' ? 'start-talking' : 'stop-talking', member)
    if (change === 'started' && this.#floorId !== member.id) this.#giveFloor(member)
  }

  #giveFloor(member: Member | undefined): void {
    const before = this.#floorId
    this.#floorId = member?.id ?? 0
    const ids: EventHeaders = [
      ['Old-ID', before === 0 ? 'none' : String(before)],
      ['New-ID', member === undefined ? 'none' : String(member.id)]
    ]
    if (member === undefined) this.fire('floor-change', ids)
    else this.fireMember('floor-change', member, ids)
  }

  #end(): void {
    if (this.#isEnded) return
    this.#isEnded = true
    for (const queued of [...this.#plays]) queued.player.stop()
    for (const recording of this.recordings.values()) {
      void recording.stop().catch(err => this.#engine.log.error({ err }, 'recording could not be closed'))
    }
    this.#engine.clock.removeMixer(this)
    this.#engine.conferences.delete(this.name)
    this.fire('conference-destroy')
  }
}

function addTo(sum: Int32Array, pcm: Int16Array): void {
  for (let index = 0; index < FRAME_SAMPLES; index++) sum[index] = (sum[index] as number) + (pcm[index] as number)
}
