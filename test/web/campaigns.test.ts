import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { CampaignWorld } from '../campaigns/support.ts'
import { TestParley } from '../support/parley.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, TOO_WIDE } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const AUTHOR = { username: 'author', password: 'a password that is long enough' }
const APPROVER = { username: 'approver', password: 'a password that is long enough' }
/** Keys that were never translated look like `plan.title`. */
const UNTRANSLATED = String.raw`(document.querySelector('main').innerText.match(/\b(setup|plan|live|why|history|partOf|outcome|import|role|line|state|pacing|part|problem|statement|numbers|lists)\.[a-zA-Z]+\b/g) ?? [])`

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
t.teardown(() => carrier[Symbol.asyncDispose]())
const server = await TestParley.start({ hasDemoData: true })
t.teardown(() => server[Symbol.asyncDispose]())
const world = await CampaignWorld.open(server, carrier)
t.jobs = 1

let campaign = ''
let running = ''
let list = ''

t.test('a campaign manager brings a file and reads by line what is wrong with it', { timeout: 90_000 }, async t => {
  list = (await server.api('POST', '/contact-lists', { name: 'Autumn' }, world.author)).body['id'] as string
  const page = await openAs(browser, server, AUTHOR, { path: `/campaigns/lists/${list}` })
  await page.getByTestId('contact-list').waitFor()
  const csv = 'name,phone\nAnn,+12025550101\nBen,4.915E+11\nCem,+12025550103\nAnn again,+12025550101\n'
  await page
    .locator('input[type=file]')
    .setInputFiles({ name: 'autumn.csv', mimeType: 'text/csv', buffer: Buffer.from(csv) })
  const mapping = page.getByTestId('mapping')
  await mapping.waitFor()
  t.equal(await mapping.locator('thead select').nth(1).inputValue(), 'number', 'the column is recognised')
  await page.getByRole('button', { name: 'Import' }).click()
  const report = page.getByTestId('import-report')
  await report.getByText('Line 3:').waitFor()
  const text = await report.innerText()
  t.match(text, /4 lines: 2 new, 0 updated, 1 in the list already, 1 cannot be used/)
  t.match(text, /4\.915E\+11 was changed by a spreadsheet\. Save the column as text\./)
  t.same(page.faults, [])
  await page.context().close()
})

t.test('the dry run adds up, and only somebody else can agree', { timeout: 90_000 }, async t => {
  const consented = await world.list([
    ['Ann', '+12025550111'],
    ['Ben', '+12025550112'],
    ['Abroad', '+81312345678']
  ])
  campaign = await world.draft('agentless', {
    lists: [consented, list],
    flowId: 'campaign-message',
    schedule: { weekly: { daily: ['09:00-20:00'] } }
  })
  const page = await openAs(browser, server, AUTHOR, { path: `/campaigns/one/${campaign}/plan` })
  await page.getByRole('button', { name: 'Run dry now' }).click()
  const parts = page.getByTestId('parts')
  await parts.waitFor()
  const figure = async (part: string) =>
    Number((await parts.locator(`[data-part=${part}]`).innerText()).replace(/\D/g, ''))
  t.equal(await figure('total'), 5)
  const all = await parts.locator('[data-part]:not([data-part=total])').allInnerTexts()
  t.equal(
    all.reduce((sum, text) => sum + Number(text.replace(/\D/g, '')), 0),
    5,
    'the parts add up to the total'
  )
  t.equal(await figure('now'), 2)
  t.equal(await figure('hours'), 1, 'in Tokyo it is night')
  t.equal(await figure('consent'), 2, 'the file brought no consent')
  await page.getByRole('button', { name: 'Ask for agreement' }).click()
  await page.getByText('Somebody else than the author must agree.').waitFor()
  t.ok(await page.getByRole('button', { name: 'I agree to exactly this' }).isDisabled())
  const other = await openAs(browser, server, APPROVER, { path: `/campaigns/one/${campaign}/plan` })
  await other.getByRole('button', { name: 'I agree to exactly this' }).click()
  await other.getByRole('button', { name: 'Start' }).waitFor()
  t.same([...page.faults, ...other.faults], [])
  await page.context().close()
  await other.context().close()
})

t.test('the live view says in a sentence why nothing is dialled, within two seconds', { timeout: 90_000 }, async t => {
  const queue = await server.api('POST', '/queues', { name: 'outbound', isAutoAnswered: true })
  const people = await world.list([['Dora', '+12025550121']])
  running = await world.start('progressive', { lists: [people], queue: queue.body['id'] as string })
  const page = await openAs(browser, server, AUTHOR, { path: `/campaigns/one/${running}/live` })
  await page.getByText(/Nothing is dialled: no agent is ready/).waitFor({ timeout: 15_000 })
  await page.getByRole('button', { name: 'Pause' }).click()
  const pausedAtMs = performance.now()
  await page.getByText(/^Paused\./).waitFor()
  t.comment(`said after ${Math.round(performance.now() - pausedAtMs)} ms`)
  t.match(await page.getByTestId('window').first().innerText(), /of at most 3%.*30 days/)
  t.same(page.faults, [])
  await page.context().close()
})

for (const look of LOOKS)
  t.test(`campaigns are whole and accessible, ${look.name}`, { timeout: 120_000 }, async t => {
    for (const [name, path] of [
      ['list', '/campaigns/all'],
      ['setup', `/campaigns/one/${campaign}/setup`],
      ['plan', `/campaigns/one/${campaign}/plan`],
      ['live', `/campaigns/one/${running}/live`],
      ['import', `/campaigns/lists/${list}`]
    ] as const) {
      const page = await openAs(browser, server, AUTHOR, { ...look, path, width: 1280, height: 1000 })
      await page.getByTestId('campaigns').waitFor()
      await page.locator('main table, main form, main dl, main [data-testid=import-report]').first().waitFor()
      t.same(await axeFindings(page), [], name)
      t.equal(await page.evaluate(TOO_WIDE), false, name)
      t.same(await page.evaluate(UNTRANSLATED), [], name)
      t.same(page.faults, [], name)
      if (isTakingPictures) {
        await mkdir(PICTURES, { recursive: true })
        await page.screenshot({ path: join(PICTURES, `campaigns-${name}-${look.name}.png`) })
      }
      await page.context().close()
    }
  })
