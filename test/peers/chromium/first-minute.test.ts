import { errors } from 'playwright-core'
import t from 'tap'
import { signInPeople } from '../../support/people.ts'
import { TestParley } from '../../support/parley.ts'
import { DeskBrowser } from '../../web/support/desk-browser.ts'

t.test('a newcomer hears a word within a minute and three clicks', { timeout: 280_000 }, async t => {
  await using server = await TestParley.start({ hasDemoData: true })
  const { ana } = await signInPeople(server, ['ana'])
  await using browser = await DeskBrowser.launch()
  const page = await browser.open(server.url, { path: '/start' })
  await page.getByLabel('User').fill('ana')
  await page.getByLabel('Password', { exact: true }).fill(ana.password)
  await page.getByRole('button', { name: 'Sign in' }).click()

  const startedAtMs = performance.now()
  await page.getByRole('button', { name: 'Allow microphone' }).click()
  const ringMe = page.getByRole('button', { name: 'Ring me' })
  await ringMe.click()
  await page.locator('[data-testid=call-bar][data-state=inCall]').waitFor({ timeout: 280_000 })
  t.comment(`from the first click to the flow's first word: ${Math.round(performance.now() - startedAtMs)} ms`)
  const { id } = await running(server)

  await t.test('pressing 1 leads through the queue to the same browser', async t => {
    const one = page.getByRole('button', { name: /^1$/ }).first()
    await one.click()
    // The second question is whether the call may be recorded.
    await until(async () => (await kindsOf(server, id)).filter(kind => kind === 'nodeEntered').length > 2)
    while (!(await kindsOf(server, id)).includes('recordingConsent'))
      // The keys make room for the agent's own offer as soon as one press has been the answer.
      await one.click({ timeout: 1_000 }).catch(err => {
        if (!(err instanceof errors.TimeoutError)) throw err
      })
    await page.locator('[data-testid=call-bar][data-state=offered]').waitFor({ timeout: 280_000 })
    await page.keyboard.press('F2')
    await page.locator('[data-testid=call-bar][data-state=inCall]').waitFor()
    const kinds = await kindsOf(server, id)
    t.ok(kinds.includes('queueEntered'))
    t.ok(kinds.includes('recordingStarted'), 'and there will be a recording to hear')
    await page.getByTestId('recording').filter({ hasText: 'Recording' }).first().waitFor()
    t.same(page.faults, [])
  })
})

async function kindsOf(server: TestParley, id: string): Promise<readonly string[]> {
  await server.parley.storiesWritten()
  const story = await server.api('GET', `/calls/${id}`)
  return (story.body['events'] as { kind: string }[]).map(event => event.kind)
}

async function until(isTrue: () => Promise<boolean>): Promise<void> {
  const limit = AbortSignal.timeout(20_000)
  while (!(await isTrue())) limit.throwIfAborted()
}

async function running(server: TestParley): Promise<{ id: string }> {
  const limit = AbortSignal.timeout(10_000)
  for (;;) {
    await server.parley.storiesWritten()
    const { body } = await server.api('GET', '/calls?state=answered')
    const [call] = body.items as { id: string }[]
    if (call !== undefined) return call
    limit.throwIfAborted()
  }
}
