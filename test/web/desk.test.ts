import t from 'tap'
import type { MissReason } from '../../server/agents/agent-state.ts'
import { DeskBrowser } from './support/desk-browser.ts'
import { DeskServer, Refusal } from './support/desk-server.ts'
import { call, idleState, offer, WEBER } from './support/desk-states.ts'
import { barBecomes, startShift } from './support/shift.ts'
import { patient } from '../support/patience.ts'

const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
t.jobs = 1

const ringing = () => idleState({ status: 'available', state: 'ringing', offer: offer() })
const talking = () => idleState({ status: 'available', state: 'talking', call: call() })

t.test('a call that comes while the agent types is answered by its key alone, and the caret stays', async t => {
  await using server = await DeskServer.start()
  server.json.set('/api/v1/directory/people', { items: [], nextCursor: null })
  const page = await startShift(browser, server)
  await page.getByTestId('dial').click()
  await page.getByRole('tab', { name: 'Number' }).click()
  const field = page.getByRole('textbox', { name: 'Number' })
  await field.pressSequentially('+49 30')
  server.become(ringing())
  await page.getByTestId('offer').waitFor()
  await page.keyboard.press('Enter')
  await page.keyboard.press('Space')
  await field.pressSequentially('231')
  t.equal(await field.inputValue(), '+49 30 231')
  t.equal(server.requests.filter(one => one.kind === 'answer' || one.kind === 'reject').length, 0)
  await page.evaluate('document.activeElement.setSelectionRange(2, 2)')
  await page.keyboard.press('F2')
  t.match(await server.next('answer'), { offerId: 'offer-1' })
  server.become(talking())
  await barBecomes(page, 'inCall')
  t.equal(await page.evaluate('document.activeElement.inputMode'), 'tel', 'the field keeps the focus')
  t.equal(await page.evaluate('document.activeElement.selectionStart'), 2, 'the caret has not moved')
  t.same(page.faults, [])
  await page.context().close()
})

t.test('when an offer comes, nothing on the page moves away from under the pointer', async t => {
  await using server = await DeskServer.start()
  const wordy = offer({
    queue: { id: 'sales-de', name: 'German sales for customers of the northern and eastern regions' },
    from: 'Sara Example',
    customer: {
      ...WEBER,
      reason: 'Refund for order 4711, which came late, was not complete and had been opened before'
    }
  })
  for (const [language, width] of [
    ['en', 1440],
    ['ar', 1440],
    ['en', 1024],
    ['ar', 1024],
    ['de', 900],
    ['ar', 900]
  ] as const) {
    server.become(idleState())
    const page = await startShift(browser, server, { language, width })
    const places = async (controls: string): Promise<unknown> =>
      await page.evaluate(`[...document.querySelectorAll(${JSON.stringify(controls)})].map(one => {
        const { x, y, width, height } = one.getBoundingClientRect()
        const isOnTop = one.contains(document.elementFromPoint(x + width / 2, y + height / 2))
        return { text: one.innerText.slice(0, 20), x, y, width, height, isOnTop }
      })`)
    server.become(idleState({ status: 'available' }))
    await barBecomes(page, 'ready')
    const queues = async (): Promise<unknown> =>
      await page.evaluate(`[...document.querySelectorAll('[data-testid=queues] li')].map(one => {
        const { x, y, width, height } = one.getBoundingClientRect()
        return { x, y, width, height }
      })`)
    const around = 'nav a, [data-testid=call-bar] > button, section[aria-label=Parley] button'
    const free = `${around}, [data-testid=dial]`
    const mainTop = () => page.evaluate('document.querySelector("main").getBoundingClientRect().y')
    const before = { places: await places(free), top: await mainTop() }
    const beside = await queues()
    server.become(idleState({ status: 'available', state: 'ringing', offer: wordy }))
    await page.getByTestId('offer').waitFor()
    t.same({ places: await places(free), top: await mainTop() }, before, `free, ${language}, ${width}`)
    t.same(await queues(), beside, `the queues, ${language}, ${width}`)
    t.equal(await page.getByTestId('answer').isVisible(), true)

    server.become(talking())
    await barBecomes(page, 'inCall')
    t.same(await queues(), beside, `the queues once the call has begun, ${language}, ${width}`)
    const note = page.locator('main textarea').first()
    await note.click()
    await note.pressSequentially('Wants a ')
    const working = `${around}, [data-testid=call] button`
    const inCall = { places: await places(working), top: await mainTop(), note: await note.boundingBox() }
    server.become({ ...talking(), offer: { ...wordy, id: 'offer-2', callId: 'call-2' } })
    await page.getByTestId('offer').waitFor()
    await note.pressSequentially('refund')
    const now = { places: await places(working), top: await mainTop(), note: await note.boundingBox() }
    t.same(now, inCall, `in a call, ${language}, ${width}`)
    t.equal(await note.inputValue(), 'Wants a refund')
    server.become({ call: call({ mode: 'onHold' }), offer: null })
    await barBecomes(page, 'onHold')
    t.same(await mainTop(), inCall.top, `on hold, ${language}, ${width}`)
    t.same(page.faults, [])
    await page.context().close()
  }
})

