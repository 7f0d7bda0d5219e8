import type { G711Codec } from '../../../audio/g711.ts'
import { encodeG711 } from '../../../audio/g711.ts'
import { splitArguments } from '../arguments.ts'
import { isTrue } from '../bridge.ts'
import type { Channel } from '../channel.ts'
import type { AppRun } from '../executor.ts'
import { FRAME_SAMPLES, type FrameOverlay, type FrameSource, type FrameTap, mixSamples } from '../rtp/frame.ts'
import { untilBreak } from './basic.ts'

/** Lets one channel hear another's both sides. */
class Ear implements FrameTap, FrameSource {
  readonly wantsRead = true
  readonly wantsWrite = true
  readonly #pcm = new Int16Array(FRAME_SAMPLES)
  #hasAudio = false

  onFrame(read: Int16Array | undefined, write: Int16Array | undefined): void {
    this.#hasAudio = read !== undefined || write !== undefined
    this.#pcm.fill(0)
    if (read !== undefined) mixSamples(this.#pcm, read)
    if (write !== undefined) mixSamples(this.#pcm, write)
  }

  writeFrame(codec: G711Codec, out: Uint8Array, offset: number): boolean {
    if (!this.#hasAudio) return false
    encodeG711(codec, this.#pcm, out, offset)
    return true
  }
}

/** Lets a channel hear what the listener says, as long as `isOpen` says so. */
class Whisper implements FrameOverlay {
  readonly #from: Channel
  readonly #isOpen: () => boolean
  constructor(from: Channel, isOpen: () => boolean) {
    this.#from = from
    this.#isOpen = isOpen
  }

  mixInto(pcm: Int16Array): boolean {
    const said = this.#isOpen() ? this.#from.media.readPcm() : undefined
    if (said === undefined) return false
    mixSamples(pcm, said)
    return true
  }
}

/** How the listener takes part: key 1 whispers to the leg, 2 to its other leg, 3 to both, 0 to nobody. */
type Mode = 'listen' | 'aleg' | 'bleg' | 'both'
const KEY_MODES: Readonly<Record<string, Mode>> = { 0: 'listen', 1: 'aleg', 2: 'bleg', 3: 'both' }

/**
 * `eavesdrop <uuid>`: hears both sides of a call until it ends. The variables `eavesdrop_whisper_aleg` and
 * `eavesdrop_whisper_bleg` are read all the time, so that a whisper can be switched on and off while listening; with
 * `eavesdrop_enable_dtmf` the keys 0 to 3 do the same.
 */
export async function eavesdrop(run: AppRun): Promise<void> {
  const { channel } = run
  const target = channel.engine.channels.get(splitArguments(run.data)[0] ?? '')
  if (target === undefined || target === channel || !target.isUp) {
    run.respond('NO SUCH CHANNEL')
    return
  }
  let mode: Mode | undefined
  const isOpen = (leg: 'aleg' | 'bleg') => () =>
    mode === undefined ? isTrue(channel.get(`eavesdrop_whisper_${leg}`)) : mode === leg || mode === 'both'
  const ear = new Ear()
  const toTarget = new Whisper(channel, isOpen('aleg'))
  const toOther = new Whisper(channel, isOpen('bleg'))
  const other = target.bridgedTo
  channel.engine.clock.move(channel.media, target.media.phase)
  channel.media.addReader()
  target.media.addTap(ear)
  target.media.addOverlay(toTarget)
  other?.media.addOverlay(toOther)
  run.source = ear
  const takeKeys = () => {
    const keys = channel.digits.splice(0)
    if (channel.get('eavesdrop_enable_dtmf') === 'false') return
    for (const key of keys) mode = KEY_MODES[key] ?? mode
  }
  run.onDigits = takeKeys
  const stopped = untilBreak(run)
  const end = () => run.onBreak?.(true)
  target.signal.addEventListener('abort', end)
  await stopped
  target.signal.removeEventListener('abort', end)
  run.onDigits = undefined
  run.source = undefined
  target.media.removeTap(ear)
  target.media.removeOverlay(toTarget)
  other?.media.removeOverlay(toOther)
  channel.media.removeReader()
}
