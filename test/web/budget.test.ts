import { readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { builtDesk } from './support/built-desk.ts'
import { DeskBrowser } from './support/desk-browser.ts'
import { DeskServer } from './support/desk-server.ts'
import { call, idleState } from './support/desk-states.ts'
import { barBecomes, startShift } from './support/shift.ts'

const LIMIT_BYTES = 300_000
/** A slow mobile network: 1.6 Mbit/s, 150 ms there and back. */
const SLOW = { offline: false, latency: 150, downloadThroughput: 200_000, uploadThroughput: 94_000 }
const SLOW_LIMIT_MS = 4_000

t.test('every large file of the desk has its compressed siblings', async t => {
  const dist = await builtDesk()
  const names = await readdir(join(dist, 'assets'))
  for (const name of names.filter(one => /\.(js|css)$/.test(one))) {
    if ((await stat(join(dist, 'assets', name))).size < 1_000) continue
    t.ok(names.includes(`${name}.br`), `${name}.br`)
    t.ok(names.includes(`${name}.gz`), `${name}.gz`)
  }
})

t.test('the desk takes calls after 300 kB at most, audio and texts included', async t => {
  await using server = await DeskServer.start()
  await using browser = await DeskBrowser.launch()
  const page = await startShift(browser, server)
  await server.next('media.speak')
  server.become(idleState({ status: 'available', state: 'talking', call: call() }))
  await barBecomes(page, 'inCall')
  await page.getByTestId('card').waitFor()
  t.ok(server.bytesSent <= LIMIT_BYTES, `${server.bytesSent} bytes were sent`)
  t.same(page.faults, [])
})

t.test('the desk can be used within 4 s at 1.6 Mbit/s', async t => {
  await using server = await DeskServer.start()
  await using browser = await DeskBrowser.launch()
  const context = await browser.context()
  const page = await context.newPage()
  const devtools = await context.newCDPSession(page)
  await devtools.send('Network.enable')
  await devtools.send('Network.emulateNetworkConditions', SLOW)
  const startedAt = performance.now()
  await page.goto(`${server.url}/desk`)
  await page.getByTestId('start-shift').waitFor()
  const took = performance.now() - startedAt
  t.ok(took <= SLOW_LIMIT_MS, `Start shift was there after ${took.toFixed(0)} ms`)
})
