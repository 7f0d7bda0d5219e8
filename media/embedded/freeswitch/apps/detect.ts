import { ToneDetector } from '../../../audio/goertzel.ts'
import { SpeechDetector } from '../../../audio/speech-energy.ts'
import { splitArguments } from '../arguments.ts'
import type { Channel } from '../channel.ts'
import type { Engine } from '../engine.ts'
import type { AppRun } from '../executor.ts'
import type { FrameTap } from '../rtp/frame.ts'

/** How long a tone must last to count. */
const TONE_MS = 80
const MAX_DETECTORS = 16

function attach(channel: Channel, name: string, kind: string, tap: FrameTap): () => void {
  channel.media.addTap(tap)
  const stop = () => {
    if (channel.bugs.get(name)?.kind !== kind) return
    channel.bugs.delete(name)
    // A detector may stop itself while frames are being given out.
    setImmediate(() => channel.media.removeTap(tap))
  }
  channel.bugs.set(name, { kind, stop })
  return stop
}

/** Listens for a tone; true when the specification could be read. */
function detectTone(channel: Channel, args: readonly string[]): boolean {
  const [key = '', spec = '', flags = 'r', timeout = '', application = '', data = ''] = args
  const frequenciesHz = spec.split(/[,+]/).map(Number)
  const isValid = frequenciesHz.length > 0 && frequenciesHz.every(hz => hz > 100 && hz < 3_900)
  if (key === '' || !isValid || channel.bugs.size >= MAX_DETECTORS) return false
  const name = `tone:${key}`
  channel.bugs.get(name)?.stop()
  const detector = new ToneDetector(frequenciesHz)
  const isWriteSide = flags.includes('w')
  const stop = attach(channel, name, spec, {
    wantsRead: !isWriteSide,
    wantsWrite: isWriteSide,
    onFrame(read, write) {
      const pcm = isWriteSide ? write : read
      if (pcm === undefined || !detector.push(pcm) || detector.heardMs < TONE_MS) return
      stop()
      channel.set(`detected_tone_${key}`, 'true')
      channel.fire('DETECTED_TONE', [['Detected-Tone', key]])
      if (application !== '') channel.executor.execute({ application, data })
    }
  })
  const seconds = Number(timeout.replace('+', ''))
  if (seconds > 0) setTimeout(stop, Math.min(seconds, 86_400) * 1000).unref()
  return true
}

/** `tone_detect <key> <hz[,hz]> [r|w] [+seconds] [application] [arguments]`. */
export function toneDetect(run: AppRun): void {
  detectTone(run.channel, splitArguments(run.data))
}

/** `stop_tone_detect`. */
export function stopToneDetect(run: AppRun): void {
  stopTones(run.channel)
}

function stopTones(channel: Channel): void {
  for (const [name, bug] of [...channel.bugs]) if (name.startsWith('tone:')) bug.stop()
}

/** API `tone_detect <uuid> <key> <hz> …`. */
export function toneDetectApi(engine: Engine, text: string): string {
  const [uuid, ...args] = splitArguments(text)
  const channel = engine.channels.get(uuid ?? '')
  if (channel === undefined) return '-ERR Cannot locate session!\n'
  if (args[0] === 'stop') {
    stopTones(channel)
    return '+OK\n'
  }
  if (!detectTone(channel, args)) return '-USAGE: <uuid> <key> <tone_spec> [<flags> <timeout> <app> <args> <hits>]\n'
  return `+OK Enabling tone detection '${args[0]}' '${args[1]}' '${args[2] ?? 'r'}'\n`
}

/** `uuid_vad_detect <uuid> start one-shot|continuous <mode> <silence-ms> <voice-ms> [name]` and `stop [name]`. */
export function uuidVadDetect(engine: Engine, text: string): string {
  const [uuid, order, ...args] = splitArguments(text)
  const channel = engine.channels.get(uuid ?? '')
  if (channel === undefined) return '-ERR Operation Failed\n'
  if (order === 'stop') {
    const bug = channel.bugs.get(`vad:${args[0] ?? 'vad_detection'}`)
    bug?.stop()
    return bug === undefined ? '-ERR Operation Failed\n' : '+OK Success\n'
  }
  if (order !== 'start') return '-USAGE: <uuid> [start|stop] [one-shot|continuous] mode silence-ms voice-ms [bugname]\n'
  const [strategy = 'continuous', , silenceMs = '100', voiceMs = '250', name = 'vad_detection'] = args
  const bugName = `vad:${name}`
  if (channel.bugs.has(bugName)) return '-ERR Operation Failed\n'
  const detector = new SpeechDetector({ silenceMs: bounded(silenceMs), voiceMs: bounded(voiceMs) })
  const stop = attach(channel, bugName, strategy, {
    wantsRead: true,
    wantsWrite: false,
    onFrame(read) {
      const change = read === undefined ? undefined : detector.push(read)
      if (change === undefined) return
      const body = JSON.stringify({ detected_event: change === 'started' ? 'start_talking' : 'stop_talking' })
      channel.fire('CUSTOM', [['media-bugname', name]], body, 'vad_detect:detection')
      if (strategy === 'one-shot') stop()
    }
  })
  return '+OK Success\n'
}

function bounded(text: string): number {
  return Math.max(20, Math.min(10_000, Number(text) || 100))
}

/** `wait_for_silence <level> <hits> <listen-ms> [timeout-ms]`: waits until the caller has been quiet. */
export async function waitForSilence(run: AppRun): Promise<void> {
  const { channel } = run
  const [, hits = '20', , timeoutMs = '60000'] = splitArguments(run.data)
  const neededFrames = Math.max(1, Number(hits) || 20)
  const detector = new SpeechDetector({ silenceMs: 20, voiceMs: 20 })
  await new Promise<void>(resolve => {
    let quiet = 0
    const end = () => {
      clearTimeout(limit)
      channel.signal.removeEventListener('abort', end)
      channel.media.removeTap(tap)
      run.onBreak = undefined
      resolve()
    }
    const tap: FrameTap = {
      wantsRead: true,
      wantsWrite: false,
      onFrame(read) {
        if (read !== undefined) detector.push(read)
        quiet = detector.isSpeaking ? 0 : quiet + 1
        if (quiet >= neededFrames) end()
      }
    }
    const limit = setTimeout(end, Math.max(100, Number(timeoutMs) || 60_000))
    channel.signal.addEventListener('abort', end)
    channel.media.addTap(tap)
    run.onBreak = end
    run.begun()
  })
}
