import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { REGISTER_LANGUAGES } from '../../ivr-flows/nodes/bot.ts'
import { flowGraph } from '../../ivr-flows/graph.ts'
import { parseFlow } from '../../ivr-flows/parse.ts'
import { ADDRESS_FORMS } from '../../web/src/flows/address.ts'
import { addText, type Edit, readFacts, replaceValue } from '../../web/src/flows/document.ts'
import { layoutOf } from '../../web/src/flows/layout.ts'
import { ADMIN_PASSWORD, TestParley } from '../support/parley.ts'
import { builtDesk } from './support/built-desk.ts'
import { axeFindings, DeskBrowser } from './support/desk-browser.ts'
import { LOOKS, openAs, fitsWindow, UNTRANSLATED } from './support/signed-in.ts'

const PICTURES = fileURLToPath(new URL('../../docs/guide/screenshots', import.meta.url))
/** Pictures are taken anew only when asked for; the checks run always. */
const isTakingPictures = process.env['PARLEY_SCREENSHOTS'] === 'true'
const ADMIN = { username: 'admin', password: ADMIN_PASSWORD }
const source = await readFile(new URL('../../ivr-flows/examples/first-minute.yaml', import.meta.url), 'utf8')

await builtDesk()
const browser = await DeskBrowser.launch()
t.teardown(() => browser[Symbol.asyncDispose]())
const server = await TestParley.start({ hasDemoData: true })
t.teardown(() => server[Symbol.asyncDispose]())
t.jobs = 1

for (const look of LOOKS)
  t.test(`the flow editor is whole and accessible, ${look.name}`, { timeout: 280_000 }, async t => {
    for (const path of ['/flows', '/flows/first-minute']) {
      const page = await openAs(browser, server, ADMIN, { ...look, path, width: 1440, height: 1000 })
      await page.locator('main h1').waitFor()
      if (path !== '/flows') {
        await page.getByTestId('graph').waitFor()
        await page.getByTestId('tree').getByRole('button', { name: 'menu' }).first().click()
        await page.getByTestId('step-form').waitFor()
      }
      t.same(await axeFindings(page), [], path)
      t.ok(await fitsWindow(page), path)
      t.same(await page.evaluate(UNTRANSLATED), [], path)
      t.same(page.faults, [], path)
      if (isTakingPictures && path !== '/flows') {
        await mkdir(PICTURES, { recursive: true })
        await page.screenshot({ path: join(PICTURES, `flows-editor-${look.name}.png`) })
      }
      await page.context().close()
    }
  })

t.test('a German prompt is changed by the form, compared and published, without the text', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/flows/first-minute' })
  await page.getByTestId('tree').getByRole('button', { name: 'hello' }).first().click()
  const prompt = page.getByTestId('step-form').getByRole('textbox', { name: 'German' })
  await prompt.fill('Willkommen bei Parley.')
  await page.getByRole('button', { name: 'Save as a version' }).click()
  await page.getByTestId('comparison').getByText('Willkommen bei Parley.').waitFor()
  await page.getByRole('button', { name: 'Publish version 2 now' }).click()
  await page.getByText('Version 2 is live.').first().waitFor()
  const { body } = await server.api('GET', '/flows/first-minute/versions/2')
  const stored = String(body['source'])
  t.match(stored, 'Willkommen bei Parley.')
  t.equal(
    stored.split('\n').filter((line, at) => line !== source.split('\n')[at]).length,
    1,
    'nothing else has changed'
  )
  await page.context().close()
})