t.test('nothing is shown as done before the server says so', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.become(talking())
  server.on('mute', () => ({}))
  await page.getByTestId('mute').click()
  await server.next('mute')
  t.equal(await page.getByTestId('mute').getAttribute('aria-pressed'), 'false', 'asked for, not yet done')
  server.become({ call: call({ isMuted: true }) })
  await page.locator('[data-testid=mute][aria-pressed=true]').waitFor()
  server.on('hold', () => {
    throw new Refusal('CONFLICT', 'The customer is being transferred.')
  })
  await page.getByTestId('hold').click()
  await page.getByText('The server refused: The customer is being transferred.').first().waitFor()
  t.equal(await page.getByTestId('hold').getAttribute('aria-pressed'), 'false')
  await page.context().close()
})

t.test('each of the five ways to miss a call has its own word and picture, until the agent is back', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  const words: Readonly<Record<MissReason, string>> = {
    missed: 'Missed',
    rejected: 'Rejected',
    device: 'Device',
    network: 'Network',
    callerGone: 'Caller gone'
  }
  const pictures = new Set<string>()
  for (const [reason, word] of Object.entries(words)) {
    server.become({
      status: 'available',
      routable: { isRoutable: false, reasons: ['missedCall'] },
      missed: { reason: reason as MissReason, at: new Date().toISOString(), callId: 'c', queue: 'German sales' }
    })
    const banner = page.locator(`[data-testid=missed][data-reason=${reason}]`)
    await banner.waitFor()
    t.match(await banner.innerText(), new RegExp(word))
    pictures.add(await banner.locator('svg').first().innerHTML())
  }
  t.equal(pictures.size, 5)
  await page.getByTestId('back-again').click()
  await server.next('back')
  server.become({ routable: { isRoutable: true, reasons: [] } })
  await barBecomes(page, 'ready')
  await page.context().close()
})

t.test('a refused outgoing call from a break leaves the agent on the break and says why', async t => {
  await using server = await DeskServer.start()
  server.json.set('/api/v1/directory/people', { items: [], nextCursor: null })
  server.on('dial', () => {
    throw new Refusal('DESTINATION_NOT_ALLOWED', 'No trunk may dial +882.')
  })
  const page = await startShift(browser, server)
  server.become({ status: 'onBreak', statusReason: 'lunch' })
  await page.getByTestId('dial').click()
  await page.getByRole('tab', { name: 'Number' }).click()
  await page.getByRole('textbox', { name: 'Number' }).fill('+8821234567')
  await page.getByRole('button', { name: /Call \+882/ }).click()
  t.match(await server.next('dial'), { destination: { kind: 'number', number: '+8821234567' }, purpose: 'service' })
  await page.getByText('No trunk may dial +882.').first().waitFor()
  await barBecomes(page, 'onBreak')
  t.match(await page.getByTestId('call-bar').innerText(), /Lunch/)
  await page.context().close()
})

