import { randomBytes } from 'node:crypto'
import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import fc from 'fast-check'
import t from 'tap'
import { DncStore } from '../../../server/compliance/dnc/dnc-store.ts'
import type { ListFormat } from '../../../server/compliance/dnc/formats.ts'
import { type ImportError, type ImportOptions, importList } from '../../../server/compliance/dnc/import.ts'
import { InternalList } from '../../../server/compliance/dnc/internal-list.ts'
import { NumberSetBuilder } from '../../../server/compliance/dnc/number-set.ts'
import { readSetFile, writeSetFile } from '../../../server/compliance/dnc/set-file.ts'
import { openTestDatabases } from './support/database.ts'

t.setTimeout(90_000)
const databases = await openTestDatabases()
t.teardown(() => databases[Symbol.asyncDispose]())

const bytes = (text: string, encoding: BufferEncoding = 'utf8') => [Buffer.from(text, encoding)]
const read = (text: string, format: ListFormat, more: Partial<ImportOptions> = {}) =>
  importList(bytes(text), { format, method: 'full', ...more })
const refused = async (work: Promise<unknown>): Promise<ImportError> => {
  try {
    await work
  } catch (err) {
    return err as ImportError
  }
  throw new Error('was not refused')
}

t.test('each registry’s form is read, and what it lists is found', async t => {
  const cases: readonly (readonly [ListFormat, string, readonly string[], readonly string[]])[] = [
    [
      'ftc',
      '202,5550101\n2025550102\n"202","5550103"\r\n',
      ['+12025550101', '+12025550102', '+12025550103'],
      ['+12025550104']
    ],
    ['dncl', '4165550123\r\n416-555-0124\r\n', ['+14165550123', '+14165550124'], ['+14165550125']],
    ['tps', '02079460018\n07400123456\n', ['+442079460018', '+447400123456'], ['+442079460019']],
    [
      'bloctel',
      '0612345678\n+33612345679\n0033612345670\n',
      ['+33612345678', '+33612345679', '+33612345670'],
      ['+33612345671']
    ],
    ['rpo', 'numero;esito\n3331234567;S\n0612345678;N\n', ['+393331234567'], ['+390612345678']],
    ['dncr', '0412345678,Y\n0412345679,N\n', ['+61412345678'], ['+61412345679']],
    [
      'csv',
      'name,phone\n"Doe, Jane",+1 202 555 0101\nX,+44 20 7946 0018\n',
      ['+12025550101', '+442079460018'],
      ['+12025550102']
    ],
    ['ftc-xml', '<list>\n<ac val="202">\n<ph val="5550101"/>\n</ac>\n</list>\n', ['+12025550101'], ['+12025550102']]
  ]
  for (const [format, text, listed, others] of cases) {
    const { set, report } = await read(text, format)
    t.equal(report.wrongLines, 0, `${format}: ${JSON.stringify(report.problems)}`)
    for (const number of listed) t.ok(set.has(number), `${format} ${number}`)
    for (const number of others) t.notOk(set.has(number), `${format} ${number}`)
    t.equal(set.size, listed.length, format)
  }
})

t.test('a list that arrives in any cut of chunks and any encoding gives the same numbers', async t => {
  const text = Array.from({ length: 300 }, (_, index) => `202,${String(5_550_000 + index)}`).join('\r\n')
  const whole = await read(text, 'ftc')
  const data = Buffer.from(text)
  await fc.assert(
    fc.asyncProperty(fc.array(fc.integer({ min: 1, max: data.length - 1 }), { maxLength: 6 }), async cuts => {
      const sorted = [0, ...cuts.toSorted((a, b) => a - b), data.length]
      const chunks = sorted.slice(1).map((end, index) => data.subarray(sorted[index], end))
      const { set, report } = await importList(chunks, { format: 'ftc', method: 'full' })
      return set.size === 300 && report.sha256 === whole.report.sha256 && report.lines === 300
    }),
    { numRuns: 60 }
  )
  for (const [encoding, mark] of [
    ['utf16le', '\ufeff'],
    ['utf8', '\ufeff'],
    ['latin1', '']
  ] as const) {
    const { set } = await importList(bytes(mark + text, encoding), { format: 'ftc', method: 'full' })
    t.equal(set.size, 300, encoding)
  }
  const latin = Buffer.from('téléphone;nom\n+33612345678;Zoé\n', 'latin1')
  const { set } = await importList(
    [Buffer.concat([Buffer.from('phone;nom\n'), latin.subarray(latin.indexOf(10) + 1)])],
    {
      format: 'csv',
      method: 'full'
    }
  )
  t.ok(set.has('+33612345678'))
})

