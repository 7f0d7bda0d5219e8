import type { Static } from 'typebox'
import type { flowSchema, Node, VariableType as VariableTypeSchema } from './schema.ts'

/** A flow document that has been checked. Deeply frozen. */
export type Flow = Static<typeof flowSchema>

/** One node of a flow; `kind` says which. */
export type FlowNode = Static<typeof Node>

export type NodeKind = FlowNode['kind']

export type VariableType = Static<typeof VariableTypeSchema>
