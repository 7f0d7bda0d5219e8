import type { Page } from 'playwright-core'
import t from 'tap'
import { DeskBrowser } from './support/desk-browser.ts'
import { DeskServer } from './support/desk-server.ts'
import { call, idleState, offer } from './support/desk-states.ts'
import { barBecomes, startShift } from './support/shift.ts'
import { VoiceMeter } from './support/voice.ts'
import { patient } from '../support/patience.ts'

const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
t.jobs = 1

const ringing = (change: Parameters<typeof offer>[0] = {}) =>
  idleState({ status: 'available', state: 'ringing', offer: offer(change) })
const talking = () => idleState({ status: 'available', state: 'talking', call: call() })

/** Listens at the page's loudspeaker for the ring: wraps what WebAudio sends there. */
const LISTEN = `
  const Destination = window.MediaStreamAudioDestinationNode
  window.MediaStreamAudioDestinationNode = class extends Destination {
    constructor(context) {
      super(context)
      const analyser = new AnalyserNode(context, { fftSize: 1024 })
      context.createMediaStreamSource(this.stream).connect(analyser)
      window.ringLoudness = () => {
        const samples = new Float32Array(1024)
        analyser.getFloatTimeDomainData(samples)
        return Math.sqrt(samples.reduce((sum, one) => sum + one * one, 0) / samples.length)
      }
    }
  }
  // The longest silence within the last second of listening tells a ring with gaps from none.
  window.quietFor = () => {
    const now = performance.now()
    if ((window.ringLoudness?.() ?? 0) > 0.001) window.lastLoudAt = now
    return now - (window.lastLoudAt ?? 0)
  }
  setInterval(() => window.quietFor(), 20)`

/** Opens a shift with the tone that has the shortest gaps, and ears at the loudspeaker. */
async function startListening(server: DeskServer): Promise<Page> {
  const context = await browser.context()
  await context.addInitScript(LISTEN)
  await context.addInitScript(
    `localStorage.setItem('parley.prefs', JSON.stringify({ language: 'en', ringTone: 'soft', isMicrophoneCleaned: false }))`
  )
  return await startShift(browser, server, { context })
}

const isLoud = (page: Page) => page.evaluate('window.quietFor() < 100') as Promise<boolean>

async function rings(page: Page, limitMs: number): Promise<number> {
  const startedAt = performance.now()
  while (!(await isLoud(page)))
    if (performance.now() - startedAt > limitMs) throw new Error(`no ring within ${limitMs} ms`)
  return performance.now() - startedAt
}

/** Milliseconds from `event` until the last sound of the ring; the tone itself pauses for 1.5 s at most. */
async function lastSoundAfter(page: Page, event: () => unknown): Promise<number> {
  await rings(page, 4_000)
  const at = (await page.evaluate('performance.now()')) as number
  await event()
  await page.waitForTimeout(5_000)
  const last = (await page.evaluate('window.lastLoudAt')) as number
  return Math.max(0, last - at)
}

t.test('an offer rings at once and is silent at once when it is answered, withdrawn, or the server dies', async t => {
  await using server = await DeskServer.start()
  const page = await startListening(server)
  server.become(ringing())
  const took = await rings(page, 2_000)
  t.ok(
    took < patient(600),
    `it rang ${took.toFixed(0)} ms after the offer, WebAudio's latency and this test's included`
  )

  const answered = await lastSoundAfter(page, () => page.keyboard.press('F2'))
  t.ok(answered <= patient(300), `silent ${answered.toFixed(0)} ms after the answer`)

  server.become(ringing({ id: 'offer-2' }))
  const withdrawn = await lastSoundAfter(page, () => server.become({ offer: null, state: 'idle' }))
  t.ok(withdrawn <= patient(300), `silent ${withdrawn.toFixed(0)} ms after the withdrawal`)

  server.become(ringing({ id: 'offer-3' }))
  const crashed = await lastSoundAfter(page, () => {
    server.cut()
    server.become({ offer: null, state: 'idle' })
  })
  t.ok(crashed <= patient(300), `silent ${crashed.toFixed(0)} ms after the server was gone`)
  await page.context().close()
})

t.test('a ring that the server has forgotten stops by itself', async t => {
  await using server = await DeskServer.start()
  const page = await startListening(server)
  server.become(ringing())
  const took = await lastSoundAfter(page, () => server.stopHeartbeat())
  t.ok(took < patient(3_300), `silent ${took.toFixed(0)} ms after the last sign of the offer`)
  await page.context().close()
})

t.test('what mute shows is what leaves the browser', async t => {
  await using server = await DeskServer.start()
  await using voice = await VoiceMeter.attach(server)
  const page = await startShift(browser, server)
  await server.next('media.speak')
  t.match(await server.next('proof'), { proof: { microphone: 'live' } })
  t.equal(await voice.isHeard(), false, 'nothing leaves between calls')

  server.become(talking())
  const began = await voice.becomes(true)
  t.ok(began < patient(1_000), `the voice came ${began.toFixed(0)} ms after the call`)

  server.on('mute', () => ({}))
  await page.getByTestId('mute').click()
  await voice.becomes(false)
  t.equal(await page.getByTestId('mute').getAttribute('aria-pressed'), 'false', 'not confirmed yet, but not heard')
  server.become({ call: call({ isMuted: true }) })
  await page.locator('[data-testid=mute][aria-pressed=true]').waitFor()
  t.equal(await voice.isHeard(), false)
  await page.getByText('You are muted').waitFor()

  await page.getByTestId('mute').click()
  t.equal(await voice.isHeard(), false, 'asked for is not confirmed')
  server.become({ call: call({ isMuted: false }) })
  await voice.becomes(true)
  await page.context().close()
})

t.test('a reload in a call brings the voice back within 3 s, with the same timer', async t => {
  await using server = await DeskServer.start()
  await using voice = await VoiceMeter.attach(server)
  const page = await startShift(browser, server)
  server.become(talking())
  await voice.becomes(true)
  const startedAt = Date.now()
  await page.reload()
  while (voice.opened < 2) await page.waitForTimeout(20)
  await voice.becomes(true)
  const took = Date.now() - startedAt
  t.ok(took < patient(3_000), `the voice was back after ${took} ms`)
  await barBecomes(page, 'inCall')
  t.match(await page.getByTestId('call-timer').innerText(), /^4:1\d$/, 'the call’s own time goes on')
  await page.context().close()
})

t.test('several voices that come at once are all taken', async t => {
  await using server = await DeskServer.start()
  await using voice = await VoiceMeter.attach(server)
  const page = await startShift(browser, server)
  server.become(talking())
  await voice.becomes(true)
  await voice.offerVoices(server, 3)
  const taken = [
    await server.next('media.hearing'),
    await server.next('media.hearing'),
    await server.next('media.hearing')
  ]
  t.equal(new Set(taken.map(one => one.hearingId)).size, 3)
  t.same(page.faults, [])
  await page.context().close()
})

t.test('when the SFU has gone, the page opens its audio anew by itself', async t => {
  await using server = await DeskServer.start()
  await using voice = await VoiceMeter.attach(server)
  const page = await startShift(browser, server)
  server.become(talking())
  await voice.becomes(true)
  server.push({ kind: 'media.lost' })
  while (voice.opened < 2) await page.waitForTimeout(20)
  await voice.becomes(true)
  t.equal(await page.getByTestId('call').count(), 1, 'the call is still there')
  await page.context().close()
})
