import type { G711Codec } from '../../../audio/g711.ts'
import { decodeG711, encodeG711 } from '../../../audio/g711.ts'
import { SpeechDetector } from '../../../audio/speech-energy.ts'
import type { Channel } from '../channel.ts'
import { FRAME_SAMPLES, type FrameSource, mixSamples } from '../rtp/frame.ts'
import type { SoundPlayer } from '../sound/sound-player.ts'

/** What one member may say to or hear of another, where it differs from the rest. */
export type Relationship = { canHear: boolean; canSpeak: boolean }

/** One channel in a conference. */
export class Member implements FrameSource {
  readonly id: number
  readonly channel: Channel
  readonly isModerator: boolean
  readonly isGhost: boolean
  readonly endsConference: boolean
  readonly relationships = new Map<number, Relationship>()
  readonly joinedAtMs = Date.now()
  readonly #onLeave: () => void
  readonly #detector = new SpeechDetector({ voiceMs: 40, silenceMs: 400 })
  /** What is heard in this slot; filled by the mixer. */
  readonly heard = new Int16Array(FRAME_SAMPLES)
  /** What the member says in this slot; undefined when it is silent or muted. */
  spoken: Int16Array | undefined
  canHear: boolean
  canSpeak: boolean
  isOnHold = false
  tag = ''
  gainIn = 1
  gainOut = 1
  player: SoundPlayer | undefined
  /** Leaves for another room. */
  moveTo: (name: string) => void = () => {}
  readonly #own = new Int16Array(FRAME_SAMPLES)

  constructor(id: number, channel: Channel, flags: ReadonlySet<string>, onLeave: () => void) {
    this.id = id
    this.channel = channel
    this.#onLeave = onLeave
    this.isModerator = flags.has('moderator')
    this.isGhost = flags.has('ghost')
    this.endsConference = flags.has('endconf')
    this.canSpeak = !flags.has('mute')
    this.canHear = !flags.has('deaf')
  }

  get isTalking(): boolean {
    return this.canSpeak && this.#detector.isSpeaking
  }

  /** Ends the member's stay: its `conference` application completes. */
  leave(): void {
    this.#onLeave()
  }

  /** Takes what the channel read in this slot. Returns whether talking began or stopped. */
  listen(): 'started' | 'stopped' | undefined {
    const pcm = this.channel.media.readPcm()
    this.spoken = undefined
    if (pcm === undefined || !this.canSpeak || this.isOnHold) return undefined
    this.#own.set(pcm)
    if (this.gainIn !== 1)
      for (let index = 0; index < FRAME_SAMPLES; index++) this.#own[index] = (this.#own[index] as number) * this.gainIn
    this.spoken = this.#own
    return this.#detector.push(this.#own)
  }

  /** Whether this member hears `other`. */
  hears(other: Member): boolean {
    return (this.relationships.get(other.id)?.canHear ?? true) && (other.relationships.get(this.id)?.canSpeak ?? true)
  }

  writeFrame(codec: G711Codec, out: Uint8Array, offset: number): boolean {
    if (this.player?.writeFrame(codec, out, offset) === true) {
      const played = new Int16Array(FRAME_SAMPLES)
      decodeG711(codec, out, offset, FRAME_SAMPLES, played)
      mixSamples(this.heard, played)
    }
    if (this.gainOut !== 1)
      for (let index = 0; index < FRAME_SAMPLES; index++)
        this.heard[index] = (this.heard[index] as number) * this.gainOut
    encodeG711(codec, this.heard, out, offset)
    return true
  }
}
