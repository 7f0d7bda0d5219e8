let context: AudioContext | undefined

/** The page's one audio context. It is silent until a click or key of the person has unlocked it. */
export function audioContext(): AudioContext {
  context ??= new AudioContext({ latencyHint: 'interactive' })
  return context
}

/** Unlocks sound; call it in a click. Resolves to whether sound can be heard now. */
export async function unlockAudio(): Promise<boolean> {
  const own = audioContext()
  if (own.state !== 'running') {
    // Without a click of the person this promise may never settle, so its end is looked for instead.
    const resumed = own.resume()
    await Promise.race([resumed, new Promise(resolve => setTimeout(resolve, 300))])
  }
  return own.state === 'running'
}