t.test('wrap-up is finished by keys alone, and Enter of an input method saves nothing', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  const now = Date.now()
  server.become({
    state: 'wrapUp',
    wrapUp: {
      callId: 'call-1',
      endedBy: 'caller',
      startedAt: new Date(now).toISOString(),
      endsAt: new Date(now + 60_000).toISOString(),
      limitAt: new Date(now + 120_000).toISOString(),
      note: '',
      customer: call().customer,
      queue: call().queue
    }
  })
  await page.getByTestId('note').fill('日本')
  const devtools = await page.context().newCDPSession(page)
  await devtools.send('Input.imeSetComposition', { text: 'にほん', selectionStart: 3, selectionEnd: 3 })
  await page.keyboard.press('Control+Enter')
  await devtools.send('Input.insertText', { text: '日本' })
  t.equal(server.requests.filter(one => one.kind === 'wrapUp.finish').length, 0, 'composing is not saving')

  await page.keyboard.press('Control+Enter')
  await page.getByText('Choose an outcome').waitFor()
  t.equal(server.requests.filter(one => one.kind === 'wrapUp.finish').length, 0, 'no outcome is invented')
  await page.keyboard.press('F2')
  await page.keyboard.type('refund')
  t.equal(await page.getByText('Sold', { exact: true }).count(), 0, 'outcomes of other queues are not offered')
  await page.keyboard.press('ArrowDown')
  await page.keyboard.press('Enter')
  await page.keyboard.press('Control+Enter')
  t.match(await server.next('wrapUp.finish'), { callId: 'call-1', disposition: 'refund', note: '日本日本' })
  await page.context().close()
})

t.test('a stray key ends no call; holding it does', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.become(talking())
  await page.getByTestId('end').waitFor()
  await page.keyboard.press('F9')
  await page.waitForTimeout(800)
  t.equal(server.requests.filter(one => one.kind === 'hangUp').length, 0)
  await page.keyboard.down('F9')
  await server.next('hangUp')
  await page.keyboard.up('F9')
  await page.context().close()
})

t.test('a customer is handed over through a consultation, and digits reach the keypad only', async t => {
  await using server = await DeskServer.start()
  server.json.set('/api/v1/directory/people', {
    items: [{ id: 'karim', displayName: 'Karim Example', status: 'available', state: 'idle' }],
    nextCursor: null
  })
  const page = await startShift(browser, server)
  server.become(talking())
  await page.getByTestId('note').pressSequentially('12')
  await page.getByTestId('keypad').click()
  const keypad = page.getByTestId('keypad-keys')
  await keypad.locator('button:focus').waitFor()
  await page.keyboard.press('1')
  await page.keyboard.press('#')
  t.match(await server.next('digits'), { digits: '1' })
  t.match(await server.next('digits'), { digits: '#' })
  t.equal(await page.getByTestId('note').inputValue(), '12')
  await page.keyboard.press('Escape')

  await page.keyboard.press('Shift+F2')
  await page.getByRole('button', { name: 'Consult Karim Example first' }).click()
  t.match(await server.next('consult.start'), { destination: { kind: 'agent', agentId: 'karim' } })
  server.become({ call: call({ mode: 'consulting' }) })
  await page.getByTestId('hand-over').click()
  t.match(await server.next('consult.handOver'), { callId: 'call-1' })
  await page.context().close()
})

t.test('a note survives a lost server and a reload, and is sent when the server is back', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.become(talking())
  await page.getByTestId('note').fill('Wants a refund')
  t.match(await server.next('note'), { callId: 'call-1', text: 'Wants a refund' })

  const lostAt = Date.now()
  server.cut()
  await barBecomes(page, 'lost').catch(() => undefined)
  await barBecomes(page, 'inCall')
  t.ok(Date.now() - lostAt < patient(3_000), `the desk was back after ${Date.now() - lostAt} ms`)

  await page.context().setOffline(true)
  await page.evaluate(`dispatchEvent(new Event('offline'))`)
  await barBecomes(page, 'lost')
  await page.getByTestId('offline').waitFor()
  await page.getByTestId('note').fill('Wants a refund, by transfer')
  await page.getByText('Not sent yet').waitFor()
  await page.context().setOffline(false)
  t.match(await server.next('note', 15_000), { text: 'Wants a refund, by transfer' })

  await page.reload()
  await barBecomes(page, 'inCall')
  t.equal(await page.getByTestId('note').inputValue(), 'Wants a refund, by transfer')
  await page.context().close()
})

