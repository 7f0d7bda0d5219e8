/** What was typed about a call, kept in this browser until the server has filed it: nothing typed is lost. */
const PREFIX = 'parley.note.'
/** Notes of calls that ended elsewhere are forgotten after a week. */
const KEPT_MS = 7 * 86_400_000

type Kept = Readonly<{ text: string; at: number }>

export function keepNote(callId: string, text: string): void {
  const kept: Kept = { text, at: Date.now() }
  localStorage.setItem(PREFIX + callId, JSON.stringify(kept))
}

/** What was typed about a call in this browser; null when nothing was. */
export function keptNote(callId: string): string | null {
  return read(PREFIX + callId)?.text ?? null
}

/** The note as it was typed here; what the server has when nothing was. */
export function noteOf(callId: string, fromServer: string): string {
  return keptNote(callId) ?? fromServer
}

export function forgetNote(callId: string): void {
  localStorage.removeItem(PREFIX + callId)
}

export function forgetOldNotes(): void {
  for (const key of Object.keys(localStorage)) {
    if (!key.startsWith(PREFIX)) continue
    const kept = read(key)
    if (kept === null || Date.now() - kept.at > KEPT_MS) localStorage.removeItem(key)
  }
}

function read(key: string): Kept | null {
  const text = localStorage.getItem(key)
  if (text === null) return null
  try {
    return JSON.parse(text) as Kept
  } catch {
    // Written by somebody else under our name.
    return null
  }
}
