import type { ProducerFigures } from './router-api.ts'

/** Loss is told over about this long. */
const WINDOW_MS = 5_000
const MAX_SAMPLES = 64

type Sample = Readonly<{ atMs: number; received: number; lost: number }>

/** Makes a share of the last seconds out of counters that only grow. */
export class FigureWindow {
  #samples: Sample[] = []

  /** Share of packets that did not arrive since the newest reading that is at least five seconds old, 0 to 1. */
  lossShare(figures: Pick<ProducerFigures, 'packetsReceived' | 'packetsLost'>, nowMs: number): number {
    const now: Sample = { atMs: nowMs, received: figures.packetsReceived, lost: figures.packetsLost }
    // A new microphone counts from nothing.
    if ((this.#samples.at(-1)?.received ?? 0) > now.received) this.#samples = []
    while ((this.#samples[1]?.atMs ?? nowMs) < nowMs - WINDOW_MS) this.#samples.shift()
    const before = this.#samples[0] ?? { atMs: nowMs, received: 0, lost: 0 }
    if (this.#samples.length < MAX_SAMPLES) this.#samples.push(now)
    else this.#samples[MAX_SAMPLES - 1] = now
    const received = now.received - before.received
    // Late packets take back losses that were counted before.
    const lost = Math.max(0, now.lost - before.lost)
    return lost === 0 ? 0 : lost / (lost + received)
  }
}
