import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { addDays, belowSince, readWanted, type Report, toAddress, toPath } from '../../web/src/reports/report.ts'
import { TO_SUPPORT } from '../support/flows.ts'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow, UNTRANSLATED } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const ADMIN = { username: 'admin', password: ADMIN_PASSWORD }
const NUMBER = '+12025550111'

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start({ hasDemoData: true })
t.teardown(() => server[Symbol.asyncDispose]())
await server.publish(TO_SUPPORT)
await server.addNumber(NUMBER, 'to-support')
const people = await signInPeople(server, ['ana'])
t.jobs = 1

t.test('a real call is answered, so that there is something to report', { timeout: 280_000 }, async t => {
  await using ana = await TestSoftphone.onShift(server, people.ana.token)
  const { phone, audio, ...rest } = await server.phone()
  const call = phone.call(server.uri(NUMBER), { sdp: audio.sdp() })
  audio.connect((await call.answered()).sdp).sendTone(440)
  const { offer } = await ana.until(state => state.offer !== null)
  await ana.request('answer', { offerId: offer?.id ?? '' })
  const talking = await ana.until(state => state.call?.mode === 'talking')
  await ana.request('hangUp', { callId: talking.call?.callId ?? '' })
  const { wrapUp } = await ana.until(state => state.wrapUp !== null)
  await ana.request('wrapUp.finish', { callId: wrapUp?.callId ?? '', disposition: null, note: '' })
  t.ok(wrapUp)
  await rest[Symbol.asyncDispose]()
})

for (const look of LOOKS)
  t.test(`reports are whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    for (const by of ['queues', 'agents']) {
      const page = await openAs(browser, server, ADMIN, {
        ...look,
        path: `/reports?by=${by}`,
        width: 1280,
        height: 1000
      })
      await page.getByTestId('finding').waitFor()
      await page.locator('main svg path').first().waitFor()
      t.same(await axeFindings(page), [], by)
      t.ok(await fitsWindow(page), by)
      t.same(await page.evaluate(UNTRANSLATED), [], by)
      t.same(page.faults, [], by)
      if (isTakingPictures) {
        await mkdir(PICTURES, { recursive: true })
        await page.screenshot({ path: join(PICTURES, `reports-${by}-${look.name}.png`) })
      }
      await page.context().close()
    }
  })

for (const look of LOOKS)
  t.test(`a figure opens its calls, ${look.name}`, { timeout: 280_000 }, async t => {
    const page = await openAs(browser, server, ADMIN, { ...look, path: '/reports?by=queues', width: 1280, height: 800 })
    await page.locator('[data-testid=total] [data-figure=offered] button').click()
    const drawer = page.getByTestId('counted-calls')
    await drawer.locator('tbody tr').first().waitFor()
    t.equal(await drawer.locator('tbody tr').count(), 1)
    t.match(await drawer.locator('tbody').innerText(), /\+1?\d* \.\. \.\. \d\d/, 'the number is masked by the server')
    t.same(await axeFindings(page), [])
    t.same(await page.evaluate(UNTRANSLATED), [])
    if (isTakingPictures) await page.screenshot({ path: join(PICTURES, `reports-calls-${look.name}.png`) })
    await drawer.locator('tbody a').click()
    await page.waitForURL(/\/quality\/calls\/[\w-]+$/)
    t.same(page.faults, [])
    await page.context().close()
  })

t.test('a figure of time by state has no calls, and one of calls that there were none is no button', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/reports?by=agents' })
  const total = page.locator('[data-testid=total]')
  await total.locator('[data-figure=answered] button').waitFor()
  t.equal(await total.locator('[data-figure=signedInMs] button').count(), 0)
  t.equal(await total.locator('[data-figure=abandoned] button').count(), 0)
  const { status, body } = await server.api(
    'GET',
    '/reports/queues/calls?from=2026-11-01&until=2026-11-02&figure=missed'
  )
  t.match([status, body['detail']], [400, 'Only the report by agent counts missed.'])
  await page.context().close()
})

t.test('the screen, the CSV and the API say the same, and the CSV carries its zone', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/reports?by=queues&zone=Asia/Tokyo' })
  const shown = await page.locator('[data-testid=total] [data-figure=offered]').innerText()
  const href = (await page.getByTestId('csv').getAttribute('href')) ?? ''
  const csv = await (await page.context().request.get(server.url + href)).text()
  const { body } = await server.api('GET', href.replace('/api/v1', '').replace('&format=csv', ''))
  t.equal(shown, String((body['total'] as Record<string, number>)['offered']))
  t.equal(shown, '1')
  t.match(csv, /Asia\/Tokyo/)
  await page.context().close()
})

t.test('the chart is also a table, and an empty report says why it is empty', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/reports?by=queues' })
  await page.getByRole('button', { name: 'Show as table' }).click()
  t.equal(await page.locator('main section.card table').count(), 2)
  await page.goto(`${server.url}/reports?by=queues&from=2020-01-01&to=2020-01-02`)
  await page.getByText('Nothing happened from 2020-01-01 to 2020-01-02').waitFor()
  await page.context().close()
})

t.test('an address shows everybody the same days of the same zone', async t => {
  const now = new Date('2026-11-23T23:30:00Z')
  const wanted = readWanted(new URLSearchParams('by=agents'), now, 'Asia/Tokyo')
  t.match(wanted, { kind: 'agents', to: '2026-11-24', from: '2026-11-18', timeZone: 'Asia/Tokyo' })
  t.same(readWanted(toAddress(wanted), now, 'America/New_York'), wanted)
  t.match(toPath(wanted), /from=2026-11-18&until=2026-11-25&timeZone=Asia%2FTokyo/)
  t.match(readWanted(new URLSearchParams('zone=Nowhere&from=2026-13-01&interval=year'), now, 'UTC'), {
    timeZone: 'UTC',
    interval: 'day'
  })
  t.equal(addDays('2026-02-28', 1), '2026-03-01')
})

t.test('the day is named since when a goal has been missed without a break', async t => {
  const days = [0.9, 0.7, null, 0.6].map((serviceLevel, at) => ({
    from: `2026-11-0${at + 1}T00:00:00+01:00`,
    until: '',
    isPartial: false,
    figures: { serviceLevel }
  }))
  const report = { totals: days } as unknown as Report
  t.equal(belowSince(report, 'serviceLevel', 0.8), '2026-11-02T00:00:00+01:00')
  t.equal(belowSince(report, 'serviceLevel', 0.5), null)
})
