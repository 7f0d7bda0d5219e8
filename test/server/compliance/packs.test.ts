import { createHash } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { compilePacks, SettingsError } from '../../../server/compliance/packs/compile.ts'
import { type LoadedPack, loadPacks, PackError, parsePacks } from '../../../server/compliance/packs/load.ts'
import { PackCache } from '../../../server/compliance/packs/pack-cache.ts'
import { PackSchema } from '../../../server/compliance/packs/schema.ts'
import { overdueReviews, verifyPacks } from '../../../server/compliance/packs/verify.ts'

const folder = fileURLToPath(new URL('../../../config/rule-packs/', import.meta.url))
const packs = await loadPacks(folder)

t.test('every shipped pack passes its own boundary tests', async t => {
  t.same(verifyPacks(packs), [])
})

t.test('no shipped pack is past its review date', async t => {
  t.same(overdueReviews(packs, new Date().toISOString().slice(0, 10)), [])
})

t.test('there is a pack for every jurisdiction of the reference and every state', async t => {
  const covered = new Set(packs.flatMap(one => one.pack.jurisdictions))
  const countries = 'US CA GB DE FR ES IT NL AU SG IN JP AE SA ID BR CO'.split(' ')
  const states =
    'AL AK AZ AR CA CO CT DE FL GA HI ID IL IN IA KS KY LA ME MD MA MI MN MS MO MT NE NV NH NJ NM NY NC ND OH OK OR PA RI SC SD TN TX UT VT VA DC WA WV WI WY'.split(
      ' '
    )
  for (const country of countries) t.ok(covered.has(country), country)
  for (const state of states) t.ok(covered.has(`US-${state}`), state)
})

t.test('every rule has dated versions, graded sources and at least two tests', async t => {
  for (const { pack } of packs)
    for (const rule of pack.rules) {
      t.ok(rule.tests.length >= 2, rule.id)
      for (const version of rule.versions) t.ok(version.from !== '' && version.source.length > 0, rule.id)
    }
})

t.test('the JSON Schema beside the packs is the one that the program checks with', async t => {
  const file = `${folder}rule-pack.schema.json`
  const text = `${JSON.stringify(PackSchema, null, 2)}\n`
  if (process.argv.includes('--write')) await writeFile(file, text)
  t.equal(await readFile(file, 'utf8'), text, 'stale: run node test/server/compliance/packs.test.ts --write')
})

const GOOD = `pack: xx-test
version: 2026.1.1
kind: house
title: A pack for a test
jurisdictions: [ US-NY ]
owner: compliance
reviewBy: 2027-01-01
sample: "+12125550123"
rules:
  - id: xx-test.hours
    title: Hours
    check: window
    certainty: K
    versions:
      - from: 2020-01-01
        to: 2023-09-30
        status: enacted
        windows: [ { days: mon-sun, start: 09:00, end: 21:00 } ]
        source: [ { cite: a statute, grade: S } ]
      - from: 2023-10-01
        status: enacted
        windows: [ { days: mon-sun, start: 09:00, end: 20:00 } ]
        source: [ { cite: a later statute, grade: S } ]
    tests:
      - { at: 2026-12-02T01:30:00Z, expect: HOURS_OUTSIDE }
      - { at: 2026-12-02T00:30:00Z, expect: pass }
`

function problemsOf(text: string): string[] {
  try {
    parsePacks([{ file: 'xx-test.yaml', text }])
    return []
  } catch (err) {
    if (err instanceof PackError) return err.message.split('\n')
    throw err
  }
}

t.test('a pack that cannot be used is refused with file, line and reason', async t => {
  t.same(problemsOf(GOOD), [])
  const wrong: readonly (readonly [string, string, RegExp])[] = [
    ['from: 2023-10-01', 'from: 2023-09-15', /^xx-test\.yaml:20:9 overlaps .* in force to 2023-09-30$/],
    ['from: 2023-10-01', 'from: 2023-11-01', /^xx-test\.yaml:20:9 leaves a gap after 2023-09-30/],
    ['certainty: K', 'certainty: sure', /^xx-test\.yaml:13:5 must be one of P, S, K, UNVERIFIED$/],
    ['    certainty: K\n', '    certainty: K\n    script: "return true"\n', /^xx-test\.yaml:14:5 unknown key script$/],
    ['check: window', 'check: javascript', /^xx-test\.yaml:10:\d+ has no known check \(javascript\)$/],
    [
      'start: 09:00, end: 20:00',
      'start: 20:00, end: 09:00',
      /^xx-test\.yaml:22:\d+ 20:00-09:00 ends before it begins$/
    ],
    [
      'days: mon-sun, start: 09:00, end: 20:00',
      'days: daily, start: 09:00, end: 20:00',
      /daily is not a list of days$/
    ],
    ['reviewBy: 2027-01-01', 'reviewBy: 2027-13-01', /^xx-test\.yaml:7:1 2027-13-01 is not a date$/],
    ['id: xx-test.hours', 'id: other.hours', /other\.hours must begin with xx-test\.$/],
    ['title: A pack for a test', 'title: A pack\nneedsTzdb: 2999a', /needs zone database 2999a; this runtime has/],
    ['title: A pack for a test', 'title: A pack\nextends: nowhere', /there is no pack nowhere$/],
    ['pack: xx-test', 'pack: [', /^xx-test\.yaml:\d+:\d+ /],
    ['      - { at: 2026-12-02T00:30:00Z, expect: pass }\n', '', /must NOT have fewer than 2 items/]
  ]
  for (const [from, to, expected] of wrong) {
    const problems = problemsOf(GOOD.replace(from, to))
    t.ok(
      problems.some(one => expected.test(one)),
      `${to}: ${problems.join(' | ')}`
    )
  }
})

