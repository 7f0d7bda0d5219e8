import { open } from 'node:fs/promises'
import { crc32, createDeflateRaw } from 'node:zlib'
import { once } from 'node:events'
import type { Mapping } from '../../server/contacts/mapping.ts'

/** Two numbers for each person, language, zone and consent with its evidence. */
export const MAPPING: Mapping = {
  hasHeader: true,
  columns: [
    { role: 'externalId' },
    { role: 'name' },
    { role: 'number' },
    { role: 'number' },
    { role: 'language' },
    { role: 'zone' },
    { role: 'consentGrade' },
    { role: 'consentAt' },
    { role: 'consentReference' },
    { role: 'custom', field: 'tier' }
  ],
  consent: { seller: 'Example Trading', purposes: ['marketing'], textVersion: '2026-01' }
}
const HEADINGS = 'id,name,phone,mobile,language,time zone,consent,consent date,consent reference,tier'.split(',')

/** Area codes of three countries, so that there are places to tell apart. */
const STARTS = ['+1202555', '+1860555', '+1305555', '+1415555', '+4930231', '+4989231', '+442079', '+4922123'] as const
const DAYS = 28
/** 1 October 2026, as Excel counts days. */
const FIRST_DAY = 46_296
const CHUNK = 64 * 1024

type Contact = Readonly<{
  id: string
  name: string
  phone: string
  mobile: string
  zone: string
  /** Since the first day. */
  day: number
  reference: string
}>

function contactAt(index: number): Contact {
  const start = STARTS[index % STARTS.length] ?? ''
  const isAmerican = start.startsWith('+1')
  const within = Math.floor(index / STARTS.length)
  // The North American plan has ten digits; the first ones vary so that a million fit.
  const phone = isAmerican
    ? `${start.slice(0, 5)}${200 + (Math.floor(index / 80_000) % 700)}${String(within % 10_000).padStart(4, '0')}`
    : `${start}${String(within).padStart(6, '0')}`
  return {
    id: `c${index}`,
    name: `Person ${index}`,
    phone,
    mobile: `+49151${String(10_000_000 + index)}`,
    zone: isAmerican ? 'America/New_York' : start.startsWith('+44') ? 'Europe/London' : 'Europe/Berlin',
    day: index % DAYS,
    reference: `form-${index}`
  }
}

/** A CSV file of contacts as it comes over the wire, made as it is read; each with one number or two. */
export function* csvOf(contacts: number, numbers: 1 | 2): Generator<Buffer> {
  let lines = `${HEADINGS.join(',')}\n`
  for (let index = 0; index < contacts; index += 1) {
    const { id, name, phone, mobile, zone, day, reference } = contactAt(index)
    const date = `2026-10-${String(day + 1).padStart(2, '0')}`
    lines += `${id},${name},${phone},${numbers === 1 ? '' : mobile},en,${zone},written_signed,${date},${reference},gold\n`
    if (lines.length < CHUNK) continue
    yield Buffer.from(lines)
    lines = ''
  }
  yield Buffer.from(lines)
}

const HEAD = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
const MAIN = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
const RELATION = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
/** Texts that many rows share come first among the shared ones. */
const COMMON = [...HEADINGS, 'en', 'gold', 'written_signed', 'America/New_York', 'Europe/London', 'Europe/Berlin']
/** Texts that each row has for itself. */
const OWN = ['id', 'name', 'phone', 'mobile', 'reference'] as const

/**
 * Writes the same contacts as Excel would: every text is a shared one, dates are numbers with a format. Nothing is kept in
 * memory but the piece that is being written.
 */
