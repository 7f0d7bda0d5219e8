import type { G711Codec } from '../../audio/g711.ts'
import type { Channel } from './channel.ts'
import type { FrameSource } from './rtp/frame.ts'
import { holdMusic } from './sound/hold-music.ts'
import { SoundPlayer } from './sound/sound-player.ts'

/** What one leg of a bridge sends: what the other hears from its caller, unchanged when both use the same law. */
class BridgeSource implements FrameSource {
  readonly #other: Channel
  constructor(other: Channel) {
    this.#other = other
  }

  writeFrame(codec: G711Codec, out: Uint8Array, offset: number): boolean {
    return this.#other.media.copyRead(codec, out, offset)
  }
}

/** Joins two channels; whatever they were doing ends. */
export function bridgeChannels(a: Channel, b: Channel): void {
  unbridge(a)
  unbridge(b)
  for (const leg of [a, b]) {
    leg.leaveSocket()
    leg.executor.breakAll()
  }
  // Legs that exchange audio run in the same phase: each frame goes out in the slot in which it was read.
  a.engine.clock.move(b.media, a.media.phase)
  a.bridgedTo = b
  b.bridgedTo = a
  const now = Date.now()
  for (const [leg, other] of [
    [a, b],
    [b, a]
  ] as const) {
    leg.bridgedAtMs = now
    leg.set('bridge_uuid', other.uuid)
    leg.set('last_bridge_to', other.uuid)
    leg.set('signal_bond', other.uuid)
    leg.set('call_uuid', a.uuid)
    leg.media.addReader()
    leg.base = new BridgeSource(other)
    leg.setState('CS_EXCHANGE_MEDIA')
  }
  for (const [leg, other] of [
    [a, b],
    [b, a]
  ] as const) {
    leg.fire('CHANNEL_EXECUTE', [
      ['Application', 'uuid_bridge'],
      ['Application-Data', other.uuid]
    ])
  }
  a.fire('CHANNEL_BRIDGE', [
    ['Bridge-A-Unique-ID', a.uuid],
    ['Bridge-B-Unique-ID', b.uuid]
  ])
}

/** Parts a channel from its bridge; both stay up and silent. Returns the other leg. */
export function unbridge(channel: Channel): Channel | undefined {
  const other = channel.bridgedTo
  if (other === undefined) return undefined
  for (const leg of [channel, other]) {
    leg.bridgedTo = undefined
    leg.set('bridge_uuid', undefined)
    leg.set('signal_bond', undefined)
    leg.set('call_uuid', leg.uuid)
    leg.media.removeReader()
    leg.base = undefined
  }
  channel.fire('CHANNEL_UNBRIDGE', [
    ['Bridge-A-Unique-ID', channel.uuid],
    ['Bridge-B-Unique-ID', other.uuid]
  ])
  return other
}

/** Leaves the channel waiting for orders. */
export function park(channel: Channel): void {
  channel.leaveSocket()
  channel.executor.breakAll()
  channel.base = undefined
  channel.executor.execute({ application: 'park', data: '' })
}

/** What becomes of the other leg when one hangs up: it is parked if it asked for that, else it ends too. */
export function afterBridge(left: Channel): void {
  if (!left.isUp) return
  if (isTrue(left.get('park_after_bridge'))) park(left)
  else left.hangup('NORMAL_CLEARING')
}

/** Plays music to the channel until it is taken off hold; `file` is what `hold_music` names. */
export async function startHoldMusic(channel: Channel): Promise<void> {
  const wanted = channel.get('hold_music') ?? 'local_stream://default'
  if (wanted === 'silence') {
    channel.base = undefined
    return
  }
  const parts = [{ sound: holdMusic(), startFrame: 0, frames: Number.POSITIVE_INFINITY }]
  const music = await channel.engine.sounds.resolve(wanted).catch(() => ({ path: wanted, type: undefined, parts }))
  const repeat = music.parts.map(part => ({ ...part, frames: Number.POSITIVE_INFINITY }))
  channel.base = new SoundPlayer({ ...music, parts: repeat.slice(0, 1) }, () => {})
}

/** Takes the hold music away and gives a bridged channel its other leg back. */
export function stopHoldMusic(channel: Channel): void {
  channel.base = channel.bridgedTo === undefined ? undefined : new BridgeSource(channel.bridgedTo)
}

/** The real server's reading of a truth value. */
export function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(true|yes|on|enable|enabled|active|allow|t|y|[1-9]\d*)$/i.test(value.trim())
}