for (const look of LOOKS)
  t.test(`how callers are addressed is chosen in the bot's step, ${look.name}`, { timeout: 120_000 }, async t => {
    const id = `familiar-${look.name}`
    await server.publish(familiarFlow(id))
    const page = await openAs(browser, server, ADMIN, { ...look, path: `/flows/${id}`, width: 1440, height: 1000 })
    await page.getByTestId('tree').getByRole('button', { name: 'helper' }).first().click()
    const form = page.getByTestId('step-form')
    const choices = form.locator('select').filter({ has: page.locator('option[value=informal]') })
    t.equal(await choices.count(), 2, 'German and Spanish have a choice, English has none')
    const [german, spanish] = [choices.nth(0), choices.nth(1)]
    t.equal(await german.inputValue(), 'formal')
    t.match(await german.locator('option').allTextContents(), [/Sie/, /du/])
    t.match(await spanish.locator('option').allTextContents(), [/usted/, /tú/])
    await german.selectOption('informal')
    await spanish.selectOption('informal')
    await page.locator('[data-testid=code]').getByText('register: { de: informal, es: informal }').waitFor()
    t.equal(await german.inputValue(), 'informal')
    t.same(await axeFindings(page), [])
    t.ok(await fitsWindow(page))
    t.same(await page.evaluate(UNTRANSLATED), [])
    if (isTakingPictures) {
      await mkdir(PICTURES, { recursive: true })
      await form.scrollIntoViewIfNeeded()
      await page.screenshot({ path: join(PICTURES, `flows-address-${look.name}.png`) })
    }
    const texts = await readFile(
      new URL(`../../web/src/i18n/locales/${look.language}/flows.json`, import.meta.url),
      'utf8'
    )
    await page.getByRole('button', { name: JSON.parse(texts).save, exact: true }).click()
    await page.getByTestId('comparison').waitFor()
    const { body } = await server.api('GET', `/flows/${id}/versions/2`)
    t.equal(
      String(body['source']),
      familiarFlow(id).replace('kind: bot', 'kind: bot\n    register: { de: informal, es: informal }')
    )
    t.same(page.faults, [])
    await page.context().close()
  })

t.test('how callers are addressed is read and written in each way of writing a step', async t => {
  t.same(
    Object.keys(ADDRESS_FORMS).sort(),
    [...REGISTER_LANGUAGES].sort(),
    'the desk knows the languages of the checker'
  )
  const flow = (step: string) =>
    `id: a\nname: A\nlanguages: [en, de-AT, es]\ndefaultLanguage: en\nstart: b\nnodes:\n  b:${step}\n  end: { kind: hangup }\n`
  const cases: readonly (readonly [step: string, before: readonly string[], german: 'formal' | 'informal'])[] = [
    ['\n    kind: bot # helps\n    goal: Help.\n    handover: end', ['formal', 'formal'], 'informal'],
    [' { kind: bot, goal: Help., handover: end }', ['formal', 'formal'], 'informal'],
    [
      '\n    kind: bot\n    goal: Help.\n    register: { de-AT: informal }\n    handover: end',
      ['informal', 'formal'],
      'formal'
    ],
    [
      '\n    kind: bot\n    goal: Help.\n    register: { de: informal }\n    handover: end',
      ['informal', 'formal'],
      'formal'
    ],
    [
      '\n    kind: bot\n    goal: Help.\n    register:\n      es: informal\n    handover: end',
      ['formal', 'informal'],
      'informal'
    ],
    ['\n    kind: bot\n    goal: Help.\n    register: {}\n    handover: end', ['formal', 'formal'], 'informal']
  ]
  for (const [step, before, german] of cases) {
    const text = flow(step)
    const { addresses, spoken, others } = readFacts(text)!.steps[0]!
    t.same(
      addresses.map(one => one.way),
      before,
      step
    )
    t.same(spoken, [], 'it is no text that callers hear')
    t.notOk(others.some(one => one.path.startsWith('register')))
    const after = apply(text, addresses[0]!.edits[german])
    t.same(
      readFacts(after)!.steps[0]!.addresses.map(one => one.way),
      [german, before[1]],
      after
    )
    const { problems } = parseFlow(after)
    t.same(
      problems.filter(one => /register/i.test(one.message) || one.code === 'YAML_SYNTAX'),
      [],
      after
    )
  }
})

