import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import t from 'tap'
import { toneShare } from '../../../media/audio/goertzel.ts'
import { generateTone } from '../../../media/audio/tone.ts'
import { writeWav } from '../../../media/audio/wav.ts'
import { Baresip } from '../../support/baresip.ts'
import { TO_SUPPORT } from '../../support/flows.ts'
import { TestParley } from '../../support/parley.ts'
import { TestSoftphone } from '../../support/softphone.ts'
import { signInPeople } from '../../support/people.ts'
import { DeskBrowser } from '../../web/support/desk-browser.ts'

const NUMBER = '+12025550111'
const AGENT_HZ = 600
const CALLER_HZ = 440

t.test('an agent works in Chromium and a stock phone calls', { timeout: 120_000 }, async t => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-chromium-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const says = join(folder, 'says.wav')
  const tone = generateTone({ frequenciesHz: [AGENT_HZ], durationMs: 20_000, sampleRateHz: 48_000 })
  await writeFile(says, writeWav({ sampleRateHz: 48_000, channels: 1, samples: tone }))
  await using server = await TestParley.start({ hasDemoData: true, env: { PARLEY_RECONNECT_MS: '6000' } })
  await server.publish(TO_SUPPORT)
  await server.addNumber(NUMBER, 'to-support')
  const people = await signInPeople(server, ['ana', 'karim', 'sara'])
  await using browser = await DeskBrowser.launch([`--use-file-for-fake-audio-capture=${says}`])
  const context = await browser.context()
  await context.addInitScript(KEEP_TRACKS)
  const page = await browser.open(server.url, { context })

  await t.test('the agent signs in and starts the shift with one click', async t => {
    await page.getByLabel('User').fill('ana')
    await page.getByLabel('Password', { exact: true }).fill(people.ana.password)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByTestId('start-shift').click()
    await page.locator('[data-testid=call-bar][data-state=ready]').waitFor()
    t.same(page.faults, [])
  })

  await using phone = await Baresip.start(generateTone({ frequenciesHz: [CALLER_HZ], durationMs: 60_000 }))

  await t.test('the phone rings at the desk, is answered, and both hear each other', async t => {
    phone.command('dial', server.uri(NUMBER))
    await phone.event('CALL_ESTABLISHED')
    await page.getByRole('button', { name: /^Answer/ }).waitFor()
    // New buttons take no click for a moment, so that nobody answers by accident; the key is meant.
    await page.keyboard.press('F2')
    await page.getByTestId('call').waitFor()
    await hearsInBrowser(page, CALLER_HZ)
    await phone.untilHeard(samples => toneShare(samples, AGENT_HZ) > 0.4)
    t.same(page.faults, [])
  })

  await t.test('hold gives the caller music, and taking the call back gives the voice back', async () => {
    await page.getByRole('button', { name: /^Hold/ }).click()
    await page.locator('[data-testid=call-bar][data-state=onHold]').waitFor()
    await phone.untilHeard(samples => toneShare(samples, AGENT_HZ) < 0.05)
    await page.getByRole('button', { name: /^(Resume|Take back)/ }).click()
    await page.locator('[data-testid=call-bar][data-state=inCall]').waitFor()
    await phone.untilHeard(samples => toneShare(samples, AGENT_HZ) > 0.4)
  })

  await t.test('a reload in mid-call keeps the call, its timer and its record', async t => {
    const before = await server.api('GET', '/calls?state=answered')
    const startedAtMs = performance.now()
    await page.reload()
    await page.getByTestId('call').waitFor()
    await hearsInBrowser(page, CALLER_HZ)
    await phone.untilHeard(samples => toneShare(samples, AGENT_HZ) > 0.4)
    t.comment(`reload to both tones: ${Math.round(performance.now() - startedAtMs)} ms`)
    const after = await server.api('GET', '/calls?state=answered')
    t.same(
      (after.body.items as { id: string }[]).map(call => call.id),
      (before.body.items as { id: string }[]).map(call => call.id)
    )
  })

  await t.test('a supervisor whispers: the agent hears it, the customer does not', async () => {
    await using sara = await TestSoftphone.open(server, people.sara.token, { hz: 1000 })
    await sara.connectAudio()
    await sara.prove()
    const { body } = await server.api('GET', '/calls?state=answered')
    const callId = (body.items as { id: string }[])[0]?.id ?? ''
    await sara.request('supervise', { callId, mode: 'whisper', reason: 'coaching' })
    await sara.hears(CALLER_HZ, 'supervised')
    await hearsInBrowser(page, 1000)
    await phone.untilHeard(samples => toneShare(samples, 1000) < 0.01 && toneShare(samples, AGENT_HZ) > 0.4)
    await sara.request('supervise.stop', {})
  })

  await t.test('the agent consults a colleague, joins everybody and leaves them talking', async t => {
    await using karim = await TestSoftphone.onShift(server, people.karim.token, { hz: 800 })
    await page.getByRole('button', { name: /^Transfer/ }).click()
    await page.getByTestId('directory').waitFor()
    await page.getByRole('button', { name: 'Consult Karim Example first' }).click()
    await karim.answers()
    await hearsInBrowser(page, 800)
    await page.getByRole('button', { name: /^Join/ }).click()
    await page.locator('[data-testid=call-bar][data-state=conference]').waitFor()
    await phone.untilHeard(samples => toneShare(samples, AGENT_HZ) > 0.1 && toneShare(samples, 800) > 0.1)
    await page.getByRole('button', { name: /^Leave/ }).click()
    await karim.hears(CALLER_HZ, 'call')
    t.match(await karim.until(state => state.call?.mode === 'talking'), { state: 'talking' })
    phone.command('hangup')
    await phone.event('CALL_CLOSED')
  })
})

/** Every voice that the page gets, so that a test can listen to it beside the page. Runs in the page, so it is text. */
const KEEP_TRACKS = `
  window.voices = []
  const Original = window.RTCPeerConnection
  window.RTCPeerConnection = class extends Original {
    constructor(...options) {
      super(...options)
      this.addEventListener('track', event => window.voices.push(event.track))
    }
  }
`

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

async function hearsInBrowser(page: Page, hz: number): Promise<void> {
  const limit = AbortSignal.timeout(10_000)
  while (!(await page.evaluate(`(${LISTEN})(${hz})`))) limit.throwIfAborted()
}
