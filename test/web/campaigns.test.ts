import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { sql } from 'kysely'
import t from 'tap'
import { CampaignWorld } from '../campaigns/support.ts'
import { type RtpPeer, startRtpPeer } from '../support/rtp-peer.ts'
import { signInPeople } from '../support/people.ts'
import { ADMIN_PASSWORD, LAWFUL_NOW, TestParley } from '../support/parley.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow } from './support/signed-in.ts'

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
/** Until when a call stands still after its answer, by number. */
const held = new Map<string, Promise<void>>()
const server = await TestParley.start({
  hasDemoData: true,
  campaignStep: async (step, lead) => {
    if (step === 'answered') await held.get(lead.number)
  }
})
t.teardown(() => server[Symbol.asyncDispose]())
const world = await CampaignWorld.open(server, carrier)
const { sara } = await signInPeople(server, ['sara'])
t.jobs = 1

let campaign = ''
let audited = ''
let promised = ''
let segmented = ''
let running = ''
let busy = ''
let list = ''

t.test('a campaign manager brings a file and reads by line what is wrong with it', { timeout: 280_000 }, async t => {
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

t.test('the dry run adds up, and only somebody else can agree', { timeout: 280_000 }, async t => {
  const consented = await world.list([
    ['Ann', '+12025550111'],
    ['Ben', '+12025550112'],
    ['Abroad', '+81312345678']
  ])
  campaign = await world.draft('agentless', {
    lists: [consented, list],
    flowId: 'campaign-message',
    schedule: { weekly: { daily: ['09:00-20:00'] } },
    amd: { isOn: true, onMachine: 'message', settings: { machineGreetingMs: 3_200 } },
    retries: { noAnswer: { times: 2, gapMinutes: 240, nextNumber: true } }
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

t.test('the live view says in a sentence why nothing is dialled, within two seconds', { timeout: 280_000 }, async t => {
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

t.test('calls a second with a carrier are set by whoever runs the trunks', { timeout: 280_000 }, async t => {
  const admin = { username: 'admin', password: ADMIN_PASSWORD }
  const page = await openAs(browser, server, admin, { path: '/campaigns/carriers' })
  await page.getByLabel('Calls a second with Example Carrier').fill('40')
  await page.getByRole('button', { name: 'Save for Example Carrier' }).click()
  await untilTrue(async () =>
    JSON.stringify((await server.api('GET', '/carrier-limits')).body).includes('"maxCallsPerSecond":40')
  )
  const field = page.getByLabel('Calls a second with Example Carrier')
  t.ok(((await field.boundingBox())?.width ?? 0) > 90, 'the figure is seen whole')
  t.same(page.faults, [])
  await page.context().close()
})

t.test('who is meant and who goes first is set by fields of the lists', { timeout: 280_000 }, async t => {
  const change = {
    segment: { languages: ['en'], custom: { city: ['Bonn'] } },
    first: [{ field: 'value', value: 'gold', priority: 1 }]
  }
  segmented = await world.draft('agentless', change)
  const schedule = { weekly: { daily: ['09:00-20:00'], 'tue-thu': ['07:00-08:00'] } }
  const id = await world.draft('agentless', { ...change, schedule })
  const page = await openAs(browser, server, AUTHOR, { path: `/campaigns/one/${id}/setup` })
  t.equal(await page.getByLabel('Every day').inputValue(), '09:00-20:00', 'hours that the API has set')
  t.equal(await page.getByLabel('Tuesday to Thursday').inputValue(), '07:00-08:00')
  t.equal(await page.getByLabel('Saturday').count(), 0, 'no empty line for a day that has hours')
  const cities = page.getByLabel('Values, one a line, line 1')
  t.equal(await cities.inputValue(), 'Bonn')
  await cities.fill('Bonn\nAachen')
  await page.getByRole('button', { name: 'Add a line', exact: true }).click()
  await page.getByLabel('Field, line 2').first().fill('half written')
  t.equal(await page.getByLabel('Priority, line 1').inputValue(), '1')
  await page.getByRole('button', { name: 'Add a line to the order' }).click()
  await page.getByLabel('Field, line 2').last().fill('value')
  await page.getByLabel('Value, line 2').fill('silver')
  await page.getByLabel('Priority, line 2').fill('2')
  await page.getByLabel(/^Record calls from their answer/).check()
  await page.getByLabel('Tell people from answering machines').check()
  await page.getByLabel('After so many seconds of quiet somebody waits').fill('0.9')
  await page.getByLabel('Rings for so many seconds').fill('40')
  await page.getByLabel('Calls begun in a second, at most').fill('7')
  await page.getByLabel('Other number first: No answer').check()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The campaign is saved.').first().waitFor()
  const saved = async () => (await world.call('GET', `/campaigns/${id}`, undefined, 200))['settings']
  t.match(await saved(), {
    segment: { languages: ['en'], custom: { city: ['Bonn', 'Aachen'] } },
    first: [
      { field: 'value', value: 'gold', priority: 1 },
      { field: 'value', value: 'silver', priority: 2 }
    ],
    recordsNotices: true,
    amd: { isOn: true, settings: { afterGreetingMs: 900 } },
    ringMs: 40_000,
    maxCallsPerSecond: 7,
    retries: { noAnswer: { nextNumber: true } }
  })
  await page.getByLabel('After so many seconds of quiet somebody waits').fill('')
  await page.getByRole('button', { name: 'Remove, line 1' }).first().click()
  await page.getByRole('button', { name: 'Save' }).click()
  await page.getByText('The campaign is saved.').first().waitFor()
  await untilTrue(async () => !('custom' in ((await saved()) as { segment: object }).segment))
  t.notOk('settings' in ((await saved()) as { amd: object }).amd, 'as is known of the country')
  t.same(page.faults, [])
  await page.context().close()
})

t.test('an auditor opens the recording at the second of the statement', { timeout: 280_000 }, async t => {
  const number = '+12025550131'
  const goesOn = Promise.withResolvers<void>()
  held.set(number, goesOn.promise)
  const people = await world.list([
    ['Eve', number],
    ['Finn', '+12025550132'],
    ['Gina', '+12155550133']
  ])
  audited = await world.start('agentless', { lists: [people], flowId: 'campaign-message', recordsNotices: true })
  const ears: RtpPeer[] = []
  t.teardown(() => Promise.all(ears.map(one => one[Symbol.asyncDispose]())))
  const leftAlone = Array.from({ length: 3 }, async () => {
    const incoming = await carrier.nextInvite()
    if (incoming.invite.uri?.includes('+12025550132') === true) {
      incoming.reject(486, 'Busy Here')
      return
    }
    const ear = await startRtpPeer()
    ears.push(ear)
    ear.connect(incoming.sdp).sendSilence()
    await incoming.answer(ear.sdp())
    await incoming.waitForBye(60_000)
  })
  const path = `/campaigns/one/${audited}/history`
  const page = await openAs(browser, server, { username: 'sara', password: sara.password }, { path })
  await page.getByTestId('history').getByText('Under way').first().waitFor()
  goesOn.resolve()
  await Promise.all(leftAlone)
  const link = page.getByRole('link', { name: 'Hear it' })
  await link.waitFor({ timeout: 280_000 })
  const atMs = Number(/t=(\d+)$/.exec((await link.getAttribute('href')) ?? '')?.[1])
  t.ok(atMs >= 500, `not at the very beginning: ${atMs} ms`)
  const other = await openAs(browser, server, AUTHOR, { path })
  await other.getByText('It is recorded; you may not hear recordings.').waitFor()
  t.equal(await other.getByRole('link', { name: 'Hear it' }).count(), 0)
  await page.getByText('Nobody answered').waitFor()
  await page.getByText('Not recorded: nobody was asked for leave.').waitFor()
  // Three were called on Tuesday at noon, and two have answered.
  await other.getByRole('link', { name: 'Best times' }).click()
  const best = other.getByTestId('times').getByRole('row', { name: /^Tue/ })
  t.match(await best.innerText(), /66\.7%/, 'the hour at which people answer')
  await link.click()
  await page.getByTestId('player').waitFor()
  await untilTrue(
    async () => (await page.getByRole('slider').getAttribute('aria-valuenow')) === String(Math.round(atMs / 1_000))
  )
  await page.goBack()
  await page.getByRole('link', { name: 'Why it was (not) called' }).first().click()
  const facts = await page.getByTestId('chief-facts').innerText()
  t.match(facts, /Consent\s+written and signed, .*2026/)
  t.match(facts, /Number shown\s+.*12025550100.*, right to use proved/)
  t.same([...page.faults, ...other.faults], [])
  await page.context().close()
  await other.context().close()
})

t.test('promised calls come page by page, the next one first', { timeout: 280_000 }, async t => {
  const people = await world.list(
    Array.from({ length: 52 }, (_, index) => [`Person ${100 + index}`, `+120255503${String(index).padStart(2, '0')}`])
  )
  const queue = await server.api('POST', '/queues', { name: 'promises', isAutoAnswered: true })
  promised = await world.start('progressive', { lists: [people], queue: queue.body['id'] as string })
  await world.untilWhy(promised, 'noAgents')
  // Two are promised for the same instant.
  await sql`update campaign_leads set callback_at = ${LAWFUL_NOW}::timestamptz + ((contact_id / 2) || ' minutes')::interval,
    callback_agent_id = ${world.agents.ana.id}, callback_note = 'has a question about the bill'
    where campaign_no = (select no from campaigns where id = ${promised})`.execute(server.parley.db)
  const seen: { contactId: string; at: string }[] = []
  let cursor: unknown = ''
  while (cursor !== null) {
    const more = cursor === '' ? '' : `&cursor=${cursor}`
    const found = await world.call('GET', `/campaigns/${promised}/promises?limit=20${more}`, undefined, 200)
    seen.push(...(found['items'] as typeof seen))
    cursor = found['nextCursor']
  }
  t.equal(new Set(seen.map(one => one.contactId)).size, 52, 'everybody once')
  t.same(
    seen,
    seen.toSorted((one, other) => one.at.localeCompare(other.at))
  )
  const page = await openAs(browser, server, AUTHOR, { path: `/campaigns/one/${promised}/promises` })
  const rows = page.getByTestId('promises').locator('tbody tr')
  await rows.first().waitFor()
  t.equal(await rows.count(), 50)
  await page.getByRole('button', { name: 'Show more' }).click()
  await untilTrue(async () => (await rows.count()) === 52)
  t.equal(await page.getByRole('button', { name: 'Show more' }).count(), 0)
  t.same(page.faults, [])
  await page.context().close()
})

t.test('the live view shows what rings, who waits where, and when it will be over', { timeout: 280_000 }, async t => {
  const people = await world.list([
    ['Hedi', '+12025550141'],
    ['Ida', '+12025550142'],
    ['Night', '+81312345678']
  ])
  busy = await world.start('agentless', {
    lists: [people],
    flowId: 'campaign-message',
    maxLines: 1,
    ringMs: 60_000,
    schedule: { weekly: { daily: ['09:00-20:00'] } }
  })
  const incoming = await carrier.nextInvite()
  incoming.ring()
  const page = await openAs(browser, server, AUTHOR, { path: `/campaigns/one/${busy}/live` })
  await page.getByTestId('live').waitFor()
  const figure = async (name: string) => await page.locator(`[data-figure=${name}]`).innerText()
  await untilTrue(async () => (await figure('ringing')) === '1')
  t.equal(await figure('dialling'), '0')
  t.match(await page.getByTestId('forecast').innerText(), /^At this pace it ends between Nov 2\d, 2026/)
  const places = page.getByTestId('places')
  t.match(await places.getByRole('row', { name: /Asia\/Tokyo/ }).innerText(), /from Nov 2[45], 2026/)
  t.match(await places.getByRole('row', { name: /America\/New_York/ }).innerText(), /1\s+1\s+now/)
  t.equal(await page.getByRole('meter').count(), 1)
  // As a decision writes it that the limit of attempts is reached for today.
  await sql`update campaign_leads set reasons = '{FREQ_EXCEEDED}', next_at = ${new Date(LAWFUL_NOW.getTime() + 7_200_000)}
    where state = 'waiting' and campaign_no = (select no from campaigns where id = ${busy})
      and contact_id = (select contact_id from contact_numbers where number = '+12025550142' limit 1)`.execute(
    server.parley.db
  )
  await page.getByTestId('put-off').waitFor()
  t.match(await page.getByTestId('put-off').innerText(), /^1 · .+ Next at Nov 24, 2026/)
  t.same(page.faults, [])
  await page.context().close()
})

for (const look of LOOKS)
  t.test(`campaigns are whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    const window = { width: 1_280, height: 1_000 }
    const open = (who: typeof AUTHOR, path: string) => openAs(browser, server, who, { ...look, ...window, path })
    const [author, auditor, admin] = await Promise.all([
      open(AUTHOR, '/campaigns/all'),
      open({ username: 'sara', password: sara.password }, '/campaigns/all'),
      open({ username: 'admin', password: ADMIN_PASSWORD }, '/campaigns/all')
    ])
    for (const [name, path] of [
      ['list', '/campaigns/all'],
      ['setup', `/campaigns/one/${campaign}/setup`],
      ['people', `/campaigns/one/${segmented}/setup`],
      ['plan', `/campaigns/one/${campaign}/plan`],
      ['live', `/campaigns/one/${busy}/live`],
      ['audit', `/campaigns/one/${audited}/history`],
      ['promises', `/campaigns/one/${promised}/promises`],
      ['times', `/campaigns/one/${audited}/times`],
      ['import', `/campaigns/lists/${list}`],
      ['carriers', '/campaigns/carriers']
    ] as const) {
      const page = name === 'audit' ? auditor : name === 'carriers' ? admin : author
      await page.setViewportSize(window)
      await page.goto(new URL(path, server.url).href)
      await page.getByTestId('campaigns').waitFor()
      await page.locator('main table, main form, main dl, main [data-testid=import-report]').first().waitFor()
      t.same(await axeFindings(page), [], name)
      t.ok(await fitsWindow(page), name)
      t.same(await page.evaluate(UNTRANSLATED), [], name)
      t.same(page.faults, [], name)
      if (isTakingPictures) {
        await mkdir(PICTURES, { recursive: true })
        if (name === 'people') await page.getByTestId('people').scrollIntoViewIfNeeded()
        await page.screenshot({ path: join(PICTURES, `campaigns-${name}-${look.name}.png`) })
      }
      await page.setViewportSize({ width: 320, height: 800 })
      t.ok(await fitsWindow(page), `${name} on a narrow screen`)
    }
    await author.context().close()
    await auditor.context().close()
    await admin.context().close()
  })

async function untilTrue(wanted: () => Promise<boolean>, limitMs = 15_000): Promise<void> {
  const limit = AbortSignal.timeout(limitMs)
  while (!(await wanted())) {
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
