import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import type { Page } from 'playwright-core'
import { readOptions } from '../../web/src/quality/read-options.ts'
import { silencesOf } from '../../web/src/quality/silences.ts'
import { CALLERS, liveCall, RECORDED, recordingsOf, talk } from '../recordings/support.ts'
import { newId } from '../../server/ids.ts'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { transcribe } from '../support/transcripts.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow } from './support/signed-in.ts'
import { patient } from '../support/patience.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const NUMBER = '+12025550100'
const UNTRANSLATED = String.raw`(document.querySelector('main').innerText.match(/\b(tab|speaker|player|gap|transcript|consent|comment|clip|review|dispute|search|task|rule|card|calibration|kappa|results|mine|leave|keep|machine|voicemail)\.[a-zA-Z.]+\b/g) ?? [])`

/** Each canvas of the waveform: how far down it stands, and the colour of what is drawn in it. */
const SIDES = `[...(document.querySelector('[data-testid=wave] > div')?.shadowRoot?.querySelectorAll('.canvases canvas') ?? [])].map(canvas => {
  const { data } = canvas.getContext('2d').getImageData(0, 0, canvas.width, canvas.height)
  const at = data.findIndex((value, index) => index % 4 === 3 && value === 255) - 3
  return { top: canvas.getBoundingClientRect().top, colour: [...data.slice(at, at + 3)].join() }
})`

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start({ hasDemoData: true })
t.teardown(() => server[Symbol.asyncDispose]())
const people = await signInPeople(server, ['quinn', 'ana'])
const ADMIN = { username: 'admin', password: ADMIN_PASSWORD }
const QUINN = { username: 'quinn', password: people.quinn.password }
const yesNo = [
  { value: 'yes', label: 'Yes', points: 100 },
  { value: 'no', label: 'No', points: 0 }
]
t.jobs = 1
/** In the middle of the call, of both sides. */
const SILENCE_MS = 4_000

/** A call with sound and text: silence, then the refund is spoken of. */
async function recordedCall(): Promise<string> {
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendTone(1000)
  await caller.audio.hears(880)
  await talk(server, 6_000)
  const pause = (action: string) => server.api('POST', `/calls/${liveCall(server).id}/recording`, { action })
  await pause('pause')
  await talk(server, SILENCE_MS)
  await pause('resume')
  await talk(server, 1_500)
  await call.bye()
  const { id } = await server.story(call.callId)
  await recordingsOf(server, id)
  await transcribe(server, id, 'en', [
    ['agent', 0, 1_500, 'Good morning, my name is Ana Example, how can I help?'],
    ['customer', 1_600, 3_000, 'Where is my money?'],
    ['agent', 3_000, 4_500, 'You get the refund today.'],
    ['customer', 4_500, 5_500, 'Thank you.']
  ])
  return id
}

/** Asks again until it is so; pages forbid what playwright would evaluate. */
async function until(isSo: () => Promise<boolean>): Promise<void> {
  const limit = AbortSignal.timeout(8_000)
  while (!(await isSo())) limit.throwIfAborted()
}

let callId = ''
let scorecardId = ''

t.test('a call is recorded and transcribed, and a scorecard published', { timeout: 280_000 }, async t => {
  await server.addNumber('+12025550199', await server.publish(RECORDED))
  const { body } = await server.api('GET', '/numbers?limit=100')
  const number = (body.items as { id: string; number: string }[]).find(one => one.number === NUMBER)
  await server.api('PATCH', `/numbers/${number?.id}`, { flowId: 'recorded' })
  callId = await recordedCall()
  const made = await server.api('POST', '/scorecards', {
    name: 'Service',
    body: {
      passPercent: 80,
      sections: [
        {
          title: 'Conversation',
          questions: [
            { id: 'greeting', text: 'Did the agent greet by name?', weight: 1, options: yesNo },
            { id: 'promise', text: 'Was a date promised?', weight: 2, isCritical: true, options: yesNo }
          ]
        }
      ]
    }
  })
  scorecardId = made.body['id'] as string
  t.equal((await server.api('POST', `/scorecards/${scorecardId}/publish`)).status, 200)
  const { items } = (await server.api('GET', '/scorecards')).body
  t.match(items, [{ name: 'Conversation', version: 1 }, { name: 'Service' }], 'there is one to begin with')
})