export async function writeWorkbook(path: string, contacts: number): Promise<void> {
  await using file = await open(path, 'w')
  const directory: Buffer[] = []
  let offset = 0
  const append = async (bytes: Buffer) => {
    await file.write(bytes, 0, bytes.length, offset)
    offset += bytes.length
  }
  /** APPNOTE.TXT §4.3.7: sizes and checksum are filled in once they are known. */
  const entry = async (name: string, pieces: Iterable<string>) => {
    const startsAt = offset
    await append(localHeader(name, 0, 0, 0))
    const deflate = createDeflateRaw()
    let crc = 0
    let size = 0
    const writing = (async () => {
      for await (const packed of deflate) await append(packed as Buffer)
    })()
    for (const piece of pieces) {
      const bytes = Buffer.from(piece)
      crc = crc32(bytes, crc)
      size += bytes.length
      if (!deflate.write(bytes)) await once(deflate, 'drain')
    }
    deflate.end()
    await writing
    const packed = offset - startsAt - localHeader(name, 0, 0, 0).length
    await file.write(localHeader(name, crc, packed, size), 0, undefined, startsAt)
    directory.push(directoryEntry(name, crc, packed, size, startsAt))
  }
  await entry('[Content_Types].xml', [
    `${HEAD}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`
  ])
  await entry('xl/workbook.xml', [
    `${HEAD}<workbook xmlns="${MAIN}" xmlns:r="${RELATION}"><sheets><sheet name="Contacts" sheetId="1" r:id="rId1"/></sheets></workbook>`
  ])
  await entry('xl/_rels/workbook.xml.rels', [
    `${HEAD}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId1" Type="${RELATION}/worksheet" Target="worksheets/sheet1.xml"/></Relationships>`
  ])
  await entry('xl/worksheets/sheet1.xml', sheetOf(contacts))
  await entry('xl/styles.xml', [
    `${HEAD}<styleSheet xmlns="${MAIN}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>`
  ])
  await entry('xl/sharedStrings.xml', sharedOf(contacts))
  const central = Buffer.concat(directory)
  const startsAt = offset
  await append(central)
  const end = Buffer.alloc(22)
  end.write('PK\u0005\u0006', 0, 'latin1')
  end.writeUInt16LE(directory.length, 8)
  end.writeUInt16LE(directory.length, 10)
  end.writeUInt32LE(central.length, 12)
  end.writeUInt32LE(startsAt, 16)
  await append(end)
}

function* sheetOf(contacts: number): Generator<string> {
  const shared = (column: string, row: number, index: number) => `<c r="${column}${row}" t="s"><v>${index}</v></c>`
  const common = (column: string, row: number, text: string) => shared(column, row, COMMON.indexOf(text))
  let xml = `${HEAD}<worksheet xmlns="${MAIN}"><dimension ref="A1:J${contacts + 1}"/><sheetData><row r="1" spans="1:10">`
  for (const [index, heading] of HEADINGS.entries()) xml += common(String.fromCharCode(65 + index), 1, heading)
  xml += '</row>'
  for (let index = 0; index < contacts; index += 1) {
    const { zone, day } = contactAt(index)
    const row = index + 2
    const own = COMMON.length + index * OWN.length
    xml += `<row r="${row}" spans="1:10">`
    xml += shared('A', row, own) + shared('B', row, own + 1) + shared('C', row, own + 2) + shared('D', row, own + 3)
    xml += common('E', row, 'en') + common('F', row, zone) + common('G', row, 'written_signed')
    xml += `<c r="H${row}" s="1"><v>${FIRST_DAY + day}</v></c>`
    xml += `${shared('I', row, own + 4) + common('J', row, 'gold')}</row>`
    if (xml.length < CHUNK) continue
    yield xml
    xml = ''
  }
  yield `${xml}</sheetData></worksheet>`
}

function* sharedOf(contacts: number): Generator<string> {
  let xml = `${HEAD}<sst xmlns="${MAIN}">`
  for (const text of COMMON) xml += `<si><t>${text}</t></si>`
  for (let index = 0; index < contacts; index += 1) {
    const contact = contactAt(index)
    for (const field of OWN) xml += `<si><t>${contact[field]}</t></si>`
    if (xml.length < CHUNK) continue
    yield xml
    xml = ''
  }
  yield `${xml}</sst>`
}

function common(name: string, crc: number, packed: number, size: number): Buffer {
  const fields = Buffer.alloc(26)
  fields.writeUInt16LE(20, 0)
  fields.writeUInt16LE(8, 4)
  fields.writeUInt32LE(crc, 10)
  fields.writeUInt32LE(packed, 14)
  fields.writeUInt32LE(size, 18)
  fields.writeUInt16LE(Buffer.byteLength(name), 22)
  return fields
}

function localHeader(name: string, crc: number, packed: number, size: number): Buffer {
  return Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), common(name, crc, packed, size), Buffer.from(name)])
}

function directoryEntry(name: string, crc: number, packed: number, size: number, offset: number): Buffer {
  const more = Buffer.alloc(14)
  more.writeUInt32LE(offset, 10)
  const version = Buffer.from([20, 0])
  const head = Buffer.from('PK\u0001\u0002', 'latin1')
  return Buffer.concat([head, version, common(name, crc, packed, size), more, Buffer.from(name)])
}
