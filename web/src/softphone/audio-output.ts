/** Sends an element's sound to a device; where the browser cannot choose, or the device is gone, it stays the default. */
export async function applyOutput(element: HTMLAudioElement, deviceId: string | null): Promise<void> {
  if (typeof element.setSinkId !== 'function') return
  try {
    await element.setSinkId(deviceId ?? '')
  } catch {
    await element.setSinkId('')
  }
}
