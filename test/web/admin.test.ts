import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { fromLines, toLines } from '../../web/src/admin/hours.ts'
import { type MatrixAgent, type MatrixColumn, pasteBlock, skillsAfter, toCell } from '../../web/src/admin/matrix.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow, UNTRANSLATED } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const ADMIN = { username: 'admin', password: ADMIN_PASSWORD }

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start({ hasDemoData: true })
t.teardown(() => server[Symbol.asyncDispose]())
const people = await signInPeople(server, ['ana', 'sara'])
const queues = (await server.api('GET', '/queues')).body.items as { id: string; name: string }[]
const support = queues.find(queue => queue.name === 'support')!
/** In the order of the tabs; trunks begin empty. */
const PAGES = ['queues', 'users', 'skills', 'numbers', 'outcomes', 'reasons', `queues/${support.id}`, 'audit-log']
t.jobs = 1

for (const look of LOOKS)
  t.test(`every page of the administration is whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    await using ana = await TestSoftphone.onShift(server, people.ana.token)
    const page = await openAs(browser, server, ADMIN, { ...look, path: '/admin', width: 1280, height: 900 })
    await page.getByTestId('admin').waitFor()
    const paths = look.name === 'dark' ? [`queues/${support.id}`, 'skills'] : PAGES
    for (const path of paths.map(one => (one === 'audit-log' ? '/audit-log' : `/admin/${one}`))) {
      const tab = page.locator(`main nav a[href="${path}"]`)
      if ((await tab.count()) > 0) await tab.click()
      else await page.goto(server.url + path)
      await page.locator('main tbody th, main [data-testid=reach], main [data-testid=audit] tbody td').first().waitFor()
      t.same(await axeFindings(page), [], path)
      t.ok(await fitsWindow(page), path)
      t.same(await page.evaluate(UNTRANSLATED), [], path)
      const name = path.endsWith(support.id) ? 'queue' : path.replace('/admin/', '')
      if (isTakingPictures && /queue$|skills/.test(name)) {
        await mkdir(PICTURES, { recursive: true })
        await page.screenshot({ path: join(PICTURES, `admin-${name}-${look.name}.png`) })
      }
    }
    t.same(page.faults, [])
    await page.context().close()
    t.equal(ana.state.status, 'available')
  })

t.test('"Try" names the agent whom distribution picks', async t => {
  await using ana = await TestSoftphone.onShift(server, people.ana.token)
  const page = await openAs(browser, server, ADMIN, { path: `/admin/queues/${support.id}` })
  await page.getByTestId('try').getByRole('button', { name: 'Try' }).click()
  await page.getByText('Picked: Ana Example').waitFor()
  t.match(await page.getByTestId('reach').innerText(), /Ana Example/)
  t.equal(ana.state.status, 'available')
  await page.context().close()
})

t.test('a change shows before and after, and what somebody else changed meanwhile is compared', async t => {
  const page = await openAs(browser, server, ADMIN, { path: `/admin/queues/${support.id}` })
  const field = page.getByRole('textbox', { name: 'Goal (%)' })
  await field.fill('91')
  await page.getByTestId('changes').waitFor()
  t.match(await page.getByTestId('changes').innerText(), /Goal.*91/s)
  await server.api('PATCH', `/queues/${support.id}`, { priority: 7 })
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByTestId('conflict').waitFor()
  t.match(await page.getByTestId('conflict').innerText(), /Priority/)
  await page.getByRole('button', { name: 'Put my changes on top' }).click()
  await page.getByRole('button', { name: 'Save', exact: true }).click()
  await page.getByText('Saved.').first().waitFor()
  t.match((await server.api('GET', `/queues/${support.id}`)).body, { goalPercent: 91, priority: 7 })
  await page.context().close()
})

t.test('what is typed survives a reload of the page', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/admin/users?new' })
  await page.getByRole('textbox', { name: 'Shown as' }).fill('Nora Example')
  await page.reload()
  await page.getByTestId('restored').waitFor()
  t.equal(await page.getByRole('textbox', { name: 'Shown as' }).inputValue(), 'Nora Example')
  await page.context().close()
})

t.test('a queue that a flow uses is not removed, and the reason is said in words', async t => {
  const used = queues.find(queue => queue.name === 'first-minute') ?? support
  const page = await openAs(browser, server, ADMIN, { path: `/admin/queues/${used.id}` })
  await page.getByRole('button', { name: 'Remove...' }).click()
  await page.getByRole('button', { name: 'Remove', exact: true }).click()
  await page.getByText(/used by flow/).waitFor()
  t.equal((await server.api('GET', `/queues/${used.id}`)).status, 200)
  await page.context().close()
})

t.test('the key of a program is shown once and works', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/admin/keys' })
  await page.getByRole('textbox', { name: 'What it is for' }).fill('Sync')
  await page.getByRole('button', { name: 'Create a key' }).click()
  const key = await page.getByTestId('new-key').locator('code').innerText()
  t.equal((await server.api('GET', '/queues', undefined, key)).status, 200)
  await page.reload()
  await page.getByText('Sync').waitFor()
  t.notMatch(await page.locator('main').innerText(), new RegExp(key))
  await page.context().close()
})

t.test('skills are typed and moved through by arrow keys, and hold when they are saved', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/admin/skills' })
  const cell = page.getByRole('textbox', { name: 'Ana Example, support' })
  await cell.fill('5')
  await cell.press('ArrowRight')
  await page.locator('[aria-label="Ana Example, English"]:focus').waitFor()
  await page.getByRole('button', { name: 'Save 1 agent' }).click()
  await page.getByText('Saved.').first().waitFor()
  const levelOf = async () => {
    const { body } = await server.api('GET', `/agents/${people.ana.id}`)
    return (body['skills'] as { skill: string; level: number }[]).find(one => one.skill === 'support')?.level
  }
  // The notice may come before the server's picture of its agents is read anew.
  const limit = AbortSignal.timeout(5_000)
  while ((await levelOf()) !== 5) limit.throwIfAborted()
  t.equal(await levelOf(), 5)
  await page.context().close()
})

t.test('a supervisor may look at queues, and is told why not to change them', async t => {
  const sara = { username: 'sara', password: people.sara.password }
  const page = await openAs(browser, server, sara, { path: `/admin/queues/${support.id}` })
  await page.getByText('Your role may look, not change.').first().waitFor()
  t.equal(await page.getByRole('button', { name: 'Save', exact: true }).isDisabled(), true)
  await page.context().close()
})

t.test('a block of a spreadsheet is taken cell by cell, and texts that are no levels are named', async t => {
  const agents: MatrixAgent[] = [
    { id: 'a', name: 'Ana', skills: [{ skill: 'sales', level: 1 }], languages: [] },
    { id: 'b', name: 'Ben', skills: [], languages: [{ language: 'de', level: 'B2' }] }
  ]
  const columns: MatrixColumn[] = [
    { kind: 'skill', name: 'sales' },
    { kind: 'language', name: 'de' }
  ]
  const { edits, wrong } = pasteBlock({}, '3\tc1\r\n9\tb2\r\n', agents, columns, { row: 0, column: 0 })
  t.same(edits, { a: { 'skill sales': '3', 'language de': 'C1' } })
  t.same(wrong, ['9'])
  t.same(skillsAfter(agents[0]!, columns, edits), [{ skill: 'sales', level: 3 }])
  t.equal(toCell(columns[0]!, '０'), '', 'full-width nought of an input method')
})

t.test('opening hours are read from lines and written back', async t => {
  const week = { 'mon-fri': ['09:00-12:00', '13:00-24:00'], sat: ['22:00-02:00'] }
  t.same(fromLines(toLines(week)), week)
  t.equal(fromLines('mon 9-5'), null)
  t.equal(fromLines('mon 09:00-17:00\nmon 18:00-19:00'), null, 'a day given twice')
})
