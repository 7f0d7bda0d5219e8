import { once } from 'node:events'
import { mkdir } from 'node:fs/promises'
import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { isSignedBy } from '../../server/webhooks/signature.ts'
import { LONG_TONE } from '../support/flows.ts'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow, UNTRANSLATED } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const FOR_THE_GUIDE = new Set(['webhook-failed-light', 'phones-open-light'])
const ADMIN = { username: 'admin', password: ADMIN_PASSWORD }
const NUMBER = '+12025550111'

type Received = Readonly<{ headers: NodeJS.Dict<string | string[]>; body: string }>

const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start({ hasDemoData: true })
t.teardown(() => server[Symbol.asyncDispose]())
await server.publish(LONG_TONE)
await server.addNumber(NUMBER, 'long-tone')

/** The company's own programs: a receiver of webhooks, and a CRM. */
const received: Received[] = []
let hookStatus = 200
let deskPassword = ''
const asked: IncomingMessage[] = []
const company = createServer(async (request, response) => {
  if (request.url?.startsWith('/crm')) {
    asked.push(request)
    if (request.headers.authorization !== 'Bearer of-the-company') response.writeHead(401).end()
    else response.end(JSON.stringify({ name: 'Anna Weber', account: { level: 'Gold' } }))
    return
  }
  received.push({ headers: request.headers, body: await text(request) })
  response.writeHead(hookStatus).end()
})
company.listen(0, '127.0.0.1')
await once(company, 'listening')
t.teardown(() => {
  company.close()
  company.closeAllConnections()
})
const base = `http://127.0.0.1:${(company.address() as AddressInfo).port}`
t.jobs = 1

t.test('a webhook is set up by keyboard, its secret is shown once and signs what comes', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/admin/webhooks' })
  await page.getByRole('button', { name: 'Add', exact: true }).press('Enter')
  await page.getByRole('textbox', { name: 'Name' }).fill('CRM')
  await page.getByRole('textbox', { name: 'Address' }).fill(`${base}/hook`)
  await page.getByRole('checkbox', { name: 'Call began' }).press('Space')
  await page.getByRole('textbox', { name: 'Other events' }).fill('flowChosen\n')
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).press('Enter')
  const secret = await page.getByTestId('new-key').locator('code').innerText()
  const [made] = (await server.api('GET', '/webhooks')).body.items as { kinds: string[] }[]
  t.same(made?.kinds, ['ended', 'started', 'flowChosen'])
  await callOnce()
  await until(() => received.length === 3)
  for (const { headers, body } of received) {
    const [id, at, signature] = ['id', 'timestamp', 'signature'].map(name => String(headers[`webhook-${name}`]))
    t.ok(isSignedBy(secret, id ?? '', Number(at), body, signature ?? ''))
  }
  await page.reload()
  await page.getByRole('link', { name: 'Deliveries of CRM' }).waitFor()
  t.notMatch(await page.locator('main').innerText(), /whsec_/)
  t.same(page.faults, [])
  await page.context().close()
})

t.test('a delivery that was given up says why, and is replayed alone or with all the others', async t => {
  hookStatus = 500
  received.length = 0
  await callOnce()
  await failForTheLastTime(3)
  const page = await openAs(browser, server, ADMIN, { path: '/admin/webhooks' })
  await page.getByRole('link', { name: 'Deliveries of CRM' }).click()
  await page.getByRole('combobox', { name: 'Status' }).selectOption('failed')
  const rows = page.getByTestId('deliveries').locator('tbody tr')
  await page.getByText('it answered 500').nth(2).waitFor()
  t.match(await rows.first().innerText(), /ended.*Given up.*8.*500/s)
  await shoot(page, 'webhook-failed-light')
  t.same(await axeFindings(page), [])
  const ids = () => received.map(one => one.headers['webhook-id'])
  const before = ids()
  received.length = 0
  hookStatus = 204
  await rows
    .first()
    .getByRole('button', { name: /^Replay ended/ })
    .click()
  await until(() => received.length === 1)
  t.ok(before.includes(ids()[0]), 'the receiver can tell that it is the same one')
  await page.getByRole('button', { name: 'Replay all given up' }).click()
  await page.getByText('2 deliveries go out again.').first().waitFor()
  await until(() => received.length === 3)
  await page.getByText('No delivery is in this state.').waitFor()
  t.same(page.faults, [])
  await page.context().close()
})

