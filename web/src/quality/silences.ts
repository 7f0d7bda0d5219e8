const QUIET = 6
const SILENCE_MS = 2_000

/** Spans in which neither side says anything, from the loudness that the server measured. */
export function silencesOf(
  peaks: Readonly<{ pointsPerSecond: number; left: readonly number[]; right: readonly number[] }>
): readonly Readonly<{ fromMs: number; toMs: number }>[] {
  const spans: { fromMs: number; toMs: number }[] = []
  const step = 1000 / peaks.pointsPerSecond
  let from = -1
  for (let at = 0; at <= peaks.left.length; at++) {
    const isQuiet = at < peaks.left.length && (peaks.left[at] ?? 0) <= QUIET && (peaks.right[at] ?? 0) <= QUIET
    if (isQuiet && from === -1) from = at
    if (isQuiet || from === -1) continue
    if ((at - from) * step >= SILENCE_MS) spans.push({ fromMs: from * step + 300, toMs: at * step - 300 })
    from = -1
  }
  return spans
}
