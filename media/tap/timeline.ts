/** 20 ms of stereo at 8 kHz, 16 bits. */
export const FRAME_BYTES = 640
export const FRAME_MS = 20

/** Frames that lag behind for ten whole seconds are lost, not late; less is how frames travel on a busy machine. */
const WINDOW_MS = 10_000
const WINDOW_FRAMES = 250
const LOST_LAG_FRAMES = 3
/** A frame that would stand so far ahead of the clock belongs to a time that was filled already. */
const LATE_LEAD_FRAMES = 5
/** Nothing came for so long: the clock fills, and leaves room for what may still be on its way. */
const STALL_MS = 2_000
const STALL_ROOM_FRAMES = 10

const SILENCE = Buffer.alloc(FRAME_BYTES)

/**
 * Puts frames on the clock of a call. Frames carry no number, so loss shows only as a count that stays behind the clock:
 * when for ten seconds no frame was nearer than 60 ms to its place, the missing ones are filled. When nothing comes at
 * all, the clock goes on by {@link tick}. Pure apart from `deliver`; all times are milliseconds since the answer.
 */
export class TapTimeline {
  readonly #deliver: (frame: Buffer, atMs: number, isFilled: boolean) => void
  #next = -1
  #leastLag = Number.POSITIVE_INFINITY
  #inWindow = 0
  #windowFromMs = 0
  #arrivedAtMs = 0
  #silentTicks = 0
  #frames = 0
  #filled = 0
  #late = 0

  constructor(deliver: (frame: Buffer, atMs: number, isFilled: boolean) => void) {
    this.#deliver = deliver
  }

  get facts(): Readonly<{ frames: number; filled: number; late: number }> {
    return { frames: this.#frames, filled: this.#filled, late: this.#late }
  }

  /** Takes a frame that arrives at `elapsedMs`. */
  push(frame: Buffer, elapsedMs: number): void {
    this.#arrivedAtMs = elapsedMs
    this.#silentTicks = 0
    // The frame that arrives now holds the 20 ms before now.
    const due = elapsedMs / FRAME_MS - 1
    if (this.#next < 0) this.#next = Math.max(0, Math.round(due))
    const lag = due - this.#next
    if (lag < -LATE_LEAD_FRAMES) {
      this.#late += 1
      return
    }
    this.#emit(frame, false)
    if (this.#inWindow === 0) this.#windowFromMs = elapsedMs
    this.#leastLag = Math.min(this.#leastLag, lag)
    this.#inWindow += 1
    // A burst after a pause is many frames at one moment: only time tells what will not come any more.
    if (elapsedMs - this.#windowFromMs < WINDOW_MS || this.#inWindow < WINDOW_FRAMES) return
    if (this.#leastLag >= LOST_LAG_FRAMES) this.#fill(Math.floor(this.#leastLag))
    this.cutOff()
  }

  /** The connection broke: what comes from now on is judged by itself. */
  cutOff(): void {
    this.#inWindow = 0
    this.#leastLag = Number.POSITIVE_INFINITY
  }

  /** Called a few times a second, after whatever has arrived was taken. */
  tick(elapsedMs: number): void {
    if (this.#next < 0 || elapsedMs - this.#arrivedAtMs < STALL_MS) return
    // The first tick of a stall may follow a pause of this program, with frames still waiting to be read.
    this.#silentTicks += 1
    if (this.#silentTicks < 2) return
    this.#fill(Math.floor(elapsedMs / FRAME_MS - 1 - this.#next) - STALL_ROOM_FRAMES)
    this.cutOff()
  }

  #fill(frames: number): void {
    for (let index = 0; index < frames; index += 1) {
      this.#filled += 1
      this.#emit(SILENCE, true)
    }
  }

  #emit(frame: Buffer, isFilled: boolean): void {
    const atMs = this.#next * FRAME_MS
    this.#next += 1
    this.#frames += 1
    this.#deliver(frame, atMs, isFilled)
  }
}