t.test('a file that cannot be trusted is refused with its report, line by line', async t => {
  t.equal((await refused(read('', 'ftc'))).code, 'DNC_EMPTY')
  t.equal((await refused(read('\n\n', 'ftc'))).code, 'DNC_EMPTY')
  const wrong = await refused(read('2025550101\nhello\n2025550102\n12345\n', 'ftc'))
  t.equal(wrong.code, 'DNC_TOO_MANY_WRONG_LINES')
  t.same(
    wrong.report.problems.map(one => one.line),
    [2, 4]
  )
  t.notMatch(JSON.stringify(wrong.report), /202555/, 'no number stands in the report')
  t.equal((await refused(read('2025550101\n2025550102\n20255501', 'ftc'))).code, 'DNC_TRUNCATED')
  t.equal((await refused(read('2025550101\n', 'ftc', { expected: { lines: 2 } }))).code, 'DNC_TRUNCATED')
  t.equal((await refused(read('2025550101\n', 'ftc', { expected: { bytes: 99 } }))).code, 'DNC_TRUNCATED')
  t.equal((await refused(read('2025550101\n', 'ftc', { expected: { sha256: '00' } }))).code, 'DNC_CHECKSUM')
  t.equal((await refused(read('id,name\n1,x\n', 'csv'))).code, 'DNC_EMPTY')
  const binary = await refused(importList([randomBytes(200_000).fill(7, 0, 70_000)], { format: 'ftc', method: 'full' }))
  t.match(binary.code, /^DNC_/)
  const { report } = await read('2025550101\n2025550101\n202,5550101\n', 'ftc')
  t.equal(report.duplicates, 2)
  t.equal(report.numbers, 1)
})

t.test('a full list of half the size is only taken when somebody says so', async t => {
  const { set: base } = await read(Array.from({ length: 50 }, (_, i) => `202555${1000 + i}`).join('\n'), 'ftc')
  const few = '2025551000\n'
  t.equal((await refused(read(few, 'ftc', { base }))).code, 'DNC_SHRUNK')
  t.equal((await read(few, 'ftc', { base, acceptsShrinking: true })).set.size, 1)
})

t.test('a change file adds and removes, and leaves the list it was made from as it was', async t => {
  const { set: base } = await read('2025550101\n2025550102\n', 'ftc')
  const change = '202,5550103,2026-11-20 03:00,A\n202,5550101,2026-11-20 03:00,D\n'
  const { set, report } = await importList(bytes(change), { format: 'ftc-change', method: 'change', base })
  t.same([...set.values()], [12025550102, 12025550103])
  t.equal(report.removedLines, 1)
  t.same([...base.values()], [12025550101, 12025550102])
})

t.test('a set holds exactly the numbers that were put in, few or many, near or far', async t => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(
        fc.oneof(
          fc.integer({ min: 12_025_550_000, max: 12_025_590_000 }),
          fc.integer({ min: 10_000_000, max: 999_999_999_999 }),
          fc.constantFrom(999_999_999_999_999, 1_048_576, 1_048_575)
        ),
        { maxLength: 4_000 }
      ),
      async numbers => {
        const builder = new NumberSetBuilder()
        for (const number of numbers) builder.add(number)
        const set = await builder.build()
        const unique = [...new Set(numbers)].sort((a, b) => a - b)
        return (
          set.size === unique.length &&
          JSON.stringify([...set.values()]) === JSON.stringify(unique) &&
          unique.every(one => set.hasValue(one) && set.has(`+${one}`)) &&
          unique.every(one => unique.includes(one + 1) === set.hasValue(one + 1))
        )
      }
    ),
    { numRuns: 40 }
  )
  t.pass()
})

t.test('pages full of numbers are found however far apart they lie, also after the set was stored', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-dnc-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const builder = new NumberSetBuilder()
  const firsts = [12_025_550_000, 999_999_000_000_000]
  for (const first of firsts) for (let index = 0; index < 30_000; index += 3) builder.add(first + index)
  const built = await builder.build()
  const path = join(folder, 'list.pdnc')
  const read = await readSetFile(path, await writeSetFile(path, built))
  for (const set of [built, read])
    for (const first of firsts) {
      const found = Array.from({ length: 30_000 }, (_, index) => set.hasValue(first + index))
      t.ok(found.every((isIn, index) => isIn === (index % 3 === 0)))
      t.notOk(set.hasValue(first - 3) || set.hasValue(first + 30_000) || set.hasValue(5) || set.has(''))
    }
})

