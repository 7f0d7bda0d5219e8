import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import type { RecordingPolicy } from '../../server/compliance/recording-policy.ts'
import { RecordingGrant } from '../../server/recordings/grant.ts'
import { liveCall } from '../recordings/support.ts'
import { TO_SUPPORT } from '../support/flows.ts'
import { TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { fitsWindow, LOOKS, openAs } from './support/signed-in.ts'

const NUMBER = '+12025550111'

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())

t.test('a supervisor is led from the wallboard to calls that go on', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ hasDemoData: true })
  await server.publish(TO_SUPPORT)
  await server.addNumber(NUMBER, 'to-support')
  const people = await signInPeople(server, ['ana', 'sara'])
  const sara = { username: 'sara', password: people.sara.password }
  await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
  await using caller = await server.phone()
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendTone(440)
  await ana.answers()
  await caller.audio.hears(600)
  const running = liveCall(server)

  // The recorder cannot begin in a place where a rule wants the call recorded, and lets it go on.
  const spool = join(server.dataDir, 'spool', 'recordings')
  await rm(spool, { recursive: true })
  await writeFile(spool, 'in the way')
  const policy: RecordingPolicy = {
    policy: 'notice',
    obligation: 'RECORDING_NOTICE',
    isCompulsory: true,
    endsOnFailure: false,
    isOnDemand: false,
    reasons: []
  }
  const facts = {
    callId: running.id,
    party: 'customer',
    policy,
    places: ['ID'],
    method: 'notice',
    language: 'en'
  } as const
  const grant = await RecordingGrant.obtain(server.parley.db, { ...facts, wording: [] })
  const options = { store: 'local', language: 'en', stopKeys: '*0', isOnDemand: false, customerNumber: null }
  await server.parley.recordings.of(running).start(grant, options)
  await server.parley.storiesWritten()

  for (const look of LOOKS)
    await t.test(`both are whole and accessible, ${look.name}`, async t => {
      const page = await openAs(browser, server, sara, { ...look, path: '/wallboard' })
      await page.getByTestId('recording-alarms').waitFor()
      await page.getByTestId('follow-call').waitFor()
      t.same(await axeFindings(page), [])
      if (process.env['PARLEY_SCREENSHOTS'] === 'true')
        await page.screenshot({ path: join(process.env['PARLEY_PICTURES'] ?? '/tmp', `running-${look.name}.png`) })
      await page.setViewportSize({ width: 320, height: 640 })
      t.ok(await fitsWindow(page))
      t.same(page.faults, [])
      await page.context().close()
    })

  await t.test('a row leads to what is said, and the alarm to the call', async t => {
    const page = await openAs(browser, server, sara, { path: '/wallboard' })
    await page.getByRole('link', { name: 'Read along: Ana Example' }).click()
    await page.waitForURL(`**/quality/calls/${running.id}`)
    await page.goBack()
    await page.getByTestId('recording-alarms').getByRole('link', { name: 'Open the call' }).click()
    await page.waitForURL(`**/quality/calls/${running.id}`)
    t.match(await page.getByTestId('quality').innerText(), /call/i)
    await page.context().close()
  })

  await call.bye()
  await server.story(call.callId)
})
