const FRAME_MS = 20
/** After a longer stall the missed frames are left out: nobody waits for old silence. */
const MAX_CATCH_UP = 5

/** Says when a frame of silence is due, with its RTP numbers, every 20 ms on average, until it is stopped. */
export function startSilenceClock(
  frameTicks: number,
  onFrame: (sequence: number, timestamp: number) => void
): () => void {
  const startedAtMs = performance.now()
  let sent = 0
  const timer = setInterval(() => {
    const due = Math.floor((performance.now() - startedAtMs) / FRAME_MS)
    sent = Math.max(sent, due - MAX_CATCH_UP)
    for (; sent < due; sent++) onFrame(sent & 0xffff, (sent * frameTicks) >>> 0)
  }, FRAME_MS)
  return () => clearInterval(timer)
}
