import { crc32, deflateRawSync } from 'node:zlib'

/** A cell of a test workbook: text, a number, a date (days as Excel counts them), a formula with its kept value. */
export type TestCell =
  | string
  | number
  | null
  | Readonly<{ days: number }>
  | Readonly<{ formula: string; value: string }>

/** Makes an Excel workbook with one sheet, as a real one is built: shared texts, styles, merged cells; lines before `firstLine` are empty. */
export function workbook(
  rows: readonly (readonly TestCell[])[],
  merged: readonly string[] = [],
  firstLine = 1
): Buffer {
  const shared: string[] = []
  const cell = (value: TestCell, at: string): string => {
    if (value === null) return ''
    if (typeof value === 'number') return `<c r="${at}"><v>${value}</v></c>`
    if (typeof value === 'string') {
      let index = shared.indexOf(value)
      if (index === -1) index = shared.push(value) - 1
      return `<c r="${at}" t="s"><v>${index}</v></c>`
    }
    return 'days' in value
      ? `<c r="${at}" s="1"><v>${value.days}</v></c>`
      : `<c r="${at}" t="str"><f>${escapeXml(value.formula)}</f><v>${escapeXml(value.value)}</v></c>`
  }
  const data = rows
    .map(
      (row, y) =>
        `<row r="${y + firstLine}">${row.map((one, x) => cell(one, `${letter(x)}${y + firstLine}`)).join('')}</row>`
    )
    .join('')
  const merges =
    merged.length === 0
      ? ''
      : `<mergeCells count="${merged.length}">${merged.map(ref => `<mergeCell ref="${ref}"/>`).join('')}</mergeCells>`
  const head = '<?xml version="1.0" encoding="UTF-8" standalone="yes"?>'
  const main = 'http://schemas.openxmlformats.org/spreadsheetml/2006/main'
  const relation = 'http://schemas.openxmlformats.org/officeDocument/2006/relationships'
  return zip({
    '[Content_Types].xml': `${head}<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types"/>`,
    'xl/workbook.xml': `${head}<workbook xmlns="${main}" xmlns:r="${relation}"><sheets><sheet name="Contacts" sheetId="1" r:id="rId7"/></sheets></workbook>`,
    'xl/_rels/workbook.xml.rels': `${head}<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="rId7" Type="${relation}/worksheet" Target="worksheets/sheet4.xml"/></Relationships>`,
    'xl/styles.xml': `${head}<styleSheet xmlns="${main}"><cellXfs count="2"><xf numFmtId="0"/><xf numFmtId="14"/></cellXfs></styleSheet>`,
    'xl/worksheets/sheet4.xml': `${head}<worksheet xmlns="${main}"><sheetData>${data}</sheetData>${merges}</worksheet>`,
    'xl/sharedStrings.xml': `${head}<sst xmlns="${main}">${shared.map(text => `<si><r><t>${escapeXml(text)}</t></r><rPh sb="0" eb="1"><t>reading</t></rPh></si>`).join('')}</sst>`
  })
}

function letter(index: number): string {
  return String.fromCharCode(65 + index)
}

function escapeXml(text: string): string {
  return text.replace(/&/g, '&amp;').replace(/</g, '&lt;')
}

/** A ZIP archive (APPNOTE.TXT §4.3): local headers with deflated data, then the central directory. */
function zip(files: Readonly<Record<string, string>>): Buffer {
  const parts: Buffer[] = []
  const directory: Buffer[] = []
  let offset = 0
  for (const [name, text] of Object.entries(files)) {
    const data = Buffer.from(text)
    const packed = deflateRawSync(data)
    const common = Buffer.alloc(26)
    common.writeUInt16LE(20, 0)
    common.writeUInt16LE(8, 4)
    common.writeUInt32LE(crc32(data), 10)
    common.writeUInt32LE(packed.length, 14)
    common.writeUInt32LE(data.length, 18)
    common.writeUInt16LE(Buffer.byteLength(name), 22)
    const local = Buffer.concat([Buffer.from('PK\u0003\u0004', 'latin1'), common, Buffer.from(name), packed])
    const more = Buffer.alloc(14)
    more.writeUInt32LE(offset, 10)
    directory.push(
      Buffer.concat([Buffer.from('PK\u0001\u0002', 'latin1'), Buffer.from([20, 0]), common, more, Buffer.from(name)])
    )
    parts.push(local)
    offset += local.length
  }
  const central = Buffer.concat(directory)
  const end = Buffer.alloc(18)
  end.writeUInt16LE(directory.length, 4)
  end.writeUInt16LE(directory.length, 6)
  end.writeUInt32LE(central.length, 8)
  end.writeUInt32LE(offset, 12)
  return Buffer.concat([...parts, central, Buffer.from('PK\u0005\u0006', 'latin1'), end])
}