t.test(
  'a reviewer finds the call by what was said; the hit opens a second before the word',
  { timeout: 280_000 },
  async t => {
    const page = await openAs(browser, server, QUINN, { path: '/quality/calls' })
    await page.getByTestId('result').first().waitFor()
    await page.getByRole('textbox', { name: 'What was said' }).fill('agent:refund')
    await page.keyboard.press('Enter')
    const hit = page.locator('[data-testid=result] mark', { hasText: 'refund' })
    await hit.waitFor()
    t.equal(await page.getByTestId('result').count(), 1)
    t.equal(await page.getByTestId('count').innerText(), '1 call')
    const began = performance.now()
    await hit.click()
    await page.getByTestId('player').waitFor()
    await page.getByTestId('wave').locator('div').first().waitFor()
    const seconds = Number(await page.getByRole('slider').getAttribute('aria-valuenow'))
    t.ok(seconds >= 2 && seconds <= 4, `opened at ${seconds} s`)
    t.ok(performance.now() - began < patient(4_000))
    await page.locator('[data-testid=transcript] mark[data-kind=hit]').waitFor()
    t.match(await page.getByTestId('transcript').innerText(), /my name is \[name\]/)
    await page.getByRole('textbox').first().waitFor()
    await page.goto(`${server.url}/quality/calls?q=${encodeURIComponent('"open')}`)
    await page.getByText('The search cannot be read at character 1').waitFor()
    t.same(page.faults, [])
    await page.context().close()
  }
)

t.test('the player streams, seeks, and keeps the transcript in step, all by keys', { timeout: 280_000 }, async t => {
  const page = await openAs(browser, server, QUINN, { path: `/quality/calls/${callId}` })
  await page.getByTestId('transcript').locator('li').first().waitFor()
  const sides = async () => await page.evaluate<{ top: number; colour: string }[]>(SIDES)
  await until(async () => (await sides()).length >= 2)
  const drawn = await sides()
  t.equal(new Set(drawn.map(one => one.top)).size, 2, 'the waveform has a line for each speaker')
  t.equal(new Set(drawn.map(one => one.colour)).size, 2, `each in a colour of its own: ${JSON.stringify(drawn)}`)
  const sizes: number[] = []
  page.on('response', response => {
    if (response.url().includes('/audio')) sizes.push(response.status())
  })
  const slider = page.getByRole('slider')
  await slider.focus()
  await page.keyboard.press('ArrowRight')
  await until(async () => (await slider.getAttribute('aria-valuenow')) === '5')
  await page.locator('[data-testid=transcript] li[data-current=true]', { hasText: 'Thank you' }).waitFor()
  await page.keyboard.press('Shift+ArrowLeft')
  await until(async () => Number(await slider.getAttribute('aria-valuenow')) <= 4)
  t.match(await slider.getAttribute('aria-valuetext'), /agent|customer/i)
  await page.keyboard.press('BracketRight')
  await page.getByText('1.25×').waitFor()
  await page.keyboard.press('KeyS')
  await page.locator('button[aria-pressed=true]', { hasText: 'Skip silence' }).waitFor()
  await page.keyboard.press('KeyS')
  // Playing goes on from where it stands, and F8 works from anywhere.
  await page.keyboard.press('Shift+ArrowLeft')
  await page.keyboard.press('F8')
  await page.getByRole('button', { name: 'Pause' }).waitFor()
  const current = page.locator('[data-testid=transcript] li[data-current=true]')
  const first = await current.innerText()
  await until(async () => (await current.innerText()) !== first)
  await page.keyboard.press('F8')
  await page.getByRole('button', { name: 'Play' }).waitFor()
  t.ok(sizes.every(status => status === 206 || status === 200))
  const { body } = await server.api('GET', '/audit-log?action=recording.heard&limit=1')
  t.match(body.items, [{ actorName: 'quinn' }], 'each hearing is logged')
  t.same(page.faults, [])
  await page.context().close()
})

