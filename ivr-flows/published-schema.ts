import type { TSchema } from 'typebox'
import { Calendar, Week } from './calendar/schema.ts'
import { LanguageTag, ONE_OF, PromptFile, Prompts } from './parts.ts'
import { Node } from './schema.ts'

const NAMED: Readonly<Record<string, TSchema>> = { Node, Calendar, Week, Prompts, PromptFile, LanguageTag }

/**
 * A schema as editors and other validators read it (JSON Schema 2020-12): parts that occur often are named once, and
 * “exactly one of” is written in JSON Schema's own words beside our keyword.
 */
export function publishedSchema(schema: TSchema): Record<string, unknown> {
  const names = new Map(Object.entries(NAMED).map(([name, part]) => [JSON.stringify(part), name]))
  const used = new Set<string>()
  const root = publish(toPlain(schema), null)
  const definitions: Record<string, unknown> = {}
  // A named part may use others, which join the set while it is walked.
  for (const name of used) definitions[name] = publish(toPlain(NAMED[name]), name)
  const sorted = Object.fromEntries(Object.entries(definitions).toSorted(([one], [other]) => one.localeCompare(other)))
  return {
    $schema: 'https://json-schema.org/draft/2020-12/schema',
    ...(root as object),
    ...(used.size > 0 ? { $defs: sorted } : {})
  }

  function publish(value: unknown, self: string | null): unknown {
    if (Array.isArray(value)) return value.map(item => publish(item, null))
    if (typeof value !== 'object' || value === null) return value
    const name = names.get(JSON.stringify(value))
    if (name !== undefined && name !== self) {
      used.add(name)
      return { $ref: `#/$defs/${name}` }
    }
    const published = Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, publish(inner, null)]))
    // A record with a pattern for its keys has no others; JSON Schema wants to be told.
    if (published['patternProperties'] !== undefined) published['additionalProperties'] ??= false
    const choices: unknown = published[ONE_OF]
    return Array.isArray(choices) ? { ...published, oneOf: choices.map(choice => ({ required: [choice] })) } : published
  }
}

function toPlain(schema: unknown): unknown {
  return JSON.parse(JSON.stringify(schema))
}
