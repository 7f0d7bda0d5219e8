/** Length of a packet's audio. */
export const SLOT_MS = 20
const PHASES = 5
const PHASE_MS = SLOT_MS / PHASES
/** A phase takes so many members before the next is begun: few wake-ups for few calls, short bursts for many. */
const FULL_PHASE = 60
/** After a stop of the whole process longer than this, slots are given up instead of being sent in a burst. */
const GIVE_UP_MS = 400
/** A slot counts as late beyond this. */
const LATE_MS = 5
/** Timers count whole milliseconds: a phase may run so much too early rather than wake up twice. */
const EARLY_MS = 0.5

/** Something that works once in every slot; first all read, then all mix, then all write. */
export type SlotMember = {
  phase: number
  read(slot: number): void
  write(slot: number): void
}

/** Works between the reading and the writing of a phase. */
export type SlotMixer = Readonly<{ phase: number; mix(slot: number): void }>

/** How well the clock kept its time since the start. */
export type ClockFigures = {
  slots: number
  lateSlots: number
  lateMaxMs: number
  skippedSlots: number
  /** Members' turns, and how many of them were over more than 5 ms after they were due. */
  turns: number
  lateTurns: number
}

/**
 * One clock for every channel. A slot of 20 ms is divided into five phases of 4 ms; each member belongs to one phase,
 * so that packets leave in short bursts. Due times are computed from the start, so they never drift.
 */
export class SlotClock implements Disposable {
  readonly #members: SlotMember[][] = Array.from({ length: PHASES }, () => [])
  readonly #mixers: SlotMixer[][] = Array.from({ length: PHASES }, () => [])
  readonly #originMs = performance.now()
  readonly figures: ClockFigures = { slots: 0, lateSlots: 0, lateMaxMs: 0, skippedSlots: 0, turns: 0, lateTurns: 0 }
  #timer: NodeJS.Timeout | undefined
  /** Index of the next phase to run, counted from the origin. */
  #next = 0
  #isStopped = false

  /** The slot that is running or comes next. */
  get slot(): number {
    // Nobody turns an idle clock: its last slot may be minutes old.
    if (this.#timer === undefined) return Math.floor((performance.now() - this.#originMs) / SLOT_MS)
    return Math.floor(this.#next / PHASES)
  }

  /** Adds a member to the phase given, or to the first that is not full, or to the emptiest. */
  add(member: SlotMember, phase = this.#roomiest()): void {
    member.phase = phase
    this.#members[phase]?.push(member)
    if (this.#timer === undefined && !this.#isStopped) this.#wake()
  }

  remove(member: SlotMember): void {
    const list = this.#members[member.phase]
    const index = list?.indexOf(member) ?? -1
    if (list !== undefined && index >= 0) list.splice(index, 1)
  }

  /** Moves a member into another phase: legs that exchange audio must run together. */
  move(member: SlotMember, phase: number): void {
    if (member.phase === phase) return
    this.remove(member)
    this.add(member, phase)
  }

  addMixer(mixer: SlotMixer): void {
    this.#mixers[mixer.phase]?.push(mixer)
  }

  removeMixer(mixer: SlotMixer): void {
    const list = this.#mixers[mixer.phase]
    const index = list?.indexOf(mixer) ?? -1
    if (list !== undefined && index >= 0) list.splice(index, 1)
  }

  [Symbol.dispose](): void {
    this.#isStopped = true
    clearTimeout(this.#timer)
    this.#timer = undefined
  }

  #roomiest(): number {
    const free = this.#members.findIndex(list => list.length < FULL_PHASE)
    if (free >= 0) return free
    let best = 0
    for (let phase = 1; phase < PHASES; phase++) {
      if ((this.#members[phase]?.length ?? 0) < (this.#members[best]?.length ?? 0)) best = phase
    }
    return best
  }

  #wake(): void {
    this.#next = Math.ceil((performance.now() - this.#originMs) / PHASE_MS)
    this.#schedule()
  }

  #schedule(): void {
    // Phases without members need no wake-up.
    for (let ahead = 0; ahead < PHASES; ahead++) {
      if ((this.#members[(this.#next + ahead) % PHASES]?.length ?? 0) === 0) continue
      this.#next += ahead
      const waitMs = this.#originMs + this.#next * PHASE_MS - performance.now()
      this.#timer = setTimeout(this.#run, Math.max(1, Math.round(waitMs)))
      return
    }
    this.#timer = undefined
  }

  readonly #run = (): void => {
    if (this.#isStopped) return
    for (;;) {
      const lateMs = performance.now() - (this.#originMs + this.#next * PHASE_MS)
      if (lateMs < -EARLY_MS) break
      if (lateMs > GIVE_UP_MS) {
        const skip = Math.floor(lateMs / SLOT_MS) * PHASES
        this.figures.skippedSlots += skip / PHASES
        this.#next += skip
        continue
      }
      this.#runPhase(this.#next % PHASES, Math.floor(this.#next / PHASES), lateMs)
      this.#next++
    }
    this.#schedule()
  }

  #runPhase(phase: number, slot: number, lateMs: number): void {
    const members = this.#members[phase] as SlotMember[]
    if (members.length === 0) return
    for (let index = 0; index < members.length; index++) members[index]?.read(slot)
    const mixers = this.#mixers[phase] as SlotMixer[]
    for (let index = 0; index < mixers.length; index++) mixers[index]?.mix(slot)
    for (let index = 0; index < members.length; index++) members[index]?.write(slot)
    this.#count(members.length, lateMs, performance.now() - (this.#originMs + this.#next * PHASE_MS))
  }

  /** Keeps how late a phase began and ended; in between its members' turns are taken as evenly spread. */
  #count(turns: number, beganLateMs: number, endedLateMs: number): void {
    const { figures } = this
    figures.slots++
    figures.turns += turns
    if (beganLateMs > LATE_MS) figures.lateSlots++
    if (endedLateMs > figures.lateMaxMs) figures.lateMaxMs = endedLateMs
    if (endedLateMs <= LATE_MS) return
    const share = (endedLateMs - LATE_MS) / Math.max(endedLateMs - beganLateMs, Number.EPSILON)
    figures.lateTurns += Math.ceil(turns * Math.min(1, share))
  }
}
