import { lazy, Suspense } from 'react'
import { useStore } from '../store.ts'
import { isSoundOpen } from './open-sound.ts'

const SoundDrawer = lazy(async () => ({ default: (await import('./sound-drawer.tsx')).SoundDrawer }))

/** The sound settings, fetched when they are first opened. */
export function SoundSettings() {
  const isOpen = useStore(isSoundOpen)
  if (!isOpen) return null
  return (
    <Suspense>
      <SoundDrawer onClose={() => isSoundOpen.set(false)} />
    </Suspense>
  )
}
