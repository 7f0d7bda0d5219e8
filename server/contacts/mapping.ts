import { type Static, Type } from 'typebox'
import { GRADES, MODES, PURPOSES } from '../compliance/codes.ts'

const closed = { additionalProperties: false }
const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })

/** What a column of a file can hold. Several may be numbers: they are tried from left to right. */
export const COLUMN_ROLES = [
  'ignore',
  'number',
  'name',
  'firstName',
  'lastName',
  'externalId',
  'language',
  'zone',
  'country',
  'region',
  'party',
  'isCustomer',
  'consentGrade',
  'consentAt',
  'consentReference',
  'custom'
] as const
export type ColumnRole = (typeof COLUMN_ROLES)[number]

export const MappingSchema = Type.Object(
  {
    hasHeader: Type.Boolean(),
    columns: Type.Array(
      Type.Object(
        {
          role: literals(COLUMN_ROLES),
          header: Type.Optional(Type.String({ maxLength: 200, description: 'The column’s name in the file' })),
          field: Type.Optional(
            Type.String({ minLength: 1, maxLength: 60, description: 'Name of a custom field; by default the header' })
          )
        },
        closed
      ),
      { minItems: 1, maxItems: 512 }
    ),
    defaultCountry: Type.Optional(
      Type.String({ pattern: '^[A-Z]{2}$', description: 'For numbers without a country code' })
    ),
    defaultLanguage: Type.Optional(Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$' })),
    duplicates: Type.Optional(literals(['skip', 'update'] as const)),
    consent: Type.Optional(
      Type.Object(
        {
          seller: Type.String({ minLength: 1, maxLength: 200 }),
          grade: Type.Optional(literals(GRADES)),
          purposes: Type.Optional(Type.Array(literals(PURPOSES), { maxItems: 10 })),
          modes: Type.Optional(Type.Array(literals(MODES), { maxItems: 4 })),
          textVersion: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
          reference: Type.Optional(Type.String({ minLength: 1, maxLength: 500 }))
        },
        { ...closed, description: 'What the people of this file have agreed to; columns win over it' }
      )
    )
  },
  { ...closed, description: 'How the columns of a file are read' }
)
export type Mapping = Static<typeof MappingSchema>

/** Words that columns are named by, in the languages of the desk, folded. The longest that is found wins. */
const WORDS: Readonly<Record<Exclude<ColumnRole, 'ignore' | 'custom'>, readonly string[]>> = {
  number: [
    'phone',
    'telephone',
    'mobile',
    'cell',
    'tel',
    'number to call',
    'msisdn',
    'telefon',
    'rufnummer',
    'handy',
    'telefono',
    'movil',
    'celular',
    '电话',
    '手机',
    '號碼',
    '号码',
    '電話',
    '携帯',
    'هاتف',
    'جوال',
    'موبايل'
  ],
  firstName: ['first name', 'given name', 'vorname', 'nombre de pila', '名字', 'الاسم الاول'],
  lastName: ['last name', 'family name', 'surname', 'nachname', 'apellido', 'apellidos', '姓氏', '苗字', 'اسم العائلة'],
  name: ['name', 'full name', 'contact', 'kunde', 'nombre', '姓名', '氏名', '名前', 'الاسم'],
  externalId: [
    'id',
    'customer id',
    'customer no',
    'customer number',
    'kundennummer',
    'crm id',
    'external id',
    'numero de cliente',
    '客户编号',
    '顧客番号',
    'رقم العميل'
  ],
  language: ['language', 'lang', 'sprache', 'idioma', '语言', '言語', 'اللغة'],
  zone: ['time zone', 'timezone', 'tz', 'zeitzone', 'zona horaria', '时区', 'タイムゾーン', 'المنطقة الزمنية'],
  country: ['country', 'land', 'pais', '国家', '国', 'البلد', 'الدولة'],
  region: ['state', 'region', 'province', 'bundesland', 'provincia', '省', '州', '都道府県', 'الولاية'],
  party: ['party', 'customer type', 'b2b', 'kundentyp', 'tipo de cliente', '客户类型', '顧客種別', 'نوع العميل'],
  isCustomer: [
    'is customer',
    'existing customer',
    'bestandskunde',
    'cliente actual',
    '现有客户',
    '既存顧客',
    'عميل حالي'
  ],
  consentGrade: ['consent', 'opt in', 'einwilligung', 'consentimiento', '同意', 'الموافقة'],
  consentAt: [
    'consent date',
    'consent at',
    'opt in date',
    'einwilligung am',
    'fecha de consentimiento',
    '同意日期',
    '同意日',
    'تاريخ الموافقة'
  ],
  consentReference: [
    'consent reference',
    'consent proof',
    'consent source',
    'einwilligungsnachweis',
    'prueba de consentimiento',
    '同意证明',
    '同意の証拠',
    'اثبات الموافقة'
  ]
}

/** Proposes what each column holds: as the last file with this header was read, else by its name, else by its values. */
export function proposeMapping(rows: readonly (readonly string[])[], remembered: Mapping | null): Mapping {
  const [first = [], ...rest] = rows
  const hasHeader = !first.some(looksLikeNumber) && first.some(cell => /\p{L}/u.test(cell))
  const width = rows.reduce((most, row) => Math.max(most, row.length), 0)
  const before = new Map(
    (remembered?.columns ?? []).flatMap(one => (one.header === undefined ? [] : [[fold(one.header), one]]))
  )
  const samples = hasHeader ? rest : rows
  const columns: Mapping['columns'] = []
  for (let index = 0; index < width; index += 1) {
    const header = hasHeader ? (first[index] ?? '').slice(0, 200) : ''
    const values = samples.map(row => row[index] ?? '').filter(value => value !== '')
    const known = before.get(fold(header))
    if (header !== '' && known !== undefined) {
      columns.push({ ...known, header })
      continue
    }
    const role = roleByName(header) ?? roleByValues(values) ?? (header === '' ? 'ignore' : 'custom')
    columns.push({ role, ...(header !== '' && { header }) })
  }
  return {
    hasHeader,
    columns: withoutRivals(columns),
    ...(remembered?.defaultCountry !== undefined && { defaultCountry: remembered.defaultCountry }),
    ...(remembered?.defaultLanguage !== undefined && { defaultLanguage: remembered.defaultLanguage }),
    ...(remembered?.duplicates !== undefined && { duplicates: remembered.duplicates }),
    ...(remembered?.consent !== undefined && { consent: remembered.consent })
  }
}

/** Only numbers and custom fields may be there twice. */
function withoutRivals(columns: Mapping['columns']): Mapping['columns'] {
  const seen = new Set<ColumnRole>()
  return columns.map(column => {
    if (column.role === 'number' || column.role === 'custom' || column.role === 'ignore') return column
    if (!seen.has(column.role)) {
      seen.add(column.role)
      return column
    }
    return { ...column, role: column.header === undefined ? 'ignore' : 'custom' }
  })
}

function roleByName(header: string): ColumnRole | null {
  const words = fold(header)
  if (words === '') return null
  let best: { role: ColumnRole; length: number } | null = null
  for (const [role, names] of Object.entries(WORDS) as [ColumnRole, readonly string[]][])
    for (const name of names) {
      const folded = fold(name)
      const isFound = /^[\p{ASCII}]+$/u.test(folded) ? ` ${words} `.includes(` ${folded} `) : words.includes(folded)
      if (isFound && folded.length > (best?.length ?? 0)) best = { role, length: folded.length }
    }
  if (best !== null) return best.role
  return /\b(phone|telefon|tel|mobil)/.test(words) ? 'number' : null
}

function roleByValues(values: readonly string[]): ColumnRole | null {
  if (values.length === 0) return null
  const share = (test: (value: string) => boolean) => values.filter(test).length / values.length
  if (share(looksLikeNumber) > 0.7) return 'number'
  if (share(value => /^[A-Z][A-Za-z]+\/[A-Z]\w+/.test(value)) > 0.7) return 'zone'
  return null
}

function looksLikeNumber(value: string): boolean {
  const digits = value.replace(/\D/g, '').length
  return (/^[+(0-9][\d\s().\-/]*$/.test(value) && digits >= 7 && digits <= 17) || /^\d[.,]\d+E\+?\d+$/i.test(value)
}

function fold(text: string): string {
  return text
    .normalize('NFKD')
    .replace(/\p{M}/gu, '')
    .toLowerCase()
    .replace(/[_\-.:/\s]+/g, ' ')
    .replace(/\d+$/, '')
    .trim()
}
