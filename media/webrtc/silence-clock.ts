import { G711_SILENCE } from '../audio/g711.ts'

const FRAME_MS = 20
const FRAME_SAMPLES = 160
/** After a longer stall the missed frames are left out: nobody waits for old silence. */
const MAX_CATCH_UP = 5

/** One frame of PCMU silence (RFC 3551 §4.5.14). */
export const SILENT_FRAME: Buffer = Buffer.alloc(FRAME_SAMPLES, G711_SILENCE.PCMU)

/** Says when a frame of silence is due, with its RTP numbers, every 20 ms on average, until it is stopped. */
export function startSilenceClock(onFrame: (sequence: number, timestamp: number) => void): () => void {
  const startedAtMs = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - startedAtMs) / FRAME_MS)
    sent = Math.max(sent, due - MAX_CATCH_UP)
    for (; sent < due; sent++) onFrame(sent & 0xffff, (sent * FRAME_SAMPLES) >>> 0)
  }, FRAME_MS)
  return () => clearInterval(timer)
}
