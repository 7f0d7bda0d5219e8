import type { Logger } from 'pino'
import type { Channel } from './channel.ts'
import type { Conference } from './conference/conference.ts'
import type { EventBus } from './event-bus.ts'
import type { SlotClock } from './rtp/slot-clock.ts'
import type { SoundLibrary } from './sound/sound-library.ts'

/** What channels, applications and commands share. */
export interface Engine {
  readonly log: Logger
  readonly bus: EventBus
  readonly clock: SlotClock
  readonly sounds: SoundLibrary
  readonly channels: Map<string, Channel>
  readonly conferences: Map<string, Conference>
  readonly globals: Map<string, string>
  readonly version: string
  readonly startedAtMs: number
  readonly maxChannels: number
  readonly sessionsSinceStart: number
  readonly sipAddress: string
  /** How many audio forks run. */
  forks: number
  /** Frames that slow listeners of forks have lost. */
  forkFramesDropped: number
  /** Called once by a channel that hangs up. */
  onHangup(channel: Channel): Promise<void>
}
