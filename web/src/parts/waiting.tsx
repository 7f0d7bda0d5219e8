import { Skeleton } from '@mantine/core'
import { useEffect, useState } from 'react'

const SHOW_AFTER_MS = 300
const SAY_AFTER_MS = 5_000

/** Nothing for a moment, then grey bars, and after 5 s what is being waited for. */
export function Waiting({ what, lines = 3 }: Readonly<{ what: string; lines?: number }>) {
  const [stage, setStage] = useState<'nothing' | 'bars' | 'words'>('nothing')
  useEffect(() => {
    const bars = setTimeout(() => setStage('bars'), SHOW_AFTER_MS)
    const words = setTimeout(() => setStage('words'), SAY_AFTER_MS)
    return () => {
      clearTimeout(bars)
      clearTimeout(words)
    }
  }, [])
  if (stage === 'nothing') return null
  return (
    <div style={{ padding: 16 }} aria-busy="true">
      {stage === 'words' && <p role="status">{what}</p>}
      {Array.from({ length: lines }, (_, index) => index).map(line => (
        <Skeleton key={line} height={16} mt={8} width={`${90 - line * 12}%`} />
      ))}
    </div>
  )
}
