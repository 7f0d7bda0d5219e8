const KEY = 'parley.tab'
/** How long the page before a reload may take to let go. */
const LOCK_WAIT_MS = 300

/**
 * An id of this tab that survives a reload, so that the server knows the page of a running call again. A tab that was
 * duplicated gets one of its own: the first holds a lock on the shared one.
 */
export async function tabId(): Promise<string> {
  const kept = sessionStorage.getItem(KEY)
  if (kept !== null && (await holdLock(kept))) return kept
  const fresh = freshTabId()
  await holdLock(fresh)
  return fresh
}

/** A new id for this tab, for when another page turns out to have the old one too. */
export function freshTabId(): string {
  const id = randomId()
  sessionStorage.setItem(KEY, id)
  return id
}

/** Unlike `crypto.randomUUID` this exists on plain HTTP too. */
function randomId(): string {
  return [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, '0')).join('')
}

/** Resolves to whether this page holds the lock now; it then keeps it until it goes. */
async function holdLock(id: string): Promise<boolean> {
  // Absent on plain HTTP beyond localhost; two tabs with one id are then told apart by the server's connections.
  if (navigator.locks === undefined) return true
  return await new Promise(resolve => {
    navigator.locks
      .request(`parley.tab.${id}`, { signal: AbortSignal.timeout(LOCK_WAIT_MS) }, () => {
        resolve(true)
        return new Promise<never>(() => undefined)
      })
      .catch(() => resolve(false))
  })
}