t.test('a new secret ends the old one, and the receiver sees the difference', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/admin/webhooks' })
  await page.getByRole('link', { name: 'Deliveries of CRM' }).click()
  await page.getByRole('button', { name: 'New secret...' }).click()
  await page.getByRole('button', { name: 'Give a new secret' }).click()
  const secret = await page.getByTestId('new-key').locator('code').innerText()
  await page
    .getByRole('button', { name: /^Replay flowChosen/ })
    .first()
    .click()
  await until(() => received.length === 4)
  const { headers, body } = received[3]!
  const [id, at, signature] = ['id', 'timestamp', 'signature'].map(name => String(headers[`webhook-${name}`]))
  t.ok(isSignedBy(secret, id ?? '', Number(at), body, signature ?? ''))
  await page.context().close()
})

t.test('a desk phone registers with the password that is shown once, and is seen at once', async t => {
  await using desk = await server.phone({ user: 'desk-7' })
  const register = async (password: string) =>
    (await desk.phone.register(server.uri('').replace('@', ''), { user: 'desk-7', password })).status
  const page = await openAs(browser, server, ADMIN, { path: '/admin/phones' })
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  await page.getByRole('textbox', { name: 'User name' }).fill('desk-7')
  await page.getByRole('textbox', { name: 'Extension' }).fill('2007')
  await page.getByRole('combobox', { name: 'Belongs to' }).selectOption('Ana Example')
  await page.getByRole('dialog').getByRole('button', { name: 'Add', exact: true }).click()
  const first = await page.getByTestId('new-key').locator('code').innerText()
  await page.getByText('Not registered').waitFor()
  t.equal(await register(first), 200)
  await page.getByText(`at 127.0.0.1:${desk.phone.port} (UDP)`).waitFor()
  await page.getByRole('button', { name: 'I have stored it' }).click()
  t.notMatch(await page.locator('main').innerText(), first)

  await page.getByRole('button', { name: 'desk-7', exact: true }).click()
  const ana = (await server.api('GET', '/sip-accounts')).body.items as { userId: string }[]
  await page.getByRole('checkbox', { name: /^Calls for Ana Example ring at the desk phone/ }).click()
  await until(async () => (await server.api('GET', `/agents/${ana[0]?.userId}`)).body['hasDeskPhone'] === true)
  await page.getByRole('button', { name: 'New password...' }).click()
  await page.getByRole('button', { name: 'Give a new password' }).click()
  deskPassword = await page.getByTestId('new-key').locator('code').innerText()
  t.not(await register(first), 200)
  t.equal(await register(deskPassword), 200)

  await page.getByRole('textbox', { name: 'Extension' }).fill('2008')
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByRole('dialog').waitFor({ state: 'hidden' })
  t.match((await server.api('GET', '/sip-accounts')).body.items, [{ extension: '2008', userId: ana[0]?.userId }])
  t.equal(await register(deskPassword), 200, 'a change without a password keeps the one that is set')
  t.same(page.faults, [])
  await page.context().close()
})

t.test('a source of the customer card is set up and tried, and says which of its places are not there', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/admin/cards' })
  await page.getByRole('button', { name: 'Add', exact: true }).click()
  const form = page.getByRole('dialog')
  await form.getByRole('textbox', { name: 'Name', exact: true }).fill('ERP')
  await form.getByRole('textbox', { name: 'Address' }).fill(`${base}/crm?n={number}&l={language}`)
  await form.getByRole('textbox', { name: 'Headers' }).fill('no header at all')
  await form.getByRole('textbox', { name: /name$/ }).fill('name')
  for (const [n, label, path] of [
    [1, 'Level', 'account.level'],
    [2, 'Orders', 'account.orders']
  ] as const) {
    await form.getByRole('button', { name: 'Add a line' }).click()
    await form.getByRole('textbox', { name: `Label ${n}` }).fill(label)
    await form.getByRole('textbox', { name: `Place ${n}` }).fill(path)
  }
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await form.getByText('HEADER_LINE_WRONG').waitFor()
  await form.getByRole('textbox', { name: 'Headers' }).fill('Authorization: Bearer of-the-company')
  await form.getByRole('button', { name: 'Add', exact: true }).click()
  await form.waitFor({ state: 'hidden' })

  await page.getByRole('button', { name: 'ERP', exact: true }).click()
  await form.getByRole('textbox', { name: 'Number' }).fill('+1 202 555 0123')
  await form.getByRole('textbox', { name: 'Number' }).press('Enter')
  await form.getByText('Anna Weber').waitFor()
  const told = await form.getByTestId('tried').innerText()
  t.match(told, /Level\s+Gold\s+Orders\s+not in the answer/)
  t.equal(asked[0]?.url, '/crm?n=%2B12025550123&l=')
  t.same(await axeFindings(page), [])

  await form.getByRole('checkbox', { name: 'Forget the headers that are stored' }).click()
  await form.getByRole('button', { name: 'Save', exact: true }).click()
  await form.waitFor({ state: 'hidden' })
  await page.getByRole('button', { name: 'ERP', exact: true }).click()
  await form.getByRole('textbox', { name: 'Number' }).fill('+12025550123')
  await form.getByRole('button', { name: 'Try', exact: true }).press('Enter')
  await form.getByText('No use: ERP: it answered 401').waitFor()
  const { items } = (await server.api('GET', '/audit-log?action=card-source.tried')).body
  t.equal(items?.length, 2)
  t.notMatch(JSON.stringify(items), /2025550123|Weber/, 'the log says that it was tried, not with whom')
  t.same(page.faults, [])
  await page.context().close()
})

