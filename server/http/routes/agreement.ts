import { Type } from 'typebox'
import type { Agreement } from '../../quality/kappa.ts'
import { wordFor } from '../../quality/kappa.ts'
import { NullableString } from '../schemas.ts'

export const NullableNumber = Type.Union([Type.Number(), Type.Null()])
export const ReviewText = Type.String({ maxLength: 5_000 })

/** How far several people, or a person and a machine, agree; `word` names it as Landis and Koch (1977) do. */
export const AgreementSchema = Type.Object({
  kappa: NullableNumber,
  word: NullableString,
  method: Type.String(),
  agreed: NullableNumber,
  items: Type.Integer(),
  raters: Type.Integer()
})

export function toAgreement(agreement: Agreement) {
  return { ...agreement, word: agreement.kappa === null ? null : wordFor(agreement.kappa) }
}
