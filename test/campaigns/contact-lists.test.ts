import { Readable } from 'node:stream'
import t from 'tap'
import type { Mapping } from '../../server/contacts/mapping.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { patient } from '../support/patience.ts'
import { workbook } from '../support/workbook.ts'

type Uploaded = { uploadId: string; encoding: string; mapping: Mapping; rows: string[][] }
type Imported = {
  state: string
  lines: number
  imported: number
  updated: number
  duplicates: number
  wrong: number
  problems: { line: number; code: string; message: string }[]
  failure: { code: string; message: string } | null
}
type Contact = {
  id: string
  name: string
  language: string | null
  zone: string | null
  custom: Record<string, string>
  numbers: { number: string; kind: string }[]
}

for (const database of testDatabases())
  t.test(`campaign managers bring their contacts, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database })

    await t.test('a file from a spreadsheet is read, its columns are proposed, and bad lines are named', async t => {
      const list = await newList(server, 'Customers')
      const csv = [
        'Customer no;Vorname;Nachname;Telefon;Handy;Sprache;Zeitzone;Tarif',
        'k1;Anna;Weber;+49 30 23125 100;+49 1512 3456789;de;Europe/Berlin;Gold',
        'k2;Ben;"Ott; GmbH";4,915E+11;;de;;Silber',
        'k3;Cem;Kaya;030 23125 101;;tr;;',
        'k4;Dora;Lange;+49 1;;de;Europa/Berlin;',
        'k5;Anna;Weber;0049 30 23125100;;de;;Gold',
        'k6;Eva;Roth;;;de;;',
        'k7;Fay;Fox;+44 20 7946 0123;;en-GB;Europe/Nowhere;'
      ].join('\r\n')
      const uploaded = await upload(server, list, Buffer.from(`\ufeff${csv}`), 'kunden.csv')
      t.equal(uploaded.encoding, 'utf-8')
      t.same(
        uploaded.mapping.columns.map(one => one.role),
        ['externalId', 'firstName', 'lastName', 'number', 'number', 'language', 'zone', 'custom']
      )
      const done = await run(server, list, uploaded, { ...uploaded.mapping, defaultCountry: 'DE' })
      t.match(done, { state: 'done', lines: 7, imported: 3, duplicates: 1, wrong: 3 })
      const saying = (line: number) => done.problems.find(one => one.line === line)
      t.match(saying(3), {
        code: 'SPREADSHEET_NUMBER',
        message: '4,915E+11 was changed by a spreadsheet. Save the column as text.'
      })
      t.match(saying(5), { code: 'NUMBER_INVALID' })
      t.match(saying(6), { code: 'DUPLICATE', message: 'The same person as in line 2.' })
      t.match(saying(7), { code: 'NUMBER_MISSING' })
      t.match(saying(8), { code: 'ZONE_UNKNOWN' })
      const [anna, cem] = await contactsOf(server, list)
      t.match(anna, {
        name: 'Anna Weber',
        language: 'de',
        zone: 'Europe/Berlin',
        custom: { Tarif: 'Gold' },
        numbers: [
          { number: '+49 .. .. 00', kind: 'landline' },
          { number: '+49 .. .. 89', kind: 'mobile' }
        ]
      })
      t.match(cem, { name: 'Cem Kaya', numbers: [{ number: '+49 .. .. 01' }] })
      const second = await upload(server, list, Buffer.from(csv), 'kunden.csv')
      t.equal(second.mapping.defaultCountry, 'DE', 'the mapping is remembered')
      t.match(await run(server, list, second, { ...second.mapping, duplicates: 'update' }), {
        imported: 0,
        updated: 4,
        duplicates: 0
      })
    })

    await t.test('a workbook is read as people see it: formulas, dates, long numbers, merged cells', async t => {
      const list = await newList(server, 'Workbook')
      const file = workbook(
        [
          ['Name', 'Phone', 'Language', 'Since', 'Group'],
          ['Anna', 493023125100, 'de', { days: 46_000 }, 'first'],
          ['Ben', { formula: '"+49" & B9', value: '+493023125101' }, 'de', null, null],
          ['Cem', '+49 30 23125102', 'tr', { days: 46_000.5 }, 'second']
        ],
        ['E2:E3']
      )
      const uploaded = await upload(server, list, file, 'kunden.xlsx')
      t.equal(uploaded.rows[1]?.[1], '493023125100', 'a number keeps its digits')
      t.match(await run(server, list, uploaded, { ...uploaded.mapping, defaultCountry: 'DE' }), {
        state: 'done',
        imported: 3,
        wrong: 0
      })
      t.match(await contactsOf(server, list), [
        { name: 'Anna', custom: { Since: '2025-12-09', Group: 'first' }, numbers: [{ number: '+49 .. .. 00' }] },
        { name: 'Ben', custom: { Group: 'first' }, numbers: [{ number: '+49 .. .. 01' }] },
        { name: 'Cem', custom: { Since: '2025-12-09T12:00:00', Group: 'second' } }
      ])
    })

    await t.test(
      'a sheet that Excel has filled to its last line is said to be cut off, a longer one is read whole',
      async t => {
        const rows = [
          ['Name', 'Phone'],
          ['Last', '+493023125190']
        ]
        for (const { lastLine, problems } of [
          {
            lastLine: 1_048_576,
            problems: [{ line: 1_048_576, code: 'SHEET_FULL', message: /Import the rest as CSV/ }]
          },
          { lastLine: 1_048_577, problems: [] }
        ]) {
          const list = await newList(server, `Up to ${lastLine}`)
          const uploaded = await upload(server, list, workbook(rows, [], lastLine - 1), 'full.xlsx')
          const done = await run(server, list, uploaded, uploaded.mapping)
          t.match(done, { state: 'done', imported: 1, problems })
          t.equal((done['problems'] as unknown[]).length, problems.length)
        }
      }
    )

    await t.test('a workbook that unpacks to more than it says is refused', async t => {
      const list = await newList(server, 'Bomb')
      const file = workbook([
        ['Name', 'Phone'],
        ['Anna', '+493023125191']
      ])
      // APPNOTE.TXT §4.3.12: the unpacked size stands 24 bytes into the entry, the name 46 bytes.
      const at = file.lastIndexOf('xl/worksheets/sheet4.xml') - 46
      file.writeUInt32LE(file.readUInt32LE(at + 24) - 1, at + 24)
      const { body } = await post(server, `/contact-lists/${list}/uploads?name=bomb.xlsx`, file)
      t.match(body, { code: 'VALIDATION_FAILED', detail: /FILE_UNREADABLE/ })
    })

    await t.test('names survive every encoding that offices use', async t => {
      const table = 'name,phone\n'
      const cases: readonly (readonly [string, string, Buffer])[] = [
        [
          'utf-16le',
          'Jörg',
          Buffer.concat([Buffer.from([0xff, 0xfe]), Buffer.from(`${table}Jörg,+493023125100`, 'utf16le')])
        ],
        [
          'windows-1252',
          'Jörg Müller',
          Buffer.from(`${table}Jörg Müller,+493023125100\nZoë Groß,+493023125101`, 'latin1')
        ],
        [
          'gb18030',
          '王小明',
          Buffer.concat([Buffer.from(table), Buffer.from('cdf5d0a1c3f7', 'hex'), Buffer.from(',+861012345678')])
        ],
        [
          'shift_jis',
          '山田たろう',
          Buffer.concat([
            Buffer.from(table),
            Buffer.from('8e5293', 'hex'),
            Buffer.from('6382bd82eb82a4', 'hex'),
            Buffer.from(',+81312345678')
          ])
        ]
      ]
      for (const [encoding, name, file] of cases) {
        const list = await newList(server, `In ${encoding}`)
        const uploaded = await upload(server, list, file, 'list.csv')
        t.equal(uploaded.encoding, encoding)
        await run(server, list, uploaded, uploaded.mapping)
        t.equal((await contactsOf(server, list))[0]?.name, name)
      }
      const list = await newList(server, 'Wrong encoding')
      const file = Buffer.from(`${table}Jörg,+493023125100\n`, 'latin1')
      const uploaded = await upload(server, list, file, 'list.csv', 'utf-8')
      t.match(await run(server, list, uploaded, uploaded.mapping, 'utf-8'), {
        wrong: 1,
        problems: [{ line: 2, code: 'TEXT_BROKEN' }]
      })
    })

    await t.test('files that are no lists are refused in words', async t => {
      const list = await newList(server, 'Refused')
      const refused = async (file: Buffer, code: string) =>
        t.match(await post(server, `/contact-lists/${list}/uploads?name=x`, file), {
          status: 400,
          body: { code: 'VALIDATION_FAILED', detail: new RegExp(code) }
        })
      await refused(Buffer.alloc(0), 'FILE_EMPTY')
      await refused(Buffer.from('\n\n\n'), 'FILE_EMPTY')
      await refused(Buffer.from('PK\u0003\u0004 and no archive'), 'FILE_UNREADABLE')
      await refused(Buffer.from('d0cf11e0a1b11ae1', 'hex'), 'FILE_UNREADABLE')
      const words = Buffer.from(`name,phone\n${'somebody,no number\n'.repeat(300)}`)
      const uploaded = await upload(server, list, words, 'words.csv')
      const done = await run(server, list, uploaded, {
        hasHeader: true,
        columns: [{ role: 'name' }, { role: 'number' }],
        defaultCountry: 'DE'
      })
      t.match(done, { state: 'failed', failure: { code: 'TOO_MANY_WRONG_LINES' } })
    })

    await t.test('consent that a file proves reaches the ledger, and consent without proof is marked so', async t => {
      const list = await newList(server, 'With consent')
      const file = Buffer.from(
        'phone,consent,consent date,consent reference\n+12025550171,written_signed,2026-10-03,form 17\n+12025550172,yes,2026-10-04,\n+12025550173,no,,\n'
      )
      const uploaded = await upload(server, list, file, 'consent.csv')
      t.same(
        uploaded.mapping.columns.map(one => one.role),
        ['number', 'consentGrade', 'consentAt', 'consentReference']
      )
      await run(server, list, uploaded, {
        ...uploaded.mapping,
        consent: { seller: 'Example GmbH', grade: 'express_electronic', purposes: ['marketing'] }
      })
      const consent = async (number: string) => (await server.api('POST', '/consents/search', { number })).body
      t.match(JSON.stringify(await consent('+12025550171')), /written_signed.*held/s)
      t.match(JSON.stringify(await consent('+12025550172')), /express_electronic.*missing/s)
      t.notMatch(JSON.stringify(await consent('+12025550173')), /"grant"/)
    })

    await t.test('a program sends contacts and hears which of them are wrong', async t => {
      const list = await newList(server, 'From the CRM')
      const sent = await server.api('POST', `/contact-lists/${list}/contacts`, {
        contacts: [
          { numbers: ['+12025550181', '+12025550182'], name: 'Ann', custom: { tier: 'gold' } },
          { numbers: ['12'], name: 'Bob' },
          { numbers: ['+12025550182'], name: 'Ann again' }
        ]
      })
      t.match(sent, {
        status: 201,
        body: { imported: 1, duplicates: 1, wrong: 1, problems: [{ line: 2, code: 'NUMBER_NO_COUNTRY' }, { line: 3 }] }
      })
      const found = await server.api('GET', `/contacts?number=${encodeURIComponent('+12025550182')}`)
      t.match(found, { status: 200, body: { items: [{ listId: list, name: 'Ann', custom: { tier: 'gold' } }] } })
      const id = (found.body.items as Contact[])[0]?.id
      t.match(await server.api('GET', `/contacts/${id}`), { status: 200, body: { name: 'Ann' } })
      t.equal((await server.api('GET', '/contacts?number=12')).status, 422)
      t.equal((await server.api('GET', '/contacts/nobody')).status, 404)
      t.equal((await server.api('GET', '/contacts?limit=1')).body.items?.length, 1, 'people of all lists, page by page')
    })

    await t.test('no character of a name is taken for the end of it, and nobody needs a name', async t => {
      const list = await newList(server, 'Odd')
      const send = (contacts: object[]) => server.api('POST', `/contact-lists/${list}/contacts`, { contacts })
      t.match((await send([{ numbers: ['+12025550184'] }])).body, { imported: 1 })
      const name = 'Ann\u001fBen\u001e\u0000 "{,\\'
      t.match(
        (
          await send([
            { numbers: ['+12025550185'], name, custom: { note: name } },
            { numbers: ['+12025550186'], name: 'Cem' }
          ])
        ).body,
        { imported: 2 }
      )
      const whole = 'Ann Ben  "{,\\'
      t.match(await contactsOf(server, list), [
        { name: '' },
        { name: whole, custom: { note: whole } },
        { name: 'Cem', custom: {} }
      ])
    })

    await t.test('a person who stands in a file twice, thousands of lines apart, is taken once', async t => {
      const list = await newList(server, 'Twice')
      const lines = Array.from({ length: 8_200 }, (_, index) => `Person ${index},+4930${24_000_000 + index}`)
      const file = ['name,phone', ...lines, 'Again,+493024000007'].join('\n')
      const uploaded = await upload(server, list, Buffer.from(file), 'twice.csv')
      t.match(await run(server, list, uploaded, uploaded.mapping), {
        imported: 8_200,
        duplicates: 1,
        problems: [{ line: 8_202, code: 'DUPLICATE' }]
      })
    })

    const longFiles = {
      csv: () => {
        const lines = Array.from({ length: 60_000 }, (_, index) => `Person,+4930${23_000_000 + index}\n`)
        return Buffer.from(`name,phone\n${lines.join('')}`)
      },
      xlsx: () =>
        workbook([
          ['Name', 'Phone'],
          ...Array.from({ length: 60_000 }, (_, index) => [
            'Person',
            { formula: 'B2', value: `+4930${23_000_000 + index}` }
          ])
        ])
    }
    for (const [format, file] of Object.entries(longFiles))
      await t.test(`a long file shows how far it is, and can be stopped (${format})`, async t => {
        const list = await newList(server, `Long ${format}`)
        const uploaded = await upload(server, list, file(), `long.${format}`)
        const begun = await server.api('POST', `/contact-lists/${list}/imports`, {
          uploadId: uploaded.uploadId,
          mapping: uploaded.mapping
        })
        const id = begun.body['id'] as string
        const limit = AbortSignal.timeout(patient(20_000))
        for (;;) {
          const { body } = await server.api('GET', `/contact-imports/${id}`)
          const [bytes, totalBytes] = [Number(body['bytes']), Number(body['totalBytes'])]
          t.ok(bytes <= totalBytes, 'never more than the file has')
          if (Number(body['imported']) > 0) {
            t.equal(body['state'], 'running')
            t.ok(bytes > 0 && bytes < totalBytes, `${bytes} of ${totalBytes} bytes`)
            break
          }
          limit.throwIfAborted()
        }
        t.equal((await server.api('POST', `/contact-imports/${id}/cancel`)).status, 204)
        const { body } = await server.api('GET', `/contact-imports/${id}`)
        t.equal(body['state'], 'cancelled')
        t.ok(Number(body['imported']) > 0, 'what was read is kept')
        t.equal((await contactsOf(server, list)).length > 0, true)
      })
  })

async function newList(server: TestParley, name: string): Promise<string> {
  return (await server.api('POST', '/contact-lists', { name })).body['id'] as string
}

async function post(server: TestParley, path: string, body: Buffer) {
  const response = await fetch(`${server.url}/api/v1${path}`, {
    method: 'POST',
    headers: { authorization: `Bearer ${await server.adminToken()}`, 'content-type': 'application/octet-stream' },
    body: Readable.toWeb(Readable.from([body])) as ReadableStream,
    duplex: 'half'
  } as RequestInit)
  return { status: response.status, body: (await response.json()) as Record<string, unknown> }
}

async function upload(server: TestParley, list: string, file: Buffer, name: string, encoding?: string) {
  const query = `name=${name}${encoding === undefined ? '' : `&encoding=${encoding}`}`
  const { status, body } = await post(server, `/contact-lists/${list}/uploads?${query}`, file)
  if (status !== 201) throw new Error(JSON.stringify(body))
  return body as Uploaded
}

async function run(
  server: TestParley,
  list: string,
  { uploadId }: Uploaded,
  mapping: Mapping,
  encoding?: string
): Promise<Imported> {
  const begun = await server.api('POST', `/contact-lists/${list}/imports`, {
    uploadId,
    mapping,
    ...(encoding !== undefined && { encoding })
  })
  if (begun.status !== 202) throw new Error(JSON.stringify(begun.body))
  const limit = AbortSignal.timeout(20_000)
  for (;;) {
    const { body } = await server.api('GET', `/contact-imports/${begun.body['id']}`)
    if (body['state'] !== 'running') return body as unknown as Imported
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 10))
  }
}

async function contactsOf(server: TestParley, list: string): Promise<readonly Contact[]> {
  return (await server.api('GET', `/contact-lists/${list}/contacts`)).body.items as Contact[]
}