for (const look of LOOKS)
  t.test(`what is outside has whole and accessible pages, ${look.name}`, { timeout: 280_000 }, async t => {
    const page = await openAs(browser, server, ADMIN, { ...look, path: '/admin/webhooks', width: 1280, height: 900 })
    for (const path of ['cards', 'phones', 'webhooks']) {
      await page.locator(`main nav a[href="/admin/${path}"]`).click()
      await page.locator('main tbody th').first().waitFor()
      await check(t, page, path, look.name)
      if (look.name === 'dark') continue
      await page.locator('main tbody th button').first().click()
      await page.getByRole('dialog').locator('form').first().waitFor()
      await check(t, page, `${path}-open`, look.name)
      await page.keyboard.press('Escape')
      await page.getByRole('dialog').waitFor({ state: 'hidden' })
    }
    await page.locator('main tbody td a[href^="/admin/webhooks/"]').click()
    await page.getByTestId('deliveries').locator('tbody th').first().waitFor()
    await check(t, page, 'webhook', look.name)
    t.same(page.faults, [])
    await page.context().close()
  })

t.test('what nobody wants any more is removed after a question, and a removed phone is refused', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/admin/webhooks' })
  for (const { path, name } of [
    { path: 'cards', name: 'ERP' },
    { path: 'webhooks', name: 'CRM' },
    { path: 'phones', name: 'desk-7' }
  ]) {
    await page.locator(`main nav a[href="/admin/${path}"]`).click()
    await page.getByRole('button', { name, exact: true }).click()
    await page.getByRole('button', { name: 'Remove...' }).press('Enter')
    await page.getByRole('button', { name: 'Remove', exact: true }).press('Enter')
    await page.getByText(`${name} was removed.`).first().waitFor()
  }
  await using desk = await server.phone({ user: 'desk-7' })
  const registrar = server.uri('').replace('@', '')
  t.not((await desk.phone.register(registrar, { user: 'desk-7', password: deskPassword })).status, 200)
  for (const path of ['/webhooks', '/sip-accounts', '/card-sources'])
    t.same((await server.api('GET', path)).body.items, [])
  await page.context().close()
})

async function check(t: Test, page: Page, name: string, look: string): Promise<void> {
  t.same(await axeFindings(page), [], name)
  t.ok(await fitsWindow(page), name)
  t.same(await page.evaluate(UNTRANSLATED), [], name)
  await shoot(page, `${name}-${look}`)
}

async function shoot(page: Page, name: string): Promise<void> {
  if (!isTakingPictures || !FOR_THE_GUIDE.has(name)) return
  await mkdir(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `admin-${name}.png`) })
}

/** Waits for the first failure of some deliveries, and lets the tries of the next 17 hours be over but the last. */
async function failForTheLastTime(count: number): Promise<void> {
  const { db } = server.parley
  const inState = async (state: 'waiting' | 'failed') =>
    await db.selectFrom('webhook_deliveries').selectAll().where('state', '=', state).execute()
  await until(async () => (await inState('waiting')).filter(one => one.last_status === 500).length === count)
  await db
    .updateTable('webhook_deliveries')
    .set({ attempts: 7, next_at: new Date(), leased_until: null })
    .where('state', '=', 'waiting')
    .execute()
  await until(async () => (await inState('failed')).length === count)
}

async function callOnce(): Promise<void> {
  await using caller = await server.phone()
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp)
  await caller.audio.hears(400)
  await call.bye()
}

async function until(isDone: () => boolean | Promise<boolean>): Promise<void> {
  const limit = AbortSignal.timeout(15_000)
  while (!(await isDone())) {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 30))
  }
}
