import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Page } from 'playwright-core'
import t, { type Test } from 'tap'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { DeskServer } from './support/desk-server.ts'
import { DESK_STATES, SALIM } from './support/desk-states.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const PICTURED = new Set([
  'before-shift',
  'offered',
  'in-call',
  'consult',
  'conference',
  'card-entry',
  'wrap-up',
  'missed',
  'not-routable'
])

const LOOKS = [
  { name: 'light', language: 'en', colours: 'light' },
  { name: 'dark', language: 'en', colours: 'dark' },
  { name: 'arabic', language: 'ar', colours: 'light' }
] as const

const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
t.jobs = 1

async function picture(page: Page, name: string, look: string): Promise<void> {
  if (!isTakingPictures) return
  await mkdir(PICTURES, { recursive: true })
  await page.screenshot({ path: join(PICTURES, `${name}-${look}.png`) })
}

/** Texts of controls that do not fit, and a page that must be moved sideways. */
const CUT = `[
  ...(document.documentElement.scrollWidth > innerWidth ? ['page ' + document.documentElement.scrollWidth] : []),
  ...[...document.querySelectorAll('button, a, h1, h2, label')]
    .filter(one => one.scrollWidth > one.clientWidth + 2 && one.clientWidth > 1 && getComputedStyle(one).overflow !== 'visible')
    .map(one => one.outerHTML.slice(0, 120))
]`

/** Keys that were never translated look like `call.mute`. */
const UNTRANSLATED = String.raw`(document.body.innerText.match(/\b[a-z]+(\.[a-zA-Z]+)+\b/g) ?? [])
  .filter(word => !/^(example|localhost)/.test(word))`

async function check(t: Test, page: Page, name: string): Promise<void> {
  // The bar is there before the screen below it, whose code is fetched when it is first opened.
  await page.locator('h1').first().waitFor({ state: 'attached' })
  t.same(await axeFindings(page), [], `${name}: axe finds nothing`)
  t.same(await page.evaluate(CUT), [], `${name}: nothing is cut off`)
  t.same(await page.evaluate(UNTRANSLATED), [], `${name}: no key is shown`)
}

for (const look of LOOKS)
  t.test(`every state of the desk is whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    await using server = await DeskServer.start()
    server.language = look.language
    const page = await browser.open(server.url, { ...look, width: 1280, height: 800 })
    await page.getByTestId('start-shift').waitFor()
    for (const [name, makeState] of Object.entries(DESK_STATES)) {
      server.become(makeState())
      if (name !== 'before-shift' && (await page.getByTestId('start-shift').count()) > 0) {
        await page.getByTestId('start-shift').click()
        await server.next('status')
        server.become(makeState())
      }
      await page.waitForTimeout(500)
      await page.mouse.move(640, 790)
      await check(t, page, name)
      if (PICTURED.has(name)) await picture(page, `desk-${name}`, look.name)
    }
    t.same(page.faults, [])
    await page.context().close()
  })

for (const look of LOOKS)
  t.test(`sign-in, first minute and what opens over the desk are accessible, ${look.name}`, async t => {
    await using server = await DeskServer.start()
    server.language = look.language
    server.isSignedIn = false
    server.json.set('/api/v1/directory/people', {
      items: [{ id: 'karim', displayName: 'Karim Example', status: 'available', state: 'idle' }],
      nextCursor: null
    })
    server.json.set('/api/v1/numbers', {
      items: [{ id: 'en', number: '+12025550100', label: 'English greeting', language: 'en' }],
      nextCursor: null
    })
    const page = await browser.open(server.url, { ...look, path: '/start', width: 1280, height: 800 })
    await page.locator('input[name=username]').fill('ana')
    await page.locator('input[name=password]').fill('right')
    await check(t, page, 'sign-in')
    await picture(page, 'sign-in', look.name)
    await page.keyboard.press('Enter')
    await page.getByTestId('allow-microphone').click()
    await page.getByTestId('ring-me').click()
    t.match(await server.next('ringMe'), { language: look.language })
    await page.getByTestId('story').waitFor()
    await page.waitForTimeout(400)
    await check(t, page, 'first minute')
    await picture(page, 'first-minute', look.name)

    const talking = DESK_STATES['in-call']!()
    server.become({ ...talking, call: { ...talking.call!, customer: SALIM, language: 'ar' } })
    await page.locator('nav a[href="/desk"]').click()
    await page.getByTestId('transfer').click()
    await page.getByTestId('directory').getByText('Karim Example').waitFor()
    await page.waitForTimeout(300)
    await check(t, page, 'transfer')
    await picture(page, 'desk-transfer', look.name)
    await page.keyboard.press('Escape')
    for (const [name, keys] of [
      ['palette', 'Control+KeyK'],
      ['keys', 'F1']
    ] as const) {
      await page.waitForTimeout(300)
      await page.keyboard.press(keys)
      await page.getByRole('dialog').waitFor()
      await page.waitForTimeout(300)
      await check(t, page, name)
      await page.keyboard.press('Escape')
    }
    await page.waitForTimeout(300)
    await page.getByTestId('microphone').click()
    await page.getByTestId('sound').waitFor()
    await page.waitForTimeout(300)
    await check(t, page, 'sound settings')
    t.same(page.faults, [])
    await page.context().close()
  })

t.test('the desk works on a screen of 320 px, in German too', async t => {
  await using server = await DeskServer.start()
  server.language = 'de'
  const page = await browser.open(server.url, { language: 'de', colours: 'light', width: 320, height: 640 })
  await page.getByTestId('start-shift').click()
  for (const name of ['ready', 'offered', 'in-call', 'conference', 'wrap-up']) {
    server.become(DESK_STATES[name]!())
    await page.waitForTimeout(400)
    t.same(await page.evaluate(CUT), [], name)
  }
  await page.context().close()
})

for (const language of ['de', 'es', 'zh', 'ja'])
  t.test(`no text is missing or cut in ${language}`, async t => {
    await using server = await DeskServer.start()
    server.language = language
    const page = await browser.open(server.url, { language, width: 1280, height: 800 })
    await page.getByTestId('start-shift').click()
    for (const name of ['ready', 'not-routable', 'offered', 'in-call', 'consult', 'wrap-up', 'missed']) {
      server.become(DESK_STATES[name]!())
      await page.waitForTimeout(300)
      t.same(await page.evaluate(CUT), [], `${name}: nothing is cut off`)
      t.same(await page.evaluate(UNTRANSLATED), [], `${name}: no key is shown`)
    }
    await page.context().close()
  })
