import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pino } from 'pino'
import t from 'tap'
import { generateTone } from '../../../media/audio/tone.ts'
import { writeWav } from '../../../media/audio/wav.ts'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { CampaignWorld } from '../../campaigns/support.ts'
import { TestParley } from '../../support/parley.ts'
import { signInPeople } from '../../support/people.ts'
import { startRtpPeer } from '../../support/rtp-peer.ts'
import { startSipPhone } from '../../support/sip-phone.ts'
import { DeskBrowser } from '../../web/support/desk-browser.ts'

const AGENT_HZ = 600

t.test('an agent in Chromium works for a campaign', { timeout: 280_000 }, async t => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-chromium-'))
  t.teardown(() => rm(folder, { recursive: true, force: true }))
  const says = join(folder, 'says.wav')
  const tone = generateTone({ frequenciesHz: [AGENT_HZ], durationMs: 20_000, sampleRateHz: 48_000 })
  await writeFile(says, writeWav({ sampleRateHz: 48_000, channels: 1, samples: tone }))
  await using speech = createEspeak(pino({ level: 'silent' }))
  const hello = await speech.synthesize('Hello?', 'en', AbortSignal.timeout(30_000))
  await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
  await using server = await TestParley.start({ hasDemoData: true, campaignWithinMs: 6_000 })
  const world = await CampaignWorld.open(server, carrier)
  const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true, wrapUpMs: 1_000 })
  const queueId = queue.body['id'] as string
  const people = await signInPeople(server, ['ana'])
  await using browser = await DeskBrowser.launch([`--use-file-for-fake-audio-capture=${says}`])
  const page = await browser.open(server.url, { context: await browser.context() })
  await page.getByLabel('User').fill('ana')
  await page.getByLabel('Password', { exact: true }).fill(people.ana.password)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.getByTestId('start-shift').click()
  await page.locator('[data-testid=call-bar][data-state=ready]').waitFor()

  await t.test('in preview the script is there before the number is dialled, and a skip has its reason', async t => {
    const list = await world.list([
      ['Skipped', '+12025550261'],
      ['Dialled', '+12025550262']
    ])
    const id = await world.start('preview', { lists: [list], queue: queueId, script: 'Ask for the meter.' })
    const offer = page.getByTestId('campaign-offer')
    await offer.getByText('Ask for the meter.').waitFor({ timeout: 15_000 })
    await offer.getByLabel('Why this person is skipped').fill('wrong time')
    await offer.getByRole('button', { name: 'Skip with this reason' }).click()
    await world.until(id, all => all.some(one => one.detail === 'skipped: wrong time'))
    await page.getByRole('button', { name: /^Dial/ }).waitFor({ timeout: 15_000 })
    // New buttons take no click for a moment, so that nobody dials by accident; the key is meant.
    await page.keyboard.press('F2')
    const incoming = await carrier.nextInvite(15_000)
    await using person = await startRtpPeer()
    person.connect(incoming.sdp).sendTone(440)
    await incoming.answer(person.sdp())
    await person.hears(AGENT_HZ)
    await incoming.bye()
    await world.call('POST', `/campaigns/${id}/stop`, {}, 200)
    t.same(page.faults, [])
  })

  await t.test('in predictive dialling who says hello is connected to the agent by itself', async t => {
    await page.locator('[data-testid=call-bar][data-state=ready]').waitFor({ timeout: 280_000 })
    // Time to promise something afterwards.
    t.equal((await server.api('PATCH', `/queues/${queueId}`, { wrapUpMs: 60_000, wrapUpLimitMs: 120_000 })).status, 200)
    const list = await world.list([['Person', '+12025550263']])
    const id = await world.start('predictive', {
      lists: [list],
      queue: queueId,
      amd: { isOn: true, onMachine: 'hangUp' }
    })
    const incoming = await carrier.nextInvite(15_000)
    await using person = await startRtpPeer()
    person.connect(incoming.sdp).sendSilence()
    await incoming.answer(person.sdp())
    person.sendPcm(hello)
    await person.hears(AGENT_HZ)
    await page.getByTestId('call').waitFor()
    await incoming.bye()
    const [attempt] = await world.until(id, ([one]) => one?.outcome !== null)
    t.match(attempt, { outcome: 'person', amdResult: 'human', isAbandoned: false })
    // In wrap-up the agent promises another call; the browser is in Dubai.
    const promise = page.getByTestId('promise')
    await promise.locator('summary').click()
    await promise.getByLabel('When').fill('2026-11-25T18:30')
    await promise.getByLabel('Note for the call').fill('about the meter')
    await promise.getByRole('button', { name: 'Promise' }).click()
    await promise.getByText('Promised for').waitFor()
    const promises = await world.call('GET', `/campaigns/${id}/promises`, undefined, 200)
    t.match(promises['items'], [{ name: 'Person', at: '2026-11-25T14:30:00.000Z', note: 'about the meter' }])
    t.same(page.faults, [])
  })
})
