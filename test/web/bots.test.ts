import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { insertConversation, insertQuestion } from '../../sql/queries/bots/conversations.ts'
import { TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { DeskServer } from './support/desk-server.ts'
import { AFTER_BOT, idleState, offer } from './support/desk-states.ts'
import { startShift } from './support/shift.ts'
import { LOOKS, openAs, fitsWindow } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const UNTRANSLATED = String.raw`(document.querySelector('main').innerText.match(/\b(tab|list|field|state|edit|try|import|questions|figures|step|stage|source|reason)\.[a-zA-Z.-]+\b/g) ?? [])`

const MENU = `
id: wishes
name: Wishes
languages: [en]
defaultLanguage: en
start: menu
onFailure: bye
nodes:
  menu: { kind: menu, prompt: { tone: "%(20000,0,440)" }, choices: { "1": bye, "2": bye } }
  bye: { kind: hangup }
`

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start({ hasDemoData: true })
t.teardown(() => server[Symbol.asyncDispose]())
const people = await signInPeople(server, ['sara', 'ana'])
const SARA = { username: 'sara', password: people.sara.password }
const ANA = { username: 'ana', password: people.ana.password }
t.jobs = 1

t.test('a supervisor writes an article, publishes it, and tries a question', { timeout: 280_000 }, async t => {
  const page = await openAs(browser, server, SARA, { path: '/bots' })
  await page.getByText('No articles yet').waitFor()
  await page.getByRole('link', { name: 'Write an article' }).click()
  await page.getByRole('textbox', { name: /^Title/ }).fill('Returning goods')
  await page.getByRole('textbox', { name: /^Text/ }).fill('You may return goods within 30 days.')
  await page.getByRole('button', { name: 'Save as a draft' }).click()
  await page.getByTestId('version-1').getByText('Draft').waitFor()
  await page.getByRole('button', { name: 'Publish version 1' }).click()
  await page.getByTestId('version-1').getByText('Published').waitFor()
  await page.getByRole('textbox', { name: /^Text/ }).fill('You may return goods within 14 days.')
  await page.getByRole('button', { name: 'Save as a draft' }).click()
  await page.getByTestId('version-2').getByText('Draft').waitFor()

  await page.getByRole('link', { name: 'Try a question' }).click()
  await page.getByRole('textbox', { name: 'What would a caller ask?' }).fill('How can I return the goods?')
  await page.getByRole('button', { name: 'Ask' }).click()
  const found = page.getByTestId('found')
  await found.getByText('A bot would answer with the first passage').waitFor()
  t.match(await found.innerText(), /within 30 days/, 'the draft is not answered from')
  await page.getByRole('textbox', { name: 'What would a caller ask?' }).fill('What do I feed a tiger?')
  await page.getByRole('button', { name: 'Ask' }).click()
  await found.getByText('A bot would say that it does not know').waitFor()
  t.same(page.faults, [])
  await page.context().close()
})

t.test('a file is checked, its wrong line named, and then imported', { timeout: 280_000 }, async t => {
  const page = await openAs(browser, server, SARA, { path: '/bots/import' })
  await page.locator('input[type=file]').setInputFiles({
    name: 'help.csv',
    mimeType: 'text/csv',
    buffer: Buffer.from('title,body\nGift wrapping,We wrap gifts for free.\n,No title\n')
  })
  await page.getByRole('button', { name: 'Check only' }).click()
  const report = page.getByTestId('report')
  await report.getByText('Nothing was stored yet.').waitFor()
  t.match(await report.innerText(), /New: 1.*\n.*\n?.*Line 3 The article has no title/s)
  await page.getByRole('switch', { name: 'Publish at once' }).click()
  await page.getByRole('button', { name: 'Import', exact: true }).click()
  await report.getByText('Nothing was stored yet.').waitFor({ state: 'detached' })
  await page.getByRole('link', { name: 'Articles' }).click()
  await page.getByRole('link', { name: 'Gift wrapping' }).waitFor()
  t.same(page.faults, [])
  await page.context().close()
})

t.test('an author reads which sentences do not speak to customers as one does', { timeout: 280_000 }, async t => {
  const body = '# 返品する\n\n返品は30日以内にできます。送料は無料だ。**電話して**ください。'
  const { body: article } = await server.api('POST', '/knowledge-articles', { language: 'ja', title: '返品', body })
  const page = await openAs(browser, server, SARA, { path: `/bots/articles/${article['id']}` })
  const version = page.getByTestId('version-1')
  await version.getByText('Not as one speaks to customers').waitFor()
  const text = await version.innerText()
  t.match(text, /送料は無料だ。/)
  t.notMatch(text, /できます|返品する|ください/)
  t.same(await axeFindings(page), [])
  t.same(page.faults, [])
  await page.context().close()
  // The other tests count articles.
  await server.api('DELETE', `/knowledge-articles/${article['id']}`)
})

t.test('an agent may read, and nothing else', { timeout: 280_000 }, async t => {
  const page = await openAs(browser, server, ANA, { path: '/bots' })
  await page.getByRole('link', { name: 'Returning goods' }).click()
  await page.getByTestId('version-1').waitFor()
  t.equal(await page.getByRole('button', { name: 'Save as a draft' }).count(), 0)
  t.equal(await page.getByRole('link', { name: 'Import' }).count(), 0)
  t.same(page.faults, [])
  await page.context().close()
})

/** Calls, waits for the menu and presses a key. */
async function choose(number: string, key: string): Promise<void> {
  const { phone, audio, ...rest } = await server.phone()
  await using _ = rest
  const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
  audio.connect((await leg.answered()).sdp).sendSilence()
  await audio.hears(440)
  audio.sendDigits(key)
  await leg.waitForBye()
  await server.story(leg.callId)
}

t.test('what callers choose in menus is shown, also where no bot has talked', { timeout: 280_000 }, async t => {
  const look = async () => {
    const page = await openAs(browser, server, SARA, { path: '/bots/figures' })
    await page.getByText('No bot has talked in this time').waitFor()
    t.same(await axeFindings(page), [])
    t.same(page.faults, [])
    return page
  }
  const before = await look()
  await before.getByText('No caller chose anything in a menu in this time.').waitFor()
  await before.context().close()
  await server.publish(MENU)
  await server.addNumber('+12025550150', 'wishes')
  for (const key of ['1', '1', '2']) await choose('+12025550150', key)
  const page = await look()
  const table = page.getByRole('region', { name: 'What callers chose in menus' })
  t.same(
    (await table.getByRole('row').allInnerTexts()).map(row => row.split(/\s*\t\s*/)),
    [
      ['Flow', 'Step', 'Key', 'Chosen', 'Of these by voice', 'Calls'],
      ['wishes', 'menu', '1', '2', '0 (0%)', '2'],
      ['wishes', 'menu', '2', '1', '0 (0%)', '1']
    ]
  )
  await page.context().close()
})

t.test(
  'each screen in light, dark and Arabic: readable, translated, no wider than the window',
  { timeout: 280_000 },
  async t => {
    const { db } = server.parley
    const articleId = (
      (await server.api('GET', '/knowledge-articles?title=Returning')).body.items as { id: string }[]
    )[0]!.id
    const base = {
      flow_id: 'bot',
      node: 'bot',
      language: 'en',
      turns: 1,
      answered: 1,
      unknown: 0,
      model: null,
      tokens: 100,
      cost_cents: 0.02,
      disclosed_ms: 4_800,
      started_at: new Date(Date.now() - 60_000),
      ended_at: new Date()
    }
    const outcomes = [
      { outcome: 'done', reason: 'done', ended_at_step: 'solved', is_solved: true },
      { outcome: 'done', reason: 'done', ended_at_step: 'question', is_solved: null },
      { outcome: 'handover', reason: 'frustrated', ended_at_step: 'question', is_solved: null },
      { outcome: 'callerLeft', reason: 'callerLeft', ended_at_step: 'answer', is_solved: null }
    ] as const
    for (const [at, outcome] of outcomes.entries())
      await insertConversation(db, { ...base, ...outcome, id: `c${at}`, call_id: `call${at}` }, [
        {
          turn: 1,
          article_id: articleId,
          outcome: 'answer',
          source: 'retrieval',
          confidence: 0.9,
          retrieval_ms: 12,
          first_clause_ms: 14,
          speech_ms: 90,
          reply_ms: 3_100
        }
      ])
    for (const at of [1, 2])
      await insertQuestion(db, {
        id: `q${at}`,
        call_id: `call${at}`,
        language: 'en',
        question: 'Do you repair kettles?',
        words: ['repair', 'kettl'],
        asked_at: new Date(),
        article_id: null,
        settled_at: null
      })
    await mkdir(PICTURES, { recursive: true })
    const screens = [
      ['figures', 'figures'],
      [`articles/${articleId}`, 'article'],
      ['articles', 'articles'],
      ['questions', 'questions'],
      ['import', 'import']
    ] as const
    for (const look of LOOKS)
      for (const [path, name] of look.name === 'light' ? screens : screens.slice(0, 2)) {
        const page = await openAs(browser, server, SARA, {
          path: `/bots/${path}`,
          language: look.language,
          colours: look.colours,
          width: 1_200,
          height: 800
        })
        await page.getByTestId(name).waitFor()
        await page.waitForLoadState('networkidle')
        t.same(await page.evaluate(UNTRANSLATED), [], `${name} ${look.name} is translated`)
        t.same(await axeFindings(page), [], `${name} ${look.name} is accessible`)
        await page.setViewportSize({ width: 320, height: 700 })
        t.ok(await fitsWindow(page), `${name} ${look.name} fits a narrow window`)
        await page.setViewportSize({ width: 1_200, height: 800 })
        if (isTakingPictures) await page.screenshot({ path: join(PICTURES, `bots-${name}-${look.name}.png`) })
        t.same(page.faults, [])
        await page.context().close()
      }
  }
)

t.test('an agent sees before the answer why a bot hands over, and what was said', { timeout: 280_000 }, async t => {
  await using desk = await DeskServer.start()
  const page = await startShift(browser, desk)
  const ringing = { ...offer(), customer: AFTER_BOT }
  desk.become(idleState({ status: 'available', state: 'ringing', offer: ringing }))
  const note = page.getByTestId('bot-note')
  await note.waitFor()
  t.match(
    await note.innerText(),
    /from the bot, \d:\d\d ago[\s\S]*The caller is annoyed[\s\S]*Returning goods[\s\S]*A-4711/
  )
  t.match(await page.getByTestId('reason').first().innerText(), /return the kettle/)
  await note.getByText('What was said').click()
  await note.getByText('This is ridiculous').waitFor()
  t.equal(await page.getByTestId('scripted-caller').count(), 0, 'a person is not called a script')
  t.same(await axeFindings(page), [])
  if (isTakingPictures) await page.screenshot({ path: join(PICTURES, 'bots-hand-over-light.png') })
  desk.become(
    idleState({
      status: 'available',
      state: 'ringing',
      offer: { ...ringing, customer: { ...AFTER_BOT, isSimulated: true } }
    })
  )
  await page.getByTestId('scripted-caller').waitFor()
  t.same(await axeFindings(page), [], 'the card of a script')
  t.same(page.faults, [])
  await page.context().close()
})
