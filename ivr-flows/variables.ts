import type { Flow, VariableType } from './flow.ts'
import { isRecord, type Json, type JsonObject, own } from './json.ts'

export const VARIABLE_TYPES: readonly VariableType[] = ['string', 'number', 'boolean', 'list', 'object', 'any']

export type Fitted = Readonly<{ kind: 'fit'; vars: JsonObject }> | Readonly<{ kind: 'misfit'; reason: string }>

/** Fits values to the types that the flow declares; text that reads as a number or truth value becomes one. */
export function fitVariables(flow: Flow, values: JsonObject): Fitted {
  const vars: Record<string, Json> = {}
  for (const [name, value] of Object.entries(values)) {
    const type = own(flow.vars, name)?.type
    if (type === undefined) return { kind: 'misfit', reason: `the flow ${flow.id} declares no variable ${name}` }
    const fitted = fit(type, value)
    if (fitted === undefined) return { kind: 'misfit', reason: `the variable ${name} takes a ${type}` }
    vars[name] = fitted
  }
  return { kind: 'fit', vars }
}

/** The variables that a flow starts with. */
export function initialVariables(flow: Flow): JsonObject {
  return Object.fromEntries(
    Object.entries(flow.vars ?? {}).map(([name, { default: value }]) => [name, (value ?? null) as Json])
  )
}

/** The variables that a flow starts with when some are given from outside; only those count that fit a declared one. */
export function startVariables(flow: Flow, given: JsonObject): JsonObject {
  const fitting = Object.entries(given).flatMap(([name, value]) => {
    const fitted = fitVariables(flow, { [name]: value })
    return fitted.kind === 'fit' ? Object.entries(fitted.vars) : []
  })
  return { ...initialVariables(flow), ...Object.fromEntries(fitting) }
}

/** The value as the type, or undefined when it does not fit. Every variable may be null: it is then not known. */
export function fit(type: VariableType, value: Json): Json | undefined {
  if (value === null) return null
  switch (type) {
    case 'any':
      return value
    case 'string':
      return typeof value === 'object' ? undefined : String(value)
    case 'number': {
      if (typeof value === 'number') return value
      if (typeof value !== 'string' || value.trim() === '') return undefined
      const number = Number(value)
      return Number.isFinite(number) ? number : undefined
    }
    case 'boolean':
      if (typeof value === 'boolean') return value
      return value === 'true' ? true : value === 'false' ? false : undefined
    case 'list':
      return Array.isArray(value) ? value : undefined
    case 'object':
      return isRecord(value) ? value : undefined
    default:
      return type satisfies never
  }
}
