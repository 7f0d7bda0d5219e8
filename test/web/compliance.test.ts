import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { dayRows } from '../../web/src/compliance/day-bars.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const ADMIN = { username: 'admin', password: ADMIN_PASSWORD }
/** Connecticut: calls from 9 to 20 h, written consent needed. */
const NUMBER = '+18605550123'
const HOUR_MS = 3_600_000

t.test(
  'a local day of the bars has 23 or 25 hours where the clock changes, and open times lie where they belong',
  async t => {
    const spans = [
      { from: '2026-03-29T07:00:00Z', to: '2026-03-29T18:00:00Z' },
      { from: '2026-03-30T07:00:00Z', to: '2026-03-30T18:00:00Z' }
    ]
    const rows = dayRows(spans, 'Europe/Berlin', new Date('2026-03-29T12:00:00Z'), 2)
    t.match(rows[0], { date: '2026-03-29', minutes: 23 * 60, open: [{ from: 8 * 60, to: 19 * 60 }] })
    t.match(rows[1], { date: '2026-03-30', minutes: 24 * 60, open: [{ from: 9 * 60, to: 20 * 60 }] })
    const autumn = dayRows([], 'America/New_York', new Date('2026-11-01T12:00:00Z'), 1)
    t.match(autumn, [{ date: '2026-11-01', minutes: 25 * 60, open: [] }])
  }
)

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
/** Seconds by which the clock of machine and database was set. */
let setBy = 0
const setClock = () => new Date(Date.now() + setBy * 1_000)
const server = await TestParley.start({
  hasDemoData: true,
  clocks: { wall: setClock, steady: () => performance.now(), database: async () => setClock() }
})
t.teardown(() => server[Symbol.asyncDispose]())
const people = await signInPeople(server, ['sara'])
t.jobs = 1

const consent = await server.api('POST', '/consents', {
  number: NUMBER,
  seller: 'Example Trading',
  grade: 'written_signed',
  at: '2026-10-01T12:00:00Z',
  evidence: { method: 'web', textVersion: '1', references: ['form 1'], personal: { ip: '192.0.2.1' } }
})
if (consent.status !== 201) throw new Error(JSON.stringify(consent.body))
const decided = await server.api('POST', '/compliance/decide', {
  call: { number: '+14155550123', mode: 'human_manual', purpose: 'marketing', at: '2026-11-24T18:00:00Z' },
  record: {}
})
const decisionId = decided.body['id'] as string

const SCREENS = [
  { name: 'when', path: '/compliance/when', ready: '[data-testid=when]' },
  { name: 'decisions', path: '/compliance/decisions', ready: '[data-testid=decisions] tbody th' },
  {
    name: 'decision',
    path: `/compliance/decisions/${decisionId}`,
    ready: '[data-testid=decision] [data-testid=replay]'
  },
  { name: 'packs', path: '/compliance/packs', ready: '[data-testid=packs] tbody th' },
  { name: 'pack', path: '/compliance/packs/fr', ready: '[data-testid=pack] h3' },
  { name: 'lists', path: '/compliance/lists', ready: '[data-testid=lists]' },
  { name: 'consents', path: '/compliance/consents', ready: '[data-testid=consents]' },
  { name: 'exceptions', path: '/compliance/exceptions', ready: '[data-testid=exceptions]' },
  { name: 'report', path: '/compliance/report', ready: '[data-testid=report]' }
] as const

const UNTRANSLATED = String.raw`(document.querySelector('main').innerText.match(/\b(tab|layer|grade|status|purpose|mode|party|when|bars|decision|decisions|chain|packs|compare|lists|import|consents|consentGrade|consentKind|method|exceptions|report)\.[a-zA-Z]\w+\b/g) ?? []).filter(one => !/^(fr|us|core)\./.test(one))`