t.test('silence is skipped and twice the speed is twice as fast, in what is heard', { timeout: 280_000 }, async t => {
  const [recording] = await recordingsOf(server, callId)
  const gap = recording?.gaps.find(one => one.kind === 'pause')
  if (gap === undefined) throw new Error('the recording was not paused')
  const fromS = gap.fromMs / 1000
  const page = await openAs(browser, server, QUINN, {
    path: `/quality/calls/${callId}?t=${Math.max(0, gap.fromMs - 1_200)}`
  })
  await page.getByTestId('transcript').locator('li').first().waitFor()
  const slider = page.getByRole('slider')
  const seconds = async () => Number(await slider.getAttribute('aria-valuenow'))
  /** How long it takes until this second is reached, and which ones are shown on the way. */
  const heardUntil = async (second: number) => {
    const seen = new Set<number>()
    const began = performance.now()
    await until(async () => {
      const now = await seconds()
      seen.add(now)
      return now >= second
    })
    return { ms: performance.now() - began, seen }
  }
  // The keys are those of the player.
  await slider.focus()
  await page.keyboard.press('KeyS')
  await page.locator('button[aria-pressed=true]', { hasText: 'Skip silence' }).waitFor()
  await page.keyboard.press('F8')
  const skipped = await heardUntil(Math.ceil(gap.toMs / 1000))
  await page.keyboard.press('F8')
  const inside = Math.round(fromS + SILENCE_MS / 2_000)
  t.notOk(skipped.seen.has(inside), `second ${inside} is not heard: ${[...skipped.seen].join(' ')}`)
  t.ok(skipped.ms < SILENCE_MS, `${Math.round(skipped.ms)} ms for ${SILENCE_MS} ms of silence and more`)

  await page.getByRole('button', { name: 'Play' }).waitFor()
  await page.keyboard.press('KeyS')
  await slider.focus()
  for (let step = 0; step < 3; step += 1) await page.keyboard.press('ArrowLeft')
  await until(async () => (await seconds()) === 0)
  for (let step = 0; step < 4; step += 1) await page.keyboard.press('BracketRight')
  await page.getByText('2×').waitFor()
  await page.keyboard.press('F8')
  await heardUntil(1)
  const fast = await heardUntil(5)
  t.ok(fast.ms > 1_200 && fast.ms < 3_900, `four seconds were heard in ${Math.round(fast.ms)} ms`)
  t.same(page.faults, [])
  await page.context().close()
})

t.test(
  'a review is done by keys: digits choose, E cites; a reload brings the draft back',
  { timeout: 280_000 },
  async t => {
    const page = await openAs(browser, server, QUINN, { path: `/quality/calls/${callId}` })
    await page.getByRole('combobox', { name: 'Scorecard' }).selectOption(scorecardId)
    await page.getByRole('button', { name: 'Review this call' }).click()
    const form = page.getByTestId('review-form')
    await form.waitFor()
    const greeting = form.locator('fieldset', { hasText: 'greet by name' })
    await greeting.getByRole('radio').first().focus()
    await page.keyboard.press('1')
    await page.keyboard.press('e')
    await greeting.getByRole('button', { name: /0:00/ }).first().waitFor()
    await page.getByText('Draft saved').waitFor()
    await form.getByRole('button', { name: 'Submit' }).click()
    await form.locator('fieldset[data-missing=true]', { hasText: 'date promised' }).waitFor()
    await page.waitForFunction(
      async ([id]) => {
        const answer = await fetch(`/api/v1/reviews?callId=${id}`)
        return JSON.stringify(await answer.json()).includes('evidence')
      },
      [callId]
    )
    await page.reload()
    await page.getByTestId('review-form').waitFor()
    const again = page.getByTestId('review-form').locator('fieldset', { hasText: 'greet by name' })
    t.equal(await again.getByRole('radio').first().isChecked(), true)
    const promise = page.getByTestId('review-form').locator('fieldset', { hasText: 'date promised' })
    await promise.getByRole('radio').nth(1).focus()
    await page.keyboard.press('2')
    await promise.getByRole('checkbox').check()
    await page.getByText('1 critical').waitFor()
    await page.getByRole('button', { name: 'Submit' }).click()
    await page.getByText('submitted').first().waitFor()
    const { body } = await server.api('GET', `/reviews?callId=${callId}`)
    t.match(body.items, [{ status: 'submitted', critical: ['promise'], isPassed: false }])
    t.same(page.faults, [])
    await page.context().close()
  }
)

