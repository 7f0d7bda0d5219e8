import { prefs } from '../prefs.ts'
import { audioContext } from './audio-context.ts'
import type { MicrophoneState } from './media-types.ts'
import { SoftphoneError } from './softphone-error.ts'

/** Loudness (root of the mean square, 0 to 1) above which somebody is speaking rather than breathing. */
const SPEECH_LEVEL = 0.02

/**
 * The agent's microphone: opened once for a shift, changed without ending anything, and measured for the level meter.
 * `onChange` is called whenever `state`, `track` or `isHardwareMuted` changes.
 */
export class Microphone {
  readonly #onChange: () => void
  readonly #gone = new AbortController()
  #state: MicrophoneState = 'off'
  #stream: MediaStream | null = null
  #meter: Readonly<{ source: MediaStreamAudioSourceNode; analyser: AnalyserNode }> | null = null
  #samples = new Float32Array(2048)
  #deviceId: string | null = null

  constructor(onChange: () => void) {
    this.#onChange = onChange
    navigator.mediaDevices?.addEventListener('devicechange', () => this.#devicesChanged(), {
      signal: this.#gone.signal
    })
  }

  get state(): MicrophoneState {
    return this.#state
  }

  get track(): MediaStreamTrack | null {
    return this.#stream?.getAudioTracks()[0] ?? null
  }

  /** The head-set's own switch, where the system tells. */
  get isHardwareMuted(): boolean {
    return this.track?.muted ?? false
  }

  /** Loudness now, 0 to 1. */
  get level(): number {
    if (this.#meter === null) return 0
    this.#meter.analyser.getFloatTimeDomainData(this.#samples)
    return Math.sqrt(this.#samples.reduce((sum, one) => sum + one * one, 0) / this.#samples.length)
  }

  get isSpeaking(): boolean {
    return this.level > SPEECH_LEVEL
  }

  /**
   * Opens the device, or changes to it; null is the browser's default. Rejects with SoftphoneError `MIC_DENIED`,
   * `MIC_MISSING`, `MIC_BUSY` or `MIC_NEEDS_HTTPS`; the device before stays open then.
   */
  async open(deviceId: string | null): Promise<void> {
    // Absent on plain HTTP beyond localhost (Media Capture and Streams §9).
    if (navigator.mediaDevices === undefined) {
      this.#become('missing')
      throw new SoftphoneError('MIC_NEEDS_HTTPS')
    }
    if (this.#state !== 'live') this.#become('asking')
    const { isMicrophoneCleaned } = prefs.get()
    let stream: MediaStream
    try {
      stream = await navigator.mediaDevices.getUserMedia({
        audio: {
          echoCancellation: isMicrophoneCleaned,
          noiseSuppression: isMicrophoneCleaned,
          autoGainControl: isMicrophoneCleaned,
          channelCount: 1,
          ...(deviceId !== null && { deviceId: { exact: deviceId } })
        }
      })
    } catch (err) {
      throw this.#refused(err)
    }
    if (this.#gone.signal.aborted) {
      stop(stream)
      return
    }
    this.#replace(stream)
    this.#deviceId = deviceId
    this.#become('live')
  }

  close(): void {
    this.#gone.abort()
    this.#replace(null)
    this.#state = 'off'
  }

  /** Gives the device back to the system, for another tab. */
  release(): void {
    this.#replace(null)
    this.#become('off')
  }

  #replace(stream: MediaStream | null): void {
    const before = this.#stream
    this.#meter?.source.disconnect()
    this.#meter = null
    this.#stream = stream
    if (before !== null) stop(before)
    if (stream === null) return
    const context = audioContext()
    const analyser = context.createAnalyser()
    analyser.fftSize = this.#samples.length
    const source = context.createMediaStreamSource(stream)
    source.connect(analyser)
    this.#meter = { source, analyser }
    const [track] = stream.getAudioTracks()
    const isCurrent = () => this.#stream === stream
    track?.addEventListener('ended', () => isCurrent() && this.#become('ended'))
    track?.addEventListener('mute', () => isCurrent() && this.#onChange())
    track?.addEventListener('unmute', () => isCurrent() && this.#onChange())
  }

  /** A head-set that comes back is taken up again by itself. */
  #devicesChanged(): void {
    if (this.#state !== 'ended' && this.#state !== 'missing') return
    this.open(this.#deviceId)
      .catch(() => this.open(null))
      // Still none: the state says so and the desk shows what to do.
      .catch(() => this.#onChange())
  }

  #refused(err: unknown): SoftphoneError {
    const name = err instanceof DOMException ? err.name : ''
    const [state, code] =
      name === 'NotAllowedError' || name === 'SecurityError'
        ? (['denied', 'MIC_DENIED'] as const)
        : name === 'NotFoundError' || name === 'OverconstrainedError'
          ? (['missing', 'MIC_MISSING'] as const)
          : (['missing', 'MIC_BUSY'] as const)
    if (this.track?.readyState !== 'live') this.#become(state)
    return new SoftphoneError(code, '', { cause: err })
  }

  #become(state: MicrophoneState): void {
    this.#state = state
    this.#onChange()
  }
}

function stop(stream: MediaStream): void {
  for (const track of stream.getTracks()) track.stop()
}
