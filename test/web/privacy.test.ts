import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { LONG_TONE } from '../support/flows.ts'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { ringOnce, transcribe } from '../support/transcripts.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const NUMBER = '+12025550111'
const CALLER = '+12025550123'
const UNTRANSLATED = String.raw`(document.querySelector('main').innerText.match(/\b(tab|list|field|kind|status|new|step|detail|store|retention|hold|lift)\.[a-zA-Z.-]+\b/g) ?? [])`

const codes: { to: string; code: string }[] = []
const sender = createServer(async (request, response) => {
  const { data } = JSON.parse(await text(request))
  codes.push({ ...data, code: /\d{6}/.exec(data.text)?.[0] ?? '' })
  response.writeHead(204).end()
})
sender.listen(0, '127.0.0.1')
await once(sender, 'listening')
t.teardown(() => {
  sender.close()
  sender.closeAllConnections()
})

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start({
  hasDemoData: true,
  env: {
    PARLEY_MESSAGE_HOOK: `http://127.0.0.1:${(sender.address() as AddressInfo).port}/codes`,
    PARLEY_PRIVACY_CONTACT: 'privacy@example.com'
  }
})
t.teardown(() => server[Symbol.asyncDispose]())
for (const username of ['paula', 'pedro'])
  await server.api('POST', '/users', {
    username,
    displayName: `${username === 'paula' ? 'Paula' : 'Pedro'} Example`,
    role: 'privacy-officer',
    password: 'a long enough password'
  })
const people = await signInPeople(server, ['paula', 'pedro'])
const PAULA = { username: 'paula', password: people.paula.password }
const PEDRO = { username: 'pedro', password: people.pedro.password }
t.jobs = 1
let requestPath = ''
let talkedOf = ''

t.test(
  'an erasure is planned by one person and approved by another, who types the word',
  { timeout: 280_000 },
  async t => {
    await server.publish(LONG_TONE)
    await server.addNumber(NUMBER, 'long-tone')
    const callId = await ringOnce(server, NUMBER, CALLER)
    await transcribe(server, callId, 'en', [['customer', 0, 1_000, 'A xylophone, please']])
    const page = await openAs(browser, server, PAULA, { path: '/privacy/requests' })
    await page.getByText('Take up a request').click()
    await page.getByRole('combobox', { name: 'What is asked' }).selectOption('erase')
    await page.getByRole('textbox', { name: 'Phone numbers' }).fill(CALLER)
    await page.getByRole('textbox', { name: 'Name' }).fill('Anna Weber')
    await page.getByRole('button', { name: 'Take up' }).click()
    await page.getByRole('textbox', { name: 'How was the identity checked?' }).fill('called back on the known number')
    await page.getByRole('button', { name: 'Identity is proved' }).click()
    await page.getByRole('button', { name: 'Find everything' }).click()
    const plan = page.getByTestId('plan')
    await plan.waitFor()
    t.match(await plan.innerText(), /delete\s+1\s+transcripts/)
    await page.getByText('You made this plan. A second person approves the erasure.').waitFor()
    t.equal(await page.getByRole('button', { name: 'Erase for good' }).isDisabled(), true)
    requestPath = new URL(page.url()).pathname
    t.same(page.faults, [])
    await page.context().close()

    const second = await openAs(browser, server, PEDRO, { path: requestPath })
    const erase = second.getByRole('button', { name: 'Erase for good' })
    await erase.waitFor()
    t.equal(await erase.isDisabled(), true, 'nothing happens before the word is typed')
    const label = await second.locator('label', { hasText: 'Type ERASE' }).innerText()
    await second.getByRole('textbox', { name: /Type ERASE/ }).fill(label.replace('Type ', ''))
    await erase.click()
    await second.getByTestId('certificate').waitFor({ timeout: 15_000 })
    t.match(await second.getByTestId('certificate').innerText(), /transcripts\s+1\s+1\s+0/)
    t.equal((await server.api('GET', `/calls/${callId}/transcript`)).status, 410)
    t.same(second.faults, [])
    await second.context().close()
  }
)

