import { decodeG711 } from '../../../audio/g711.ts'
import { splitArguments } from '../arguments.ts'
import type { Channel } from '../channel.ts'
import type { Engine } from '../engine.ts'
import type { AppRun } from '../executor.ts'
import { FRAME_SAMPLES, type FrameOverlay, mixSamples } from '../rtp/frame.ts'
import { SoundPlayer } from '../sound/sound-player.ts'

/** A sound over, or with `isMixed` together with, what the channel sends. */
class Displacement implements FrameOverlay {
  readonly #player: SoundPlayer
  readonly #isMixed: boolean
  readonly #payload = new Uint8Array(FRAME_SAMPLES)
  readonly #pcm = new Int16Array(FRAME_SAMPLES)

  constructor(player: SoundPlayer, isMixed: boolean) {
    this.#player = player
    this.#isMixed = isMixed
  }

  mixInto(pcm: Int16Array): boolean {
    if (!this.#player.writeFrame('PCMU', this.#payload, 0)) return false
    decodeG711('PCMU', this.#payload, 0, FRAME_SAMPLES, this.#pcm)
    if (this.#isMixed) mixSamples(pcm, this.#pcm)
    else pcm.set(this.#pcm)
    return true
  }
}

async function start(channel: Channel, path: string, flags: string, limitS: number): Promise<boolean> {
  const name = `displace:${path}`
  if (path === '' || channel.bugs.has(name)) return false
  const found = await channel.engine.sounds.resolve(path).catch(() => undefined)
  if (found === undefined || !channel.isUp) return false
  const endless = found.parts.map(part => ({ ...part, frames: Number.POSITIVE_INFINITY }))
  const playable = flags.includes('l') ? { ...found, parts: endless.slice(0, 1) } : found
  const end = () => {
    channel.bugs.delete(name)
    // The overlay is in use right now when its sound ends.
    setImmediate(() => channel.media.removeOverlay(overlay))
  }
  const player = new SoundPlayer(playable, end, limitS > 0 ? limitS * 50 : Number.POSITIVE_INFINITY)
  const overlay = new Displacement(player, flags.includes('m'))
  channel.media.addOverlay(overlay)
  channel.bugs.set(name, { kind: path, stop: () => player.stop() })
  return true
}

function stop(channel: Channel, path: string): boolean {
  const bug = channel.bugs.get(`displace:${path}`)
  bug?.stop()
  return bug !== undefined
}

/** `uuid_displace <uuid> start|stop <path> [limit] [mux]`. */
export async function uuidDisplace(engine: Engine, args: string): Promise<string> {
  const [uuid, order, path = '', limit = '0', flags = ''] = splitArguments(args)
  const channel = engine.channels.get(uuid ?? '')
  if (channel === undefined) return '-ERR Cannot locate session!\n'
  if (order === 'start')
    return (await start(channel, path, flags, Number(limit) || 0)) ? '+OK Success\n' : '-ERR Cannot displace session!\n'
  if (order === 'stop') return stop(channel, path) ? '+OK Success\n' : '-ERR Cannot stop displace session!\n'
  return '-USAGE: <uuid> [start|stop] <path> [<limit>] [mux]\n'
}

/** `displace_session <path> [flags] [limit]`: `m` mixes, `l` loops. */
export async function displaceSession(run: AppRun): Promise<void> {
  const [path = '', flags = '', limit = '0'] = splitArguments(run.data)
  await start(run.channel, path, flags.replace(/[^mlr]/g, ''), Number(limit) || 0)
}

/** `stop_displace_session <path>`. */
export function stopDisplaceSession(run: AppRun): void {
  stop(run.channel, run.data.trim())
}