t.test('comments stand at the moment, and a clip’s link opens for whoever has it', { timeout: 280_000 }, async t => {
  const page = await openAs(browser, server, QUINN, { path: `/quality/calls/${callId}?t=3100` })
  await page.getByTestId('transcript').locator('li').first().waitFor()
  await page.getByRole('slider').focus()
  await page.keyboard.press('c')
  await page.keyboard.type('A clear promise')
  await page.getByRole('button', { name: 'Add comment' }).click()
  await page.getByText('A clear promise').last().waitFor()
  await page.getByRole('button', { name: 'Clip from here' }).click()
  await page.getByRole('textbox', { name: 'Title' }).fill('Refund')
  await page.getByRole('textbox', { name: 'For whom' }).fill('team lead')
  await page.getByRole('button', { name: 'Make the link' }).click()
  const link = await page.getByTestId('clip-link').locator('code').innerText()
  const stranger = await (await browser.context()).newPage()
  await stranger.goto(link)
  t.match(await stranger.locator('main').innerText(), /For team lead[\s\S]*refund today/)
  const sound = await stranger.evaluate(
    async path => {
      const answer = await fetch(path)
      return { status: answer.status, bytes: (await answer.arrayBuffer()).byteLength }
    },
    `${new URL(link).pathname}/audio`
  )
  t.match(sound, { status: 200 })
  t.ok(sound.bytes > 20_000)
  t.same(await axeFindings(stranger as Page), [])
  await stranger.context().close()
  await page.context().close()
})

t.test('the agent reads the review and says what speaks against it', { timeout: 280_000 }, async t => {
  await server.parley.db.updateTable('reviews').set({ agent_id: people.ana.id }).execute()
  const ana = { username: 'ana', password: people.ana.password }
  const page = await openAs(browser, server, ana, { path: '/my-reviews' })
  await page.getByRole('button', { name: 'I have read it' }).click()
  await page.getByText('I see it differently').click()
  await page.getByRole('textbox', { name: 'What speaks against it' }).fill('I said "today", that is a date.')
  await page.getByRole('button', { name: 'Send' }).click()
  await page.getByText('disputed').waitFor()
  await page.goto(`${server.url}/quality/calls`)
  await page.getByTestId('quality-search').waitFor({ state: 'detached' })
  t.same(page.faults, [])
  await page.context().close()
})

t.test(
  'a call’s page says on what leave it is recorded and what keeps it, and keeps it for a court',
  { timeout: 280_000 },
  async t => {
    await server.api('POST', '/retention/rules', { name: 'A year', keepDays: 365, reason: 'house rule' })
    const voicemail = { call_id: callId, mailbox: 'support', language: 'en', heard_at: null, bytes: 10 }
    await server.parley.db
      .insertInto('voicemails')
      .values({ ...voicemail, id: newId(), file: 'voicemails/none', sealed_key: '', duration_ms: 4_000 })
      .execute()
    const page = await openAs(browser, server, ADMIN, { path: `/quality/calls/${callId}` })
    const consents = page.getByTestId('call-consents')
    await consents.getByText('One party is enough').click()
    t.match(await consents.innerText(), /Customer agreed · nothing had to be said[\s\S]*us-dc\.recording/)
    t.match(await page.getByTestId('call-voicemails').innerText(), /support/)
    const keeping = page.getByTestId('call-keeping')
    await keeping.getByText('A year').first().waitFor()
    t.match(await keeping.innerText(), /Recording\s+kept until\s+A year/)
    await keeping.getByText('Keep for a legal matter').click()
    await keeping.getByRole('textbox', { name: 'Matter' }).fill('Case 12')
    await keeping.getByRole('textbox', { name: 'Reason' }).fill('court order')
    await keeping.getByRole('button', { name: 'Keep' }).click()
    await keeping.getByText('held: Case 12').first().waitFor()
    t.same(page.faults, [])
    await page.context().close()
    const reviewer = await openAs(browser, server, QUINN, { path: `/quality/calls/${callId}` })
    await reviewer.getByTestId('call-consents').waitFor()
    t.equal(await reviewer.getByTestId('call-keeping').count(), 0, 'what is kept how long is not the reviewer’s')
    await reviewer.context().close()
  }
)