t.test('a stored set is read back, and a damaged one is refused', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-dnc-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const builder = new NumberSetBuilder()
  for (let number = 12_025_550_000; number < 12_025_580_000; number += 3) builder.add(number)
  builder.add(4_915_123_456_789)
  const set = await builder.build()
  const path = join(folder, 'list.pdnc')
  const hash = await writeSetFile(path, set)
  t.same([...(await readSetFile(path, hash)).values()], [...set.values()])
  const data = await readFile(path)
  data[data.length - 9] = (data[data.length - 9] ?? 0) ^ 1
  await writeFile(path, data)
  await t.rejects(readSetFile(path, hash), { code: 'DNC_FILE_BROKEN' })
  await writeFile(path, data.subarray(0, 40))
  await t.rejects(readSetFile(path, null), { code: 'DNC_FILE_BROKEN' })
})

t.test('versions come into force at once, survive a restart, roll back, and never half-apply', async t => {
  await databases.each(async db => {
    const folder = await mkdtemp(join(tmpdir(), 'parley-dnc-'))
    t.teardown(() => rm(folder, { recursive: true, force: true }))
    const store = await DncStore.open(db, folder)
    await store.create({ id: 'l1', name: 'National', registry: 'us-dnc', format: 'ftc', by: 'ann' })
    t.equal(store.lookup('us-dnc', '+12025550101'), null, 'nothing was ever imported')
    const request = (day: string) => ({
      listId: 'l1',
      method: 'full' as const,
      sourceName: 'f.txt',
      obtainedAt: new Date(day),
      by: 'ann'
    })
    const progress: number[] = []
    await store.import(bytes('2025550101\n2025550102\n'), {
      ...request('2026-11-20'),
      onProgress: one => progress.push(one.lines)
    })
    t.same(progress, [2])
    t.same(store.lookup('us-dnc', '+12025550101'), {
      obtainedAt: new Date('2026-11-20'),
      listed: true,
      snapshotId: 'l1@1'
    })

    const change = { ...request('2026-11-21'), method: 'change' as const }
    await store.import(bytes('202,5550101,x,D\n202,5550109,x,A\n'), { ...change, sequence: 7 })
    t.equal(store.lookup('us-dnc', '+12025550101')?.listed, false)
    t.equal(store.lookup('us-dnc', '+12025550109')?.listed, true)
    t.equal(
      (await refused(store.import(bytes('202,5550102,x,D\n'), { ...change, sequence: 9 }))).code,
      'DNC_OUT_OF_ORDER'
    )
    t.equal(
      (await refused(store.import(bytes('202,5550102,x,D\n'), { ...change, obtainedAt: new Date('2026-11-01') }))).code,
      'DNC_OUT_OF_ORDER'
    )
    t.equal((await refused(store.import(bytes('nonsense\n'), request('2026-11-23')))).code, 'DNC_EMPTY')
    t.equal(store.lookup('us-dnc', '+12025550109')?.snapshotId, 'l1@2', 'the old version is still in force')

    const other = await DncStore.open(db, folder)
    t.equal(other.lookup('us-dnc', '+12025550109')?.listed, true, 'after a restart')
    await store.rollBack('l1', 1, 'the change file was wrong', 'bob')
    t.equal(store.lookup('us-dnc', '+12025550101')?.snapshotId, 'l1@1')
    await other.refresh()
    t.equal(other.lookup('us-dnc', '+12025550101')?.listed, true, 'another control plane follows')
    await t.rejects(store.rollBack('l1', 99, 'x', null), { code: 'DNC_UNKNOWN' })
    t.same(
      (await store.versions('l1')).map(one => [one.version, one.numbers, one.sequence]),
      [
        [2, 2, 7],
        [1, 2, null]
      ]
    )
    await t.rejects(db.deleteFrom('dnc_versions').execute(), /append-only/)
  })
})

t.test('a person who says stop is on the internal list at once, by hash only, also after erasure', async t => {
  await databases.each(async db => {
    const key = randomBytes(32)
    const list = await InternalList.open(db, key)
    const stop = { e164: '+12025550101', channel: 'call', at: new Date('2026-11-20T12:00:00Z'), recordedBy: 'ann' }
    await list.stop(stop)
    t.same(list.find('+12025550101'), { since: stop.at, scope: 'all' })
    t.equal(list.find('+12025550102'), null)
    const rows = await db.selectFrom('dnc_suppressions').selectAll().execute()
    t.notMatch(JSON.stringify(rows), /2025550101/)
    const other = await InternalList.open(db, key)
    t.ok(other.find('+12025550101'))
    await list.stop({ ...stop, e164: '+12025550103', scope: 'marketing' })
    await other.refresh()
    t.equal(other.find('+12025550103')?.scope, 'marketing')
    await list.lift({ ...stop, at: new Date('2026-12-01'), detail: 'asked for a callback' })
    t.equal(list.find('+12025550101'), null)
    t.equal(
      (await InternalList.open(db, randomBytes(32))).find('+12025550103'),
      null,
      'without the key nothing is found'
    )
  })
})
