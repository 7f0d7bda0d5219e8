import type { Page } from 'playwright-core'

/** An init script that keeps every voice that a page gets, so that a test can listen to it beside the page. */
export const KEEP_TRACKS = `
  window.voices = []
  const Original = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Original {
    constructor(...options) {
      super(...options)
      this.addEventListener('track', event => window.voices.push(event.track))
    }
  }
`

/** Runs in the page, so it is text. */
const LISTEN = `async wanted => {
  const streams = window.voices
    .filter(track => track.readyState === 'live' && !track.muted)
    .map(track => new MediaStream([track]))
  const context = new AudioContext()
  try {
    await context.resume()
    for (const stream of streams) {
      const analyser = context.createAnalyser()
      analyser.fftSize = 8192
      context.createMediaStreamSource(stream).connect(analyser)
      await new Promise(resolve => setTimeout(resolve, 300))
      const bins = new Float32Array(analyser.frequencyBinCount)
      analyser.getFloatFrequencyData(bins)
      const width = context.sampleRate / analyser.fftSize
      const at = frequency => bins[Math.round(frequency / width)] ?? -200
      if (at(wanted) > -60 && at(wanted) > at(wanted + 150) + 15) return true
    }
    return false
  } finally {
    await context.close()
  }
}`

/** Resolves when one of the voices that a page of {@link KEEP_TRACKS} gets is this tone. */
export async function hearsInBrowser(page: Page, hz: number): Promise<void> {
  const limit = AbortSignal.timeout(40_000)
  while (!(await page.evaluate(`(${LISTEN})(${hz})`))) limit.throwIfAborted()
}