t.test('results show how far a machine agrees with people', { timeout: 280_000 }, async t => {
  const { body } = await server.api('POST', '/api-keys', { name: 'scorer', role: 'integration' })
  const answers = { greeting: { value: 'yes', evidence: [{ fromMs: 0, toMs: 1_000 }] } }
  const judged = { provider: 'robot', scorecardId, version: 1, answers }
  const stored = await server.api('POST', `/calls/${callId}/machine-reviews`, judged, body['key'] as string)
  t.equal(stored.status, 201, JSON.stringify(stored.body))
  const page = await openAs(browser, server, QUINN, { path: '/quality/results' })
  const table = page.getByTestId('machine-agreement')
  await table.getByRole('rowheader', { name: 'Did the agent greet by name?' }).waitFor()
  t.match(await table.innerText(), /robot · Service v1[\s\S]*50 answers[\s\S]*greet by name\?\s+1\s+100 %/)
  t.same(page.faults, [])
  await page.context().close()
})

for (const look of LOOKS)
  t.test(`the quality screens are whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    for (const [name, path, ready] of [
      ['search', '/quality/calls?q=refund', '[data-testid=result] mark'],
      ['call', `/quality/calls/${callId}?q=refund&t=3000`, '[data-testid=wave] div'],
      ['tasks', '/quality/tasks', '[data-testid=quality-tasks]'],
      ['results', '/quality/results', '[data-testid=quality-results] tbody tr'],
      ['scorecards', '/quality/scorecards', '[data-testid=quality-scorecards] li'],
      ['calibrations', '/quality/calibrations', '[data-testid=quality-calibrations]']
    ] as const) {
      const person = name === 'call' ? ADMIN : QUINN
      const page = await openAs(browser, server, person, { ...look, path, width: 1400, height: 1000 })
      await page.locator(ready).first().waitFor()
      if (name === 'call') await page.locator('[data-testid=transcript] li').first().waitFor()
      if (name === 'call') await page.locator('[data-testid=call-keeping] td').first().waitFor()
      t.same(await axeFindings(page), [], name)
      t.ok(await fitsWindow(page), name)
      t.same(await page.evaluate(UNTRANSLATED), [], name)
      t.same(page.faults, [], name)
      if (isTakingPictures && (name === 'search' || name === 'call')) {
        await mkdir(PICTURES, { recursive: true })
        await page.screenshot({ path: join(PICTURES, `quality-${name}-${look.name}.png`) })
      }
      await page.context().close()
    }
  })

t.test('silence is what neither side breaks, and answers are read in any script', async t => {
  const quiet = Array.from({ length: 40 }, () => 0)
  const loud = Array.from({ length: 10 }, () => 90)
  t.same(
    silencesOf({ pointsPerSecond: 10, left: [...loud, ...quiet, ...loud], right: Array.from({ length: 60 }, () => 0) }),
    [{ fromMs: 1_300, toMs: 4_700 }]
  )
  t.match(readOptions('はい＝100、いいえ＝0'), [
    { label: 'はい', points: 100 },
    { label: 'いいえ', points: 0 }
  ])
})
