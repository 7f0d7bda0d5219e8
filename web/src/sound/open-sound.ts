import { createStore } from '../store.ts'

/** Whether the sound settings are open; they can be opened from wherever sound is missing. */
export const isSoundOpen = createStore(false)

export function openSound(): void {
  isSoundOpen.set(true)
}
