import type { RingTone } from '../prefs.ts'
import { audioContext } from './audio-context.ts'
import { applyOutput } from './audio-output.ts'
import { loadOwnTone } from './own-tone.ts'
import { type Note, type Tone, TONES } from './tones.ts'

/** How far ahead notes are given to the sound card: a page that hangs falls silent within this time. */
const AHEAD_MS = 400
const STEP_MS = 150

type RingerSettings = Readonly<{ tone: RingTone; volume: number; deviceId: string | null }>

/** Rings on a device of its own, apart from the head-set. At most one tone sounds at a time. */
export class Ringer {
  readonly #settings: () => RingerSettings
  #output: Readonly<{ gain: GainNode; element: HTMLAudioElement }> | null = null
  #stop: (() => void) | null = null

  constructor(settings: () => RingerSettings) {
    this.#settings = settings
  }

  get isRinging(): boolean {
    return this.#stop !== null
  }

  /** Whether a ring could be heard now: sound is unlocked and not turned down to nothing. */
  get isAudible(): boolean {
    return audioContext().state === 'running' && this.#settings().volume > 0
  }

  /** Rings with the person's tone until `silence`. */
  ring(): void {
    if (this.#stop !== null) return
    const { tone } = this.#settings()
    if (tone === 'own') this.#ringOwn()
    else this.#repeat(TONES[tone])
  }

  /** Plays a tone once, whatever else sounds. */
  playOnce(tone: Tone): void {
    const { gain } = this.#ready()
    const startAt = audioContext().currentTime + 0.02
    for (const one of tone.notes) strike(gain, one, startAt + one.atMs / 1000)
  }

  /** Takes effect at once, also for notes that were planned already. */
  silence(): void {
    this.#stop?.()
    this.#stop = null
  }

  close(): void {
    this.silence()
    this.#output?.gain.disconnect()
    if (this.#output !== null) this.#output.element.srcObject = null
    this.#output = null
  }

  #repeat(tone: Tone): void {
    const { gain: out } = this.#ready()
    const context = audioContext()
    const gain = new GainNode(context)
    gain.connect(out)
    const beganAt = context.currentTime + 0.02
    const cycleS = (tone.everyMs ?? 3_000) / 1000
    let planned = 0
    const plan = () => {
      const untilS = context.currentTime + AHEAD_MS / 1000
      for (;;) {
        const one = tone.notes[planned % tone.notes.length]
        if (one === undefined) return
        const at = beganAt + Math.floor(planned / tone.notes.length) * cycleS + one.atMs / 1000
        if (at > untilS) return
        strike(gain, one, Math.max(at, context.currentTime))
        planned += 1
      }
    }
    plan()
    const timer = setInterval(plan, STEP_MS)
    this.#stop = () => {
      clearInterval(timer)
      gain.disconnect()
    }
  }

  #ringOwn(): void {
    let isStopped = false
    let source: AudioBufferSourceNode | null = null
    this.#stop = () => {
      isStopped = true
      source?.disconnect()
      source?.stop()
    }
    loadOwnTone()
      .then(buffer => {
        if (isStopped) return
        if (buffer === null) throw new Error('no tone was kept')
        source = new AudioBufferSourceNode(audioContext(), { buffer, loop: true })
        source.connect(this.#ready().gain)
        source.start()
      })
      .catch(() => {
        // The person's file is gone or broken; an offer must ring nevertheless.
        if (isStopped) return
        this.#stop = null
        this.#repeat(TONES.classic)
      })
  }

  #ready(): Readonly<{ gain: GainNode; element: HTMLAudioElement }> {
    const { volume, deviceId } = this.#settings()
    if (this.#output === null) {
      const gain = new GainNode(audioContext())
      const destination = new MediaStreamAudioDestinationNode(audioContext())
      gain.connect(destination)
      const element = new Audio()
      element.srcObject = destination.stream
      this.#output = { gain, element }
    }
    const { gain, element } = this.#output
    gain.gain.value = volume
    void applyOutput(element, deviceId)
    // Rejected while sound is locked; `isAudible` says so and the desk asks for a click.
    element.play().catch(() => undefined)
    return this.#output
  }
}

function strike(output: AudioNode, one: Note, at: number): void {
  const context = audioContext()
  const endAt = at + one.forMs / 1000
  const envelope = new GainNode(context, { gain: 0 })
  const oscillator = new OscillatorNode(context, { type: one.wave, frequency: one.hz })
  envelope.gain.setValueAtTime(0, at)
  envelope.gain.linearRampToValueAtTime(one.gain, at + 0.01)
  envelope.gain.setValueAtTime(one.gain, Math.max(at + 0.01, endAt - 0.03))
  envelope.gain.linearRampToValueAtTime(0, endAt)
  oscillator.connect(envelope).connect(output)
  oscillator.start(at)
  oscillator.stop(endAt)
  oscillator.onended = () => envelope.disconnect()
}
