import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { TO_SUPPORT } from '../support/flows.ts'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow, UNTRANSLATED } from './support/signed-in.ts'
import { patient } from '../support/patience.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const NUMBER = '+12025550111'

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start({ hasDemoData: true })
t.teardown(() => server[Symbol.asyncDispose]())
await server.publish(TO_SUPPORT)
await server.addNumber(NUMBER, 'to-support')
const people = await signInPeople(server, ['ana', 'karim', 'sara'])
const SARA = { username: 'sara', password: people.sara.password }
t.jobs = 1

async function ring() {
  const { phone, audio, ...rest } = await server.phone()
  const call = phone.call(server.uri(NUMBER), { sdp: audio.sdp() })
  audio.connect((await call.answered()).sdp).sendTone(440)
  return { audio, [Symbol.asyncDispose]: rest[Symbol.asyncDispose] }
}

for (const look of LOOKS)
  t.test(`the wallboard is whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    await using ana = await TestSoftphone.onShift(server, people.ana.token)
    const page = await openAs(browser, server, SARA, { ...look, path: '/wallboard', width: 1280, height: 900 })
    await page.locator('[data-testid=agent-row][data-agent="Ana Example"]').waitFor()
    t.same(await axeFindings(page), [])
    t.ok(await fitsWindow(page))
    t.same(await page.evaluate(UNTRANSLATED), [])
    if (isTakingPictures) {
      await mkdir(PICTURES, { recursive: true })
      await page.screenshot({ path: join(PICTURES, `wallboard-${look.name}.png`) })
    }
    t.same(page.faults, [])
    t.equal(ana.state.status, 'available')
    await page.context().close()
  })

t.test('an agent who goes on a break is seen there within a second', async t => {
  await using ana = await TestSoftphone.onShift(server, people.ana.token)
  const page = await openAs(browser, server, SARA, { path: '/wallboard' })
  const row = page.locator('[data-testid=agent-row][data-agent="Ana Example"]')
  await row.getByText('Free').waitFor()
  const from = performance.now()
  await ana.request('status', { status: 'onBreak', reason: 'lunch' })
  await row.getByText('Break: Lunch').waitFor()
  const tookMs = performance.now() - from
  t.comment(`event to screen ${Math.round(tookMs)} ms`)
  t.ok(tookMs <= patient(1_500), `${Math.round(tookMs)} ms`)
  await page.context().close()
})

t.test('figures that no longer come are called old within three seconds, and live again without reloading', async t => {
  const page = await openAs(browser, server, SARA, { path: '/wallboard' })
  await page.locator('[data-testid=age][data-old=false]').waitFor()
  await page.context().setOffline(true)
  const from = performance.now()
  await page.locator('[data-testid=age][data-old=true]').waitFor()
  t.ok(performance.now() - from < patient(4_500))
  t.match(await page.getByTestId('age').innerText(), /Old/)
  await page.context().setOffline(false)
  await page.locator('[data-testid=age][data-old=false]').waitFor()
  await page.context().close()
})

t.test('a supervisor sets somebody else’s status with a reason, which the audit log keeps', async t => {
  await using ana = await TestSoftphone.onShift(server, people.ana.token)
  const page = await openAs(browser, server, SARA, { path: '/wallboard' })
  await page.getByRole('button', { name: 'Ana Example' }).click()
  const set = page.getByRole('button', { name: 'Set', exact: true })
  await set.waitFor()
  t.equal(await set.isDisabled(), true, 'not without a reason')
  await page.getByTestId('agent-drawer').getByRole('textbox', { name: 'Reason' }).last().fill('Needed in the meeting')
  await set.click()
  await ana.until(state => state.status === 'onBreak')
  const { body } = await server.api('GET', '/audit-log?action=agent.statusForced')
  t.match(body.items?.[0], { detail: { reason: 'Needed in the meeting', to: 'onBreak' } })
  await page.context().close()
})

t.test('a supervisor listens, whispers and leaves, and the page says who hears whom', { timeout: 280_000 }, async t => {
  await using ana = await TestSoftphone.onShift(server, people.ana.token, { hz: 600 })
  await using caller = await ring()
  const offered = await ana.until(state => state.offer !== null)
  await ana.request('answer', { offerId: offered.offer?.id ?? '' })
  await ana.until(state => state.call?.mode === 'talking')
  const page = await openAs(browser, server, SARA, { path: '/wallboard' })
  await page.getByRole('button', { name: 'Ana Example' }).click()
  const panel = page.getByTestId('supervise')
  await panel.waitFor()
  t.equal(await panel.getByRole('button', { name: 'Listen' }).isDisabled(), true, 'not without a reason')
  await panel.getByRole('textbox', { name: 'Reason' }).fill('Training')
  await panel.getByRole('button', { name: 'Listen' }).click()
  await page.locator('[data-testid=supervise][data-mode=listen]').waitFor()
  t.match(await page.getByTestId('who-hears').innerText(), /Nobody hears you/)
  t.match((await ana.until(state => state.call?.supervisor != null)).call?.supervisor, { mode: 'listen' })
  await panel.getByRole('button', { name: /Whisper/ }).click()
  await page.locator('[data-testid=supervise][data-mode=whisper]').waitFor()
  t.match(await page.getByTestId('who-hears').innerText(), /Ana Example hears you, the customer does not/)
  t.match(await panel.innerText(), /you → Ana Example: heard/)
  t.match(await panel.innerText(), /you → customer: not heard/)
  await caller.audio.hears(600)
  if (isTakingPictures) await page.screenshot({ path: join(PICTURES, 'wallboard-whisper-light.png') })
  t.same(await axeFindings(page), [])
  await panel.getByRole('button', { name: 'Leave' }).click()
  await ana.until(state => state.call?.supervisor == null)
  const { body } = await server.api('GET', '/audit-log?action=call.whisper')
  t.match(body.items?.[0], { detail: { reason: 'Training' } })
  t.same(page.faults, [])
  await page.context().close()
})

for (const look of LOOKS)
  t.test(
    `a link shows the board on a wall without an account or names, ${look.name}`,
    { timeout: 280_000 },
    async t => {
      await using _ana = await TestSoftphone.onShift(server, people.ana.token)
      const page = await openAs(browser, server, SARA, { ...look, path: '/wallboard', width: 1280, height: 900 })
      await page.locator('[data-testid=agent-row][data-agent="Ana Example"]').waitFor()
      await page.getByTestId('share').click()
      const drawer = page.getByTestId('tv-links')
      await drawer.getByRole('textbox').fill(`Hall ${look.name}`)
      await drawer.locator('button[type=submit]').click()
      const link = await drawer.getByTestId('new-key').locator('code').innerText()
      t.same(await axeFindings(page), [])
      t.same(await page.evaluate(UNTRANSLATED), [])
      if (isTakingPictures) await page.screenshot({ path: join(PICTURES, `wallboard-links-${look.name}.png`) })

      const wall = await browser.open(link, { ...look, path: '', width: 1280, height: 900 })
      await wall.getByTestId('tv').waitFor()
      await wall.locator('[data-testid=queue-row][data-queue=support]').waitFor()
      t.notMatch(await wall.locator('body').innerText(), /Ana Example/)
      t.same(await axeFindings(wall), [])
      t.ok(await fitsWindow(wall))
      t.same(await wall.evaluate(UNTRANSLATED), [])
      if (isTakingPictures) await wall.screenshot({ path: join(PICTURES, `wallboard-tv-${look.name}.png`) })
      await using _caller = await ring()
      await wall.locator('[data-testid=tile-waiting]').filter({ hasText: /[1-9]/ }).waitFor()

      const row = drawer.getByTestId('tv-link').first()
      await row.getByRole('button').click()
      await row.getByRole('button').waitFor({ state: 'detached' })
      await wall.getByTestId('tv-withdrawn').waitFor()
      t.notOk(await wall.getByTestId('tv').isVisible(), 'what was withdrawn is gone from the wall')
      t.same(await axeFindings(wall), [])
      await wall.context().close()
      await page.context().close()
    }
  )

t.test('only the secret of an open link opens the wall, and it is kept nowhere', async t => {
  const made = await server.api('POST', '/wallboard/links', { name: 'Second floor' })
  t.equal(made.status, 201)
  const token = String(made.body['path']).replace('/tv#', '')
  const wall = (secret: string | null) =>
    fetch(`${server.url}/api/v1/wallboard/tv`, {
      headers: secret === null ? {} : { authorization: `Bearer ${secret}` }
    })
  const shown = await wall(token)
  t.equal(shown.status, 200)
  t.match(await shown.json(), { agents: [], total: { waiting: Number } })
  for (const secret of [null, 'tv_', `${token}x`, people.sara.token]) t.equal((await wall(secret)).status, 401)
  const agent = await server.api('POST', '/wallboard/links', { name: 'x' }, people.ana.token)
  t.match([agent.status, agent.body['code']], [403, 'FORBIDDEN'])
  const { body } = await server.api('GET', '/audit-log?action=wallboard-link.*')
  t.match(body.items?.[0], { action: 'wallboard-link.created', detail: { name: 'Second floor' } })
  t.notMatch(JSON.stringify(body), token)
  const stored = await server.parley.db.selectFrom('wallboard_links').selectAll().execute()
  t.notMatch(JSON.stringify(stored), token)
  t.equal((await server.api('DELETE', `/wallboard/links/${made.body['id']}`)).status, 204)
  t.equal((await server.api('DELETE', `/wallboard/links/${made.body['id']}`)).status, 404)
  t.equal((await wall(token)).status, 401)
})

t.test('an administrator reaches the wallboard by keyboard, opens an agent and closes again', async t => {
  await using ana = await TestSoftphone.onShift(server, people.ana.token)
  const page = await openAs(browser, server, { username: 'admin', password: ADMIN_PASSWORD }, { path: '/wallboard' })
  await page.getByTestId('agent-row').first().waitFor()
  await page.locator('[data-at="0"]').focus()
  await page.keyboard.press('Enter')
  await page.getByTestId('agent-drawer').waitFor()
  await page.keyboard.press('Escape')
  await page.getByTestId('agent-drawer').waitFor({ state: 'hidden' })
  t.equal(ana.state.status, 'available')
  await page.context().close()
})