t.test('a server that is away for long is called away, not a lost sign-in, and its return needs nobody', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.become(talking())
  await barBecomes(page, 'inCall')
  server.isDown = true
  const diedAt = Date.now()
  server.cut()
  await page.getByTestId('offline').waitFor()
  t.ok(Date.now() - diedAt < patient(3_000), `said so after ${Date.now() - diedAt} ms`)
  t.match(await page.getByTestId('call-bar').innerText(), /Anna Weber hears music/)
  await page.waitForTimeout(5_000)
  t.equal(await page.getByTestId('sign-in-again').count(), 0)
  server.isDown = false
  const backAt = Date.now()
  await barBecomes(page, 'inCall')
  t.ok(Date.now() - backAt < patient(3_000), `back after ${Date.now() - backAt} ms`)
  await page.getByTestId('offline').waitFor({ state: 'detached' })
  await page.context().close()
})

t.test('a sign-in that ended unseen is found out by the next page that is refused', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.isSignedIn = false
  server.cut()
  await page.getByTestId('sign-in-again').waitFor()
  t.equal(await page.getByTestId('desk').count(), 1, 'the page stays')
  await page.context().close()
})

t.test('when the sign-in ends, the page stays and asks quietly for the password', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.become(talking())
  await page.getByTestId('note').fill('half a word')
  server.isSignedIn = false
  server.cut(4401)
  const bar = page.getByTestId('sign-in-again')
  await bar.waitFor()
  t.match(await bar.innerText(), /Your call goes on/)
  await bar.getByLabel(/Password/).fill('wrong')
  await page.keyboard.press('Enter')
  await bar.getByText('Name or password is wrong').waitFor()
  await bar.getByLabel(/Password/).fill('right')
  await page.keyboard.press('Enter')
  await barBecomes(page, 'inCall')
  t.equal(await bar.count(), 0)
  t.equal(await page.getByTestId('note').inputValue(), 'half a word')
  await page.context().close()
})

t.test('another tab can take the calls over', async () => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.become({ isActiveTab: false })
  await barBecomes(page, 'otherTab')
  await page.locator('[data-testid=microphone][data-state=off]').waitFor()
  await page.getByTestId('claim').click()
  await server.next('claim')
  await barBecomes(page, 'ready')
  await page.locator('[data-testid=microphone][data-state=live]').waitFor()
  await page.context().close()
})

t.test('the shortcuts can be given other keys, and no key fires while it is being chosen', async t => {
  await using server = await DeskServer.start()
  const page = await startShift(browser, server)
  server.become(talking())
  await page.keyboard.press('F1')
  await page.getByRole('button', { name: 'Change the keys of: Mute or unmute' }).click()
  await page.keyboard.press('F2')
  await page.getByText('Another command has these keys.').waitFor()
  await page.keyboard.press('m')
  await page.getByText('A key alone would fire while you type.').waitFor()
  await page.keyboard.press('F7')
  await page.keyboard.press('Escape')
  await page.keyboard.press('F7')
  t.match(await server.next('mute'), { isMuted: true })
  await page.context().close()
})

t.test('a proof that did not convince is followed by others long before the next one is due', async t => {
  await using server = await DeskServer.start()
  server.greetWith({ proofEveryMs: 3_600_000 })
  server.on('proof', () => ({ isRoutable: false, reasons: ['connectionLossy'] }))
  const page = await startShift(browser, server)
  // More than the start of a shift needs by itself.
  for (let proofs = 0; proofs < 6; proofs += 1) await server.next('proof')
  t.same(page.faults, [])
  await page.context().close()
})

t.test('a microphone that the browser blocks is named, with what to do', async t => {
  await using strict = await DeskBrowser.launch(['--deny-permission-prompts'])
  await using server = await DeskServer.start()
  const page = await strict.open(server.url, { context: await strict.contextWithoutMicrophone() })
  await page.getByTestId('start-shift').click()
  const problem = page.getByTestId('shift-problem')
  await problem.waitFor()
  t.match(await problem.innerText(), /Click the lock in the address bar.*MIC_DENIED/s)
  t.equal(server.requests.filter(one => one.kind === 'status').length, 0, 'nobody becomes available without a voice')
  await page.context().close()
})
