import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
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
import { hearsInBrowser, KEEP_TRACKS } from '../../web/support/ear-in-browser.ts'

const NUMBER = '+12025550111'
const AGENT_HZ = 600
const CALLER_HZ = 440

t.test('an agent works in Chromium and a stock phone calls', { timeout: 280_000 }, async t => {
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
    // The proof that calls can reach the page is repeated after 20 s where a busy machine has lost sound.
    await page.locator('[data-testid=call-bar][data-state=ready]').waitFor({ timeout: 280_000 })
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

  await t.test('an agent whose network lets no UDP through reads why no calls come, and gets none', async t => {
    const someone = {
      username: 'walled',
      displayName: 'Walled Example',
      role: 'agent',
      password: 'a long enough password'
    }
    t.equal((await server.api('POST', '/users', someone)).status, 201)
    await using walled = await DeskBrowser.launch(['--webrtc-ip-handling-policy=disable_non_proxied_udp'])
    const behind = await walled.open(server.url)
    await behind.getByLabel('User').fill(someone.username)
    await behind.getByLabel('Password', { exact: true }).fill(someone.password)
    await behind.getByRole('button', { name: 'Sign in' }).click()
    await behind.getByTestId('start-shift').click()
    const bar = behind.locator('[data-testid=call-bar][data-state=notRoutable]')
    await bar.getByText('The network may be holding back UDP').waitFor()
    const { body } = await server.api('GET', '/agents')
    const agent = (body.items as { username: string }[]).find(one => one.username === someone.username)
    t.match(agent, { status: 'available', isRoutable: false, notRoutable: ['connectionLost'] })
    t.same(behind.faults, [])
  })
})
