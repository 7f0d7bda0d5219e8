import type { RoleValue } from './structure.ts'
import type { ParseOptions } from '../parse.ts'
import type { Finding } from '../problem.ts'
import { checkBots } from './bots.ts'
import { checkConsents } from './consents.ts'
import { checkExpressions } from './expressions.ts'
import { checkPhrases } from './phrases.ts'
import { checkSpeech } from './speech.ts'
import { checkSurroundings } from './surroundings.ts'
import { checkLanguages } from './texts.ts'
import { checkWays } from './ways.ts'

/** The parts of a document that the checks of meaning read; shapes are already judged, but may be wrong. */
export type RawFlow = Readonly<Record<string, unknown>>

/**
 * Judges what the shape alone cannot tell: targets, ways on, texts, expressions, names of the outside world. Works on
 * documents with faults too, so that all problems show at once.
 */
export function checkMeaning(
  flow: RawFlow,
  roles: readonly RoleValue[],
  shapeFindings: readonly Finding[],
  options: ParseOptions
): Finding[] {
  return [
    ...checkWays(flow, roles, shapeFindings),
    ...checkLanguages(flow, roles),
    ...checkPhrases(flow),
    ...checkSpeech(flow),
    ...checkBots(flow),
    ...checkConsents(flow, options),
    ...checkExpressions(flow, roles),
    ...checkSurroundings(flow, roles, options)
  ]
}