t.test('an error keeps the flow from being saved, is named with its line, and mended by one click', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/flows/first-minute' })
  await page.getByTestId('graph').waitFor()
  const way = page.getByTestId('code').getByText('noInput: bye').first()
  await way.click()
  await page.keyboard.press('End')
  await page.keyboard.type('x')
  await page.getByText('UNKNOWN_TARGET').waitFor()
  t.equal(await page.getByRole('button', { name: 'Save as a version' }).isDisabled(), true)
  await page.getByRole('button', { name: 'Put “bye”' }).click()
  await page.getByText('UNKNOWN_TARGET').waitFor({ state: 'hidden' })
  await page.getByText('Nothing has changed.').waitFor()
  await page.context().close()
})

t.test('a walk through the draft says what is heard and lights the path', async t => {
  const page = await openAs(browser, server, ADMIN, { path: '/flows/first-minute' })
  await page.getByRole('button', { name: 'Walk through' }).click()
  await page.getByRole('button', { name: 'Begin', exact: true }).click()
  await page.getByTestId('walk').getByText('Hello. This is Parley.', { exact: false }).waitFor()
  await page
    .getByTestId('walk')
    .getByRole('button', { name: /to menu/ })
    .first()
    .click()
  t.equal(await page.locator('[data-testid=graph] g[data-walked=true]').count(), 2)
  await page.context().close()
})

t.test('an edit replaces one value and nothing else, comments and quotes stay', async t => {
  const facts = readFacts(source)!
  const hello = facts.steps.find(step => step.name === 'hello')!
  t.same(facts.languages, ['en', 'de', 'es', 'zh', 'ar', 'ja'])
  t.same(
    hello.ways.map(way => way.path),
    ['next']
  )
  const german = hello.spoken[0]!.texts.find(text => text.language === 'de')!
  const after = apply(source, replaceValue(source, german, 'Guten Tag: "hallo" #1'))
  t.equal(
    readFacts(after)!.steps[0]!.spoken[0]!.texts.find(text => text.language === 'de')!.value,
    'Guten Tag: "hallo" #1'
  )
  t.ok(parseFlow(after).flow)
  t.equal(after.split('\n').length, source.split('\n').length)
})

t.test('a missing language is added in block and in flow style', async t => {
  for (const prompt of ['\n      en: Hello\n', ' { en: Hello }\n', '\n      en: |\n        Hello\n']) {
    const text = `languages: [en, de]\nnodes:\n  a:\n    kind: say\n    prompt:${prompt}    next: a\n`
    const spoken = readFacts(text)!.steps[0]!.spoken[0]!
    t.same(spoken.missing, ['de'])
    const added = readFacts(apply(text, addText(text, spoken, 'de', 'Hallo, Welt')!))
    t.same(
      added?.steps[0]?.spoken[0]?.texts.map(one => one.value.trim()),
      ['Hello', 'Hallo, Welt'],
      prompt
    )
    t.equal(added?.steps[0]?.ways[0]?.value, 'a')
  }
})

t.test('the same document always gives the same picture, without one step over another', async t => {
  const graph = flowGraph(parseFlow(source).flow!)
  t.same(layoutOf(graph), layoutOf(graph))
  const places = layoutOf(graph).nodes.map(node => `${node.x} ${node.y}`)
  t.equal(new Set(places).size, places.length)
})

/** A bot for callers of three languages. */
function familiarFlow(id: string): string {
  return `id: ${id}
name: ${id}
languages: [en, de, es]
defaultLanguage: en
start: helper
onFailure: end
nodes:
  helper:
    kind: bot
    goal: Help with orders.
    handover: end
  end: { kind: hangup }
`
}

function apply(text: string, { from, to, insert }: Edit): string {
  return text.slice(0, from) + insert + text.slice(to)
}
