import { type TSchema, Type } from 'typebox'
import { AppError } from '../errors.ts'

/** Problem details (RFC 9457) as every error is sent. */
export const ProblemSchema = Type.Object(
  {
    type: Type.String(),
    title: Type.String(),
    status: Type.Integer(),
    code: Type.String({ description: 'Stable; listed in docs/reference/errors.md' }),
    detail: Type.Optional(Type.String()),
    problems: Type.Optional(Type.Array(Type.Object({ at: Type.String(), message: Type.String() }))),
    instance: Type.String({ description: 'Id of the request, also in the log' })
  },
  { description: 'application/problem+json' }
)

export const IdParams = Type.Object({ id: Type.String({ minLength: 1, maxLength: 64 }) })

export const PageQuery = Type.Object({
  cursor: Type.Optional(Type.String({ maxLength: 256 })),
  limit: Type.Optional(Type.Integer({ minimum: 1, maximum: 200, default: 50 }))
})

export const NullableString = Type.Union([Type.String(), Type.Null()])
export const NullableDate = Type.Union([Type.String({ format: 'date-time' }), Type.Null()])
export const DateString = Type.String({ format: 'date-time' })
export const LanguageTag = Type.String({ pattern: '^[A-Za-z]{2,3}(-[A-Za-z0-9]{2,8})*$', maxLength: 35 })
export const E164 = Type.String({ pattern: '^\\+[1-9]\\d{6,14}$', examples: ['+12025550100'] })

/** One page of a list; `nextCursor` is null on the last one. */
export function pageOf<T extends TSchema>(item: T) {
  return Type.Object({ items: Type.Array(item), nextCursor: NullableString })
}

/** The responses of a route: its own, and problems for everything else. */
export function responses<T extends Readonly<Record<number, TSchema>>>(own: T) {
  return { ...own, '4xx': ProblemSchema, '5xx': ProblemSchema }
}

/** What stands after the last row of a page, as an opaque word. */
export function encodeCursor(position: readonly string[]): string {
  return Buffer.from(JSON.stringify(position)).toString('base64url')
}

/** Throws AppError CURSOR_INVALID unless the cursor holds exactly `length` words. */
export function decodeCursor(cursor: string | undefined, length: number): readonly string[] | null {
  if (cursor === undefined) return null
  try {
    const position: unknown = JSON.parse(Buffer.from(cursor, 'base64url').toString('utf8'))
    if (Array.isArray(position) && position.length === length && position.every(word => typeof word === 'string'))
      return position
  } catch {
    // Not JSON: answered below like any other word that is not ours.
  }
  throw new AppError('CURSOR_INVALID', 'Use the nextCursor of a page as it was given.')
}

/** Cuts one row more than a page down to the page, with the cursor to go on. */
export function toPage<Row, Item>(
  rows: readonly Row[],
  limit: number,
  toItem: (row: Row) => Item,
  positionOf: (row: Row) => readonly string[]
): { items: Item[]; nextCursor: string | null } {
  const shown = rows.slice(0, limit)
  const last = shown.at(-1)
  return {
    items: shown.map(toItem),
    nextCursor: rows.length > limit && last !== undefined ? encodeCursor(positionOf(last)) : null
  }
}
