type CsvReport = Readonly<{
  title: string
  from: string
  until: string
  timeZone: string
  interval: string | null
  asOf: string
  filters: Readonly<Record<string, readonly string[]>>
  definitions: Readonly<Record<string, string>>
  rows: readonly Readonly<{
    key: string
    name: string
    from: string
    until: string
    isPartial: boolean
    figures: Readonly<Record<string, number | null>>
  }>[]
  total: Readonly<Record<string, number | null>>
}>

/**
 * A report as CSV (RFC 4180): comment lines with zone, filters and definitions, a header, one line for each row, and the
 * total last. Unknown figures are empty.
 */
export function toCsv(report: CsvReport): string {
  const names = Object.keys(report.total)
  const lines = [
    [`# ${report.title}`],
    [`# from ${report.from} until ${report.until} (not included), time zone ${report.timeZone}, as of ${report.asOf}`],
    [`# interval: ${report.interval ?? 'none'}`],
    ...Object.entries(report.filters).map(([name, values]) => [`# filter ${name}: ${values.join(' ')}`]),
    ...names.flatMap(name => {
      const says = report.definitions[name]
      return says === undefined ? [] : [[`# ${name}: ${says}`]]
    }),
    ['key', 'name', 'from', 'until', 'isPartial', ...names],
    ...report.rows.map(row => [
      row.key,
      row.name,
      row.from,
      row.until,
      String(row.isPartial),
      ...names.map(name => figure(row.figures[name]))
    ]),
    ['total', '', report.from, report.until, '', ...names.map(name => figure(report.total[name]))]
  ]
  return lines.map(csvLine).join('')
}

/** One line with its end. */
export function csvLine(fields: readonly string[]): string {
  return `${fields.map(field).join(',')}\r\n`
}

function figure(value: number | null | undefined): string {
  return value === null || value === undefined ? '' : String(value)
}

/** Quoted where it must be; a spreadsheet must not take a name for a formula. */
function field(text: string): string {
  const safe = /^[=@\t\r]|^[+-](?!\d)/.test(text) ? `'${text}` : text
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe
}