t.test('retention shows what it would delete, and what no rule speaks of', { timeout: 280_000 }, async t => {
  const callId = await ringOnce(server, NUMBER, CALLER)
  await transcribe(server, callId, 'en', [['customer', 0, 1_000, 'Hello']])
  talkedOf = callId
  const page = await openAs(browser, server, PAULA, { path: '/privacy/retention' })
  await page.getByText('There are no rules. Nothing is deleted.').waitFor()
  await page.getByRole('button', { name: 'What would be deleted now?' }).click()
  await page.getByText(/No rule speaks of/).waitFor()
  await page.getByText('Add a rule').first().click()
  await page.getByRole('textbox', { name: 'Name' }).fill('A year')
  await page.getByRole('textbox', { name: 'Reason' }).fill('house rule')
  await page.getByRole('button', { name: 'Add a rule' }).click()
  await page.getByRole('rowheader', { name: 'A year' }).waitFor()
  const { stores, purposes } = (await server.api('GET', '/retention/rules')).body
  const choices = (name: string) => page.getByRole('combobox', { name }).locator('option').count()
  t.equal(await choices('What'), (stores as string[]).length + 1, 'the form offers what the server can keep')
  t.equal(await choices('Purpose of the call'), (purposes as string[]).length + 1)
  await page.getByRole('textbox', { name: 'Name' }).fill('Support')
  await page.getByRole('combobox', { name: 'What' }).selectOption('recordings')
  await page.getByRole('textbox', { name: /Country/ }).fill('gb')
  await page.getByRole('combobox', { name: 'Queue' }).selectOption({ label: 'support' })
  await page.getByRole('combobox', { name: 'Purpose of the call' }).selectOption('Collections')
  await page.getByRole('button', { name: 'Add a rule' }).click()
  t.match(await page.getByRole('row', { name: /^Support/ }).innerText(), /recordings\s+GB, support, Collections\s+365/)
  await page.getByRole('textbox', { name: 'Name' }).fill('Proof')
  await page.getByRole('textbox', { name: /Country/ }).fill('')
  await page.getByRole('combobox', { name: 'Queue' }).selectOption('all queues')
  await page.getByRole('combobox', { name: 'Purpose of the call' }).selectOption('all purposes')
  await page.getByRole('textbox', { name: /Days/ }).fill('')
  await page.getByRole('button', { name: 'Add a rule' }).click()
  t.match(await page.getByRole('row', { name: /^Proof/ }).innerText(), /recordings\s+everywhere\s+without end/)
  const { items } = (await server.api('GET', '/retention/rules')).body
  const { items: queues } = (await server.api('GET', '/directory/queues')).body
  const support = (queues as { id: string; name: string }[]).find(one => one.name === 'support')
  t.match(items, [
    { name: 'A year', stores: [], region: null, queueId: null, purpose: null, keepDays: 365 },
    { name: 'Support', stores: ['recordings'], region: 'GB', queueId: support?.id, purpose: 'collections' },
    { name: 'Proof', region: null, queueId: null, purpose: null, keepDays: null }
  ])
  await page.getByRole('button', { name: 'What would be deleted now?' }).click()
  await page.getByText(/^0 of \d+ would be deleted/).waitFor()
  t.same(page.faults, [])
  await page.context().close()
})

t.test('a hold is set, shown with who set it and why, and released', { timeout: 280_000 }, async t => {
  const page = await openAs(browser, server, PAULA, { path: '/privacy/holds' })
  await page.getByText('Nothing is held').waitFor()
  await page.getByText('Keep something').click()
  for (const [what, matter] of [
    [CALLER, 'Case 4'],
    [`${server.url}/quality/calls/${talkedOf}?t=100`, 'Case 5']
  ] as const) {
    await page.getByRole('textbox', { name: 'What' }).fill(what)
    await page.getByRole('textbox', { name: 'Matter' }).fill(matter)
    await page.getByRole('textbox', { name: 'Reason' }).fill('court order')
    await page.getByRole('button', { name: 'Keep' }).click()
    await page.getByRole('rowheader', { name: matter }).waitFor()
  }
  t.match((await server.api('GET', '/legal-holds')).body.items, [
    { matter: 'Case 5', callId: talkedOf, setBy: 'paula' },
    { matter: 'Case 4', callId: null, isNumber: true }
  ])
  await page
    .getByRole('row', { name: /Case 4/ })
    .getByRole('button', { name: 'Release' })
    .click()
  await page.getByRole('rowheader', { name: 'Case 4' }).waitFor({ state: 'detached' })
  await page.getByRole('button', { name: 'Show released ones' }).click()
  await page.getByRole('rowheader', { name: 'Case 4' }).waitFor()
  t.same(page.faults, [])
  await page.context().close()
})

t.test('a restriction is carried out, and lifted again with a reason', { timeout: 280_000 }, async t => {
  const made = await server.api('POST', '/privacy-requests', { kind: 'restrict', numbers: ['+12025550188'] })
  const path = `/privacy-requests/${made.body['id']}`
  await server.api('POST', `${path}/identity`, { result: 'proved', how: 'called back' })
  await server.api('POST', `${path}/plan`)
  await server.api('POST', `${path}/approve`, {})
  const page = await openAs(browser, server, PAULA, { path: `/privacy/requests/${made.body['id']}` })
  const lift = page.getByTestId('lift')
  await lift.getByText('Lift it').click()
  await lift.getByRole('textbox', { name: 'Why' }).fill('dispute settled')
  await lift.getByLabel('The person was told on').fill('2026-11-27')
  await lift.getByRole('button', { name: 'Lift' }).click()
  await lift.waitFor({ state: 'detached' })
  t.match(((await server.api('GET', path)).body['events'] as unknown[]).at(-1), { what: 'lifted', by: 'paula' })
  t.same(page.faults, [])
  await page.context().close()
})

