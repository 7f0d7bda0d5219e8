import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { MENU } from '../simulator/support.ts'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow, UNTRANSLATED } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const ADMIN = { username: 'admin', password: ADMIN_PASSWORD }
const NUMBER = '+12025550100'
const SCRIPT = `calls:
  - name: A caller asks for an order
    steps: [{ say: where is my order }, { press: "1234" }]
    expect: { passes: [lookUp], end: hangup }
  - name: A caller hopes for a person
    steps: [{ press: "3" }]
    expect: { passes: [person] }
`
const QUICK = `calls:
  - name: A caller wants the branch
    steps: [{ press: "3" }]
    expect: { passes: [message], end: hangup }
  - name: A caller hopes for a person
    steps: [{ press: "3" }]
    expect: { passes: [person] }
`

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start()
t.teardown(() => server[Symbol.asyncDispose]())
await server.publish(MENU)
await server.addNumber(NUMBER, 'shop')
await server.api('PUT', '/flows/shop/scenarios/Branch', { source: QUICK })
t.jobs = 1

t.test('a flow’s author writes a script, hears how its calls went, and keeps it', { timeout: 280_000 }, async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/flows/shop', width: 1440, height: 1000 })
  await page.getByRole('button', { name: 'Scripted calls' }).click()
  const panel = page.getByTestId('scripted')
  await panel.getByRole('textbox', { name: 'Script (YAML)' }).fill('calls: []')
  await panel.getByRole('button', { name: 'Call the draft' }).click()
  await panel.getByText('SCENARIO_INVALID').waitFor()
  await panel.getByRole('textbox', { name: 'Script (YAML)' }).fill(SCRIPT)
  await panel.getByRole('textbox', { name: 'Name of the script' }).fill('Orders')
  await panel.getByRole('button', { name: 'Keep the script' }).click()
  await page.getByText('“Orders” is kept with this flow.').first().waitFor()
  await panel.getByRole('button', { name: 'Call the draft' }).click()
  await panel.getByText('On the line: A caller asks for an order').waitFor()
  await panel.locator('[data-testid=simulation][data-state=ended]').waitFor({ timeout: 280_000 })
  await panel.getByText('Success: A caller asks for an order').waitFor()
  await panel.getByText('Heard as “where is my order”.', { exact: false }).waitFor()
  await panel.getByText('Failed: A caller hopes for a person').waitFor()
  await panel.getByText('the call did not come to “person”', { exact: false }).waitFor()
  t.match(await server.api('GET', '/flows/shop/scenarios'), {
    body: { items: [{ name: 'Branch' }, { name: 'Orders', source: SCRIPT }] }
  })
  await panel.getByRole('link', { name: 'Open the call “A caller asks for an order”' }).click()
  const call = page.getByTestId('quality-call')
  await call.getByTestId('call-simulated').waitFor()
  t.equal(await call.getByTestId('call-simulated').textContent(), 'Scripted caller')
  t.equal(await page.getByRole('button', { name: 'Review this call' }).count(), 0, 'nobody reviews a script')
  t.same(
    page.faults.filter(fault => !fault.includes('422')),
    []
  )
  await page.context().close()
})

t.test('a reviewer makes a script out of a call and opens it in its flow', { timeout: 280_000 }, async t => {
  await using caller = await server.phone()
  const leg = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await leg.answered()).sdp).sendSilence()
  await caller.audio.hears(440)
  caller.audio.sendDigits('3')
  await leg.waitForBye()
  const { id } = await server.story(leg.callId)
  const page = await openAs(browser, server, ADMIN, { path: `/quality/calls/${id}`, width: 1440, height: 1000 })
  const box = page.getByTestId('make-scenario')
  await box.getByRole('button', { name: 'Make a scripted caller from this call' }).click()
  t.match(await box.getByRole('textbox', { name: 'Script (YAML)' }).inputValue(), /press: "3"/)
  await box.getByRole('button', { name: 'Keep it with the flow shop' }).click()
  await box.getByRole('link', { name: 'Open it in the flow shop' }).click()
  const script = page.getByTestId('scripted').getByRole('textbox', { name: 'Script (YAML)' })
  await script.waitFor()
  t.match(await script.inputValue(), new RegExp(`Made from the call ${id}`))
  t.same(page.faults, [])
  await page.context().close()
})

for (const look of LOOKS)
  t.test(`scripted calls are whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    const page = await openAs(browser, server, ADMIN, {
      ...look,
      path: '/flows/shop?script=Branch',
      width: 1440,
      height: 1500
    })
    const panel = page.getByTestId('scripted')
    await panel.locator('button').first().click()
    await panel.locator('[data-testid=simulation][data-state=ended]').waitFor({ timeout: 280_000 })
    t.same(await axeFindings(page), [])
    t.ok(await fitsWindow(page))
    t.same(await page.evaluate(UNTRANSLATED), [])
    t.same(page.faults, [])
    if (isTakingPictures) {
      await mkdir(PICTURES, { recursive: true })
      await panel.screenshot({ path: join(PICTURES, `scripted-calls-${look.name}.png`) })
    }
    await page.context().close()
  })
