import t from 'tap'
import { DeskBrowser } from './support/desk-browser.ts'
import { DeskServer } from './support/desk-server.ts'
import { call, idleState } from './support/desk-states.ts'
import { startShift } from './support/shift.ts'

const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
t.jobs = 1

type Recording = ReturnType<typeof call>['recording']
const since = new Date().toISOString()
const inCall = (recording: Partial<Recording>) =>
  idleState({
    status: 'available',
    state: 'talking',
    call: call({ recording: { state: 'recording', reason: null, since, card: null, ...recording } })
  })

t.test(
  'an agent pauses and resumes the recording, and ends it when the customer wants it',
  { timeout: 280_000 },
  async t => {
    await using server = await DeskServer.start()
    const page = await startShift(browser, server)
    server.become(inCall({}))
    const shown = page.getByTestId('recording')
    const choose = async (item: string) => {
      await page.getByTestId('recording-controls').click()
      await page.getByTestId(item).click()
      return await server.next('recording')
    }
    await shown.filter({ hasText: 'Recording' }).waitFor()
    t.match(await choose('recording-pause'), { action: 'pause' })
    await shown.filter({ hasText: 'Recording' }).waitFor()
    t.pass('it shows the truth until the server says otherwise')
    server.become(inCall({ state: 'paused', reason: 'pause' }))
    await shown.filter({ hasText: /Paused \d:\d\d/ }).waitFor()
    t.match(await choose('recording-resume'), { action: 'resume' })
    server.become(inCall({}))
    await shown.filter({ hasText: 'Recording' }).waitFor()
    t.match(await choose('recording-withdraw'), { action: 'withdraw' })
    server.become(inCall({ state: 'notRecorded', reason: 'withdrawn' }))
    await shown.filter({ hasText: 'Not recorded: taken back' }).waitFor()
    for (const [reason, words] of [
      ['refused', 'Not recorded: refused'],
      ['never', 'Not recorded: policy'],
      ['unasked', 'Not recorded: not asked'],
      ['failed', 'Not recorded: recorder fault']
    ] as const) {
      server.become(inCall({ state: 'notRecorded', reason }))
      await shown.filter({ hasText: words }).waitFor()
    }
    server.become(inCall({ state: 'paused', reason: 'party' }))
    await shown.filter({ hasText: 'somebody joined' }).waitFor()
    t.same(page.faults, [])
    await page.context().close()
  }
)

t.test('during card entry the agent sees dots and a count, and the end of it', { timeout: 280_000 }, async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.become(inCall({}))
  await page.getByTestId('recording-controls').click()
  await page.getByTestId('card-start').click()
  t.match(await server.next('recording'), { action: 'cardStart' })
  const endsAt = new Date(Date.now() + 180_000).toISOString()
  server.become(inCall({ state: 'paused', reason: 'card', card: { endsAt, keys: 0 } }))
  await page.getByTestId('card-entry').filter({ hasText: '0 keys' }).waitFor()
  server.become(inCall({ state: 'paused', reason: 'card', card: { endsAt, keys: 4 } }))
  await page.getByTestId('card-entry').filter({ hasText: '•••• 4 keys' }).waitFor()
  await page
    .getByTestId('recording')
    .filter({ hasText: /[23]:\d\d/ })
    .waitFor()
  await page.getByTestId('card-end').click()
  t.match(await server.next('recording'), { action: 'cardEnd' })
  // It ended by itself instead.
  const over = new Date(Date.now() + 500).toISOString()
  server.become(inCall({ state: 'paused', reason: 'card', card: { endsAt: over, keys: 4 } }))
  await page.getByTestId('card-entry').waitFor()
  server.become(inCall({}))
  await page.getByText('Card entry has ended. The recording goes on.').first().waitFor()
  t.same(page.faults, [])
  await page.context().close()
})