t.test('the audit log is checked in the browser', { timeout: 280_000 }, async t => {
  const admin = { username: 'admin', password: ADMIN_PASSWORD }
  const page = await openAs(browser, server, admin, { path: '/audit-log' })
  await page.getByRole('button', { name: 'Check the chain' }).click()
  await page.getByText(/The chain is whole/).waitFor()
  t.same(page.faults, [])
  await page.context().close()
})

t.test(
  'a person stops calls on the public page, without scripts and by keyboard alone',
  { timeout: 280_000 },
  async t => {
    const context = await (await browser.context()).browser()?.newContext({ javaScriptEnabled: false, locale: 'en' })
    const page = await context!.newPage()
    page.setDefaultTimeout(5_000)
    await page.goto(`${server.url}/privacy/request`)
    t.equal(await page.locator('input:checked').count(), 0, 'nothing is ticked beforehand')
    await page.getByRole('radio', { name: 'Stop calling me' }).focus()
    await page.keyboard.press('Space')
    await page.getByRole('textbox', { name: 'Your phone number or e-mail address' }).focus()
    await page.keyboard.type('+1 202 555 0177')
    codes.length = 0
    await page.keyboard.press('Enter')
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
    const limit = AbortSignal.timeout(5_000)
    while (codes.length === 0) {
      limit.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
    await page.getByRole('textbox', { name: '6-digit code' }).focus()
    await page.keyboard.type(codes[0]?.code ?? '')
    await page.keyboard.press('Enter')
    await page.getByText('We do not call this number any more').waitFor()
    await page.getByRole('link', { name: /privacy\/status/ }).click()
    await page.getByText('Done').waitFor()
    await context!.close()
  }
)

for (const look of LOOKS)
  t.test(
    `the privacy screens and the public page are whole and accessible, ${look.name}`,
    { timeout: 280_000 },
    async t => {
      for (const [name, path, ready] of [
        ['requests', '/privacy/requests', '[data-testid=privacy-requests] h1'],
        ['request', requestPath, '[data-testid=certificate]'],
        ['retention', '/privacy/retention', '[data-testid=retention] tbody tr'],
        ['holds', '/privacy/holds', '[data-testid=holds] tbody tr']
      ] as const) {
        const page = await openAs(browser, server, PAULA, { ...look, path, width: 1280, height: 900 })
        await page.locator(ready).first().waitFor()
        // The form is looked at too.
        if (name === 'retention') await page.locator('details summary').click()
        t.same(await axeFindings(page), [], name)
        t.ok(await fitsWindow(page), name)
        t.same(await page.evaluate(UNTRANSLATED), [], name)
        t.same(page.faults, [], name)
        if (isTakingPictures && name === 'request') {
          await mkdir(PICTURES, { recursive: true })
          await page.screenshot({ path: join(PICTURES, `privacy-request-${look.name}.png`) })
        }
        await page.context().close()
      }
      const context = await browser.context({ ...look, width: 480, height: 900 })
      const page = await context.newPage()
      await page.goto(`${server.url}/privacy/request`)
      t.same(await axeFindings(page), [], 'public page')
      t.ok(await fitsWindow(page))
      t.equal(await page.evaluate('document.documentElement.lang'), look.language)
      if (isTakingPictures) await page.screenshot({ path: join(PICTURES, `privacy-public-${look.name}.png`) })
      await context.close()
    }
  )

t.test('nothing is cut off on a screen of 320 px, in German too', { timeout: 280_000 }, async t => {
  const admin = { username: 'admin', password: ADMIN_PASSWORD }
  for (const [path, ready] of [
    ['/privacy/requests', '[data-testid=privacy-requests] h1'],
    [requestPath, '[data-testid=certificate]'],
    ['/privacy/retention', '[data-testid=retention] tbody tr'],
    ['/privacy/holds', '[data-testid=holds] tbody tr'],
    ['/quality/calls', '[data-testid=result]'],
    [`/quality/calls/${talkedOf}`, '[data-testid=transcript] li']
  ] as const) {
    const page = await openAs(browser, server, admin, { path, language: 'de', width: 320, height: 640 })
    await page.locator(ready).first().waitFor()
    t.ok(await fitsWindow(page), path)
    await page.context().close()
  }
})