for (const look of LOOKS)
  t.test(`every page of compliance is whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    const page = await openAs(browser, server, ADMIN, { ...look, path: '/compliance', width: 1280, height: 1000 })
    for (const screen of SCREENS) {
      await page.goto(server.url + screen.path)
      await page.locator(screen.ready).first().waitFor()
      if (screen.name === 'when') {
        await page.getByPlaceholder('+12025550123').fill(NUMBER)
        await page.locator('[data-testid=when] button[type=submit]').click()
        await page.locator('[data-date]').nth(13).waitFor()
      }
      t.same(await axeFindings(page), [], screen.name)
      t.ok(await fitsWindow(page), screen.name)
      t.same(await page.evaluate(UNTRANSLATED), [], screen.name)
      if (isTakingPictures && ['when', 'decision', 'packs'].includes(screen.name)) {
        await mkdir(PICTURES, { recursive: true })
        await page.screenshot({ path: join(PICTURES, `compliance-${screen.name}-${look.name}.png`) })
      }
    }
    t.same(page.faults, [])
    await page.context().close()
  })

t.test(
  'after clocks were set, the page says that nobody is called, until somebody says that the time is right',
  async t => {
    setBy = 4_000
    for (const look of LOOKS) {
      const page = await openAs(browser, server, ADMIN, { ...look, path: '/compliance', width: 1280, height: 1000 })
      const doubt = page.getByTestId('clock-doubt')
      await doubt.waitFor()
      t.same(await axeFindings(page), [], look.name)
      t.ok(await fitsWindow(page), look.name)
      if (look.name === 'arabic') {
        await doubt.getByRole('button').click()
        await doubt.waitFor({ state: 'detached' })
      }
      t.same(page.faults, [])
      await page.context().close()
    }
    t.match((await server.api('GET', '/compliance/clock')).body, { doubt: null })
  }
)

t.test('the bars say minute by minute what a decision says, over a clock change', { timeout: 280_000 }, async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/compliance/when' })
  await page.getByPlaceholder('+12025550123').fill(NUMBER)
  await page.getByRole('button', { name: 'Ask' }).click()
  await page.locator('[data-date]').nth(13).waitFor()
  t.match(await page.getByTestId('verdict').innerText(), /US-CT/)
  const dates = await page.evaluate<string[]>(
    "[...document.querySelectorAll('[data-date]')].map(row => row.dataset.date)"
  )
  t.equal(new Set(dates).size, 14)
  await page.context().close()

  const call = { number: NUMBER, mode: 'human_manual', purpose: 'marketing', party: 'unknown' }
  const at = '2027-03-13T00:00:00Z'
  const { body } = await server.api('POST', '/compliance/timeline', { call: { ...call, at }, days: 3 })
  const spans = body['spans'] as { from: string; to: string }[]
  const isOpen = (ms: number) => spans.some(span => Date.parse(span.from) <= ms && ms < Date.parse(span.to))
  for (let ms = Date.parse(at); ms < Date.parse(at) + 72 * HOUR_MS; ms += HOUR_MS / 2) {
    const one = await server.api('POST', '/compliance/decide', { call: { ...call, at: new Date(ms).toISOString() } })
    const { reasons } = one.body['decision'] as { reasons: string[] }
    const isClosed = reasons.some(reason => /HOURS|DAY|HOLIDAY/.test(reason))
    t.equal(isOpen(ms), !isClosed, new Date(ms).toISOString())
  }
})

t.test('a registry is imported with progress and a report, and a broken file leaves the list as it was', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/compliance/lists' })
  await page.getByText('Add a list').first().click()
  await page.getByRole('textbox', { name: 'List' }).fill('National registry')
  await page.getByRole('textbox', { name: 'Registry' }).fill('us-dnc')
  await page.getByRole('combobox', { name: 'Format' }).selectOption('ftc')
  await page.getByRole('button', { name: 'Add a list' }).click()
  await page.getByRole('link', { name: 'National registry' }).click()
  const lines = Array.from({ length: 20_000 }, (_, index) => `415,${String(5_550_000 + index).padStart(7, '0')}\n`)
  await page.locator('input[type=file]').setInputFiles({
    name: 'dnc-415.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from(lines.join(''))
  })
  await page.getByText('415,5550000').waitFor()
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByTestId('import-report').waitFor()
  t.match(await page.getByTestId('import-report').innerText(), /Version 1 is in force.*20,000 lines read/s)
  // The head of the page is read anew after the report.
  await page.getByTestId('list').getByText('20,000 numbers, 0 days old').waitFor()

  await page.locator('input[type=file]').setInputFiles({
    name: 'broken.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('415,5550000\nnot a number\n<html>\n')
  })
  await page.getByText('not a number').waitFor()
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await page.getByTestId('problem').waitFor()
  t.match(await page.getByTestId('import').innerText(), /The list before stays in force.*line 2/s)
  t.match(await page.getByTestId('list').innerText(), /Version 1 is in force: 20,000 numbers/)
  await page.context().close()
})

t.test('a consent is found with its proof and withdrawn in one step', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/compliance/consents' })
  await page.getByPlaceholder('+12025550123').fill(NUMBER)
  await page.getByRole('button', { name: 'Find', exact: true }).click()
  await page.getByTestId('consent-now').getByText('written and signed').waitFor()
  await page.getByText('Personal part of the proof: ip: 192.0.2.1').waitFor()
  await page.getByRole('definition').filter({ hasText: 'form 1' }).waitFor()
  await page.getByRole('button', { name: 'Withdraw' }).click()
  await page.getByTestId('consent-now').getByText('The consent was withdrawn').waitFor()
  t.match((await server.api('POST', '/consents/search', { number: NUMBER })).body, { now: { revokedAt: String } })

  await page.getByText('Record a consent').first().click()
  await page.getByLabel('In whose name').fill('Example Trading')
  await page.getByLabel('Reference of the proof').fill('contract 7')
  await page.getByRole('button', { name: 'Record a consent' }).click()
  await page.getByRole('definition').filter({ hasText: 'contract 7' }).waitFor()
  t.match((await server.api('POST', '/consents/search', { number: NUMBER })).body, {
    events: [{}, {}, { kind: 'grant', hasEvidence: true }]
  })
  await page.context().close()
})

t.test('"Stop calls" is in force at once and can be taken back', async t => {
  const number = '+12125550177'
  const page = await openAs(browser, server, ADMIN, { path: '/compliance/when' })
  await page.getByPlaceholder('+12025550123').fill(number)
  await page.getByRole('button', { name: 'Ask' }).click()
  await page.getByRole('button', { name: 'Stop calls to this number' }).click()
  await page.getByTestId('verdict').getByText('The person has told us to stop calling.').waitFor()
  const reasons = async () =>
    (
      (await server.api('POST', '/compliance/decide', { call: { number, mode: 'human_manual', purpose: 'marketing' } }))
        .body['decision'] as { reasons: string[] }
    ).reasons
  t.ok((await reasons()).includes('DNC_INTERNAL'))
  await page.getByRole('button', { name: 'Undo' }).click()
  await page.getByText('The number may be called again.').first().waitFor()
  t.notOk((await reasons()).includes('DNC_INTERNAL'))
  await page.context().close()
})

t.test('a candidate pack shows what it would change, and does not come into force', async t => {
  const { body } = await server.api('GET', '/compliance/packs/us-ct')
  const text = String(body['text'])
  t.match(text, '20:00')
  const page = await openAs(browser, server, ADMIN, { path: '/compliance/packs' })
  await page.locator('[data-testid=compare] input[type=file]').setInputFiles({
    name: 'us-ct.yaml',
    mimeType: 'text/yaml',
    buffer: Buffer.from(text.replace(/^version: .*$/m, 'version: 2026.12.1'))
  })
  await page.getByTestId('compare').getByText('Pack changed').waitFor()
  t.match(await page.getByTestId('compare').innerText(), /version.*2026\.12\.1.*stored call was decided again/s)
  t.equal((await server.api('GET', '/compliance/packs/us-ct')).body['text'], text)
  await page.context().close()
})

t.test('an override needs the second person, and a law cannot be overridden', async t => {
  const until = new Date(Date.now() + 7 * 24 * HOUR_MS).toISOString()
  const refused = await server.api('POST', '/compliance/overrides', {
    rules: ['us-ct.hours'],
    reason: 'because we would like to',
    expiresAt: until
  })
  t.not(refused.status, 201)
  const page = await openAs(browser, server, ADMIN, { path: '/compliance/exceptions' })
  const { body } = await server.api('GET', '/compliance/packs/house-quiet-hours')
  const rule = (body['pack'] as { rules: { id: string }[] }).rules[0]!.id
  await page.getByText('Sign an override').first().click()
  await page.getByRole('textbox', { name: 'Rules' }).fill(rule)
  await page.getByRole('textbox', { name: 'Reason' }).fill('A recall of a dangerous product')
  await page.getByRole('button', { name: 'Sign an override' }).click()
  await page.getByText('One signature, not in force').waitFor()
  await page.getByRole('button', { name: 'Sign as the second person' }).click()
  await page.getByTestId('problem').waitFor()
  const { body: list } = await server.api('GET', '/compliance/overrides')
  const id = (list.items as { id: string }[])[0]!.id
  t.equal(
    (await server.api('POST', `/compliance/overrides/${id}/countersign`, undefined, people.sara.token)).status,
    204
  )
  await page.reload()
  await page.getByText('In force', { exact: true }).waitFor()
  await page.context().close()
})
