import type { CallEvent } from '../../calls/call-events.ts'

/** When a person of ours, or somebody outside whom they brought in, is heard by the customer. Half-open, milliseconds since the answer. */
export type VoiceSpan = Readonly<{
  fromMs: number
  toMs: number
  /** Null: somebody outside. */
  agentId: string | null
}>

export type Voices = Readonly<{
  people: readonly VoiceSpan[]
  /** The customer is on hold and hears music. */
  held: readonly Readonly<{ fromMs: number; toMs: number }>[]
}>

type Heard = Readonly<{ at: Date }> &
  (
    | Readonly<{ kind: 'agentJoined' | 'agentLeft'; agentId: string }>
    | Readonly<{ kind: 'bridged' | 'legEnded'; legId: string }>
    | Readonly<{ kind: 'held' | 'resumed' }>
  )

/** The events that {@link voicesOf} reads. */
export const VOICE_EVENTS = [
  'agentJoined',
  'agentLeft',
  'bridged',
  'legEnded',
  'held',
  'resumed'
] as const satisfies readonly CallEvent['kind'][]

/** Who was heard on the right side of a recording, by the call's story in its order. Pure. */
export function voicesOf(events: readonly Heard[], answeredAt: Date, durationMs: number): Voices {
  const people: VoiceSpan[] = []
  const held: { fromMs: number; toMs: number }[] = []
  const open = new Map<string, { fromMs: number; agentId: string | null }>()
  let heldFromMs: number | null = null
  const close = (key: string, toMs: number) => {
    const span = open.get(key)
    if (span !== undefined && open.delete(key)) people.push({ ...span, toMs })
  }
  const resume = (toMs: number) => {
    if (heldFromMs !== null) held.push({ fromMs: heldFromMs, toMs })
    heldFromMs = null
  }
  for (const event of events) {
    const atMs = event.at.getTime() - answeredAt.getTime()
    switch (event.kind) {
      case 'agentJoined':
        if (!open.has(event.agentId)) open.set(event.agentId, { fromMs: atMs, agentId: event.agentId })
        break
      case 'agentLeft':
        close(event.agentId, atMs)
        break
      case 'bridged':
        open.set(event.legId, { fromMs: atMs, agentId: null })
        break
      case 'legEnded':
        close(event.legId, atMs)
        break
      case 'held':
        heldFromMs ??= atMs
        break
      case 'resumed':
        resume(atMs)
        break
      default:
        return event satisfies never
    }
  }
  for (const key of [...open.keys()]) close(key, durationMs)
  resume(durationMs)
  return { people, held }
}
