import { mkdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { flowGraph } from '../../ivr-flows/graph.ts'
import { parseFlow } from '../../ivr-flows/parse.ts'
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

function apply(text: string, { from, to, insert }: Edit): string {
  return text.slice(0, from) + insert + text.slice(to)
}