t.test('a boundary test that does not hold names its line', async t => {
  const [pack] = parsePacks([{ file: 'xx-test.yaml', text: GOOD.replace('expect: pass', 'expect: DAY_PROHIBITED') }])
  const problems = verifyPacks(pack === undefined ? [] : [pack])
  t.equal(problems[0]?.line, 26)
  t.match(problems[0]?.message, /expected DAY_PROHIBITED, found pass/)
})

t.test('one wrong file of many keeps the whole set from being taken over', async t => {
  t.throws(
    () =>
      parsePacks([
        { file: 'a.yaml', text: GOOD },
        { file: 'b.yaml', text: GOOD }
      ]),
    { code: 'PACK_INVALID', message: /b\.yaml|a\.yaml/ }
  )
})

t.test('settings may switch off courtesy and house, never a law', async t => {
  t.throws(() => compilePacks(packs, { disabledPacks: ['us-fl'] }), SettingsError)
  t.throws(() => compilePacks(packs, { disabledPacks: ['it-code'] }), SettingsError)
  t.doesNotThrow(() => compilePacks(packs, { disabledPacks: ['gb-house'] }))
  t.throws(() => compilePacks(packs, { warnOnly: [{ rule: 'us-fl.hours', by: 'A. Counsel', reason: 'opinion' }] }))
  t.doesNotThrow(() =>
    compilePacks(packs, { warnOnly: [{ rule: 'in.hours', by: 'A. Counsel', reason: 'opinion of 2026-11-01' }] })
  )
  t.throws(() => compilePacks(packs, { warnOnly: [{ rule: 'in.hours', by: ' ', reason: 'opinion' }] }))
})

t.test('the hash of a set changes with any pack and any setting', async t => {
  const first = compilePacks(packs)
  t.equal(compilePacks(packs).hash, first.hash)
  t.not(compilePacks(packs.slice(1)).hash, first.hash)
  t.not(compilePacks(packs, { endGuardSeconds: 30 }).hash, first.hash)
  const changed = parsePacks([{ file: 'xx-test.yaml', text: `${GOOD}# a remark\n` }])
  t.not(changed[0]?.hash, parsePacks([{ file: 'xx-test.yaml', text: GOOD }])[0]?.hash)
})

t.test('packs that were read before are the same, and read anew when anything about them is not', async t => {
  const folder = t.testdir({ 'xx-test.yaml': GOOD })
  const path = join(folder, 'rule-packs.cache')
  const load = async () => {
    const cache = await PackCache.open(path)
    const packs = await loadPacks(folder, cache)
    await cache.write()
    return packs
  }
  const plain = (packs: readonly LoadedPack[]) => packs.map(({ pack, hash, text }) => ({ pack, hash, text }))
  const [fresh, again] = [await load(), await load()]
  t.same(plain(again), plain(fresh))
  t.same(again[0]?.lineOf(['rules', 0, 'versions', 1, 'from']), fresh[0]?.lineOf(['rules', 0, 'versions', 1, 'from']))
  const kept = await readFile(path, 'utf8')

  await writeFile(join(folder, 'xx-test.yaml'), GOOD.replace('title: A pack for a test', 'title: Another'))
  t.equal((await load())[0]?.pack.title, 'Another', 'a text that has changed')
  await writeFile(join(folder, 'xx-test.yaml'), GOOD.replace('certainty: K', 'certainty: sure'))
  await t.rejects(load(), PackError, 'a wrong text is refused whatever is kept')

  await writeFile(join(folder, 'xx-test.yaml'), GOOD)
  await writeFile(path, kept.replace('A pack for a test', 'Something else'))
  t.equal((await load())[0]?.pack.title, 'A pack for a test', 'a damaged file of kept packs')
  const body = kept
    .slice(kept.indexOf('\n') + 1)
    .replace(/"state":"[0-9a-f]+"/, '"state":"of another program"')
    .replace('A pack for a test', 'Something else')
  await writeFile(path, `${createHash('sha256').update(body).digest('hex')}\n${body}`)
  t.equal((await load())[0]?.pack.title, 'A pack for a test', 'what another program kept')
})
