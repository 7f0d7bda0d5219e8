import { isDeepStrictEqual } from 'node:util'
import { checkStructure } from './check/structure.ts'
import type { Flow } from './flow.ts'
import { flowGraph } from './graph.ts'
import { isRecord } from './json.ts'
import { promptItems } from './prompts.ts'
import type { Prompts, Role } from './parts.ts'
import { flowSchema } from './schema.ts'

/** A value that differs; undefined where there is none. `path` is written with dots, from the node or from the flow. */
export type PropertyChange = Readonly<{ path: string; before: unknown; after: unknown }>

/** A text that differs in one language; null where there is none. */
export type TextChange = Readonly<{
  node: string
  path: string
  language: string
  before: string | null
  after: string | null
}>

/** A way out of a node that leads elsewhere; null where the exit does not exist or ends the call. */
export type WayChange = Readonly<{ node: string; exit: string; before: string | null; after: string | null }>

/** What differs between two versions of a flow, by meaning: order, comments and ways of writing do not count. */
export type FlowComparison = Readonly<{
  isSame: boolean
  flow: readonly PropertyChange[]
  added: readonly Readonly<{ node: string; kind: string }>[]
  removed: readonly Readonly<{ node: string; kind: string }>[]
  /** Nodes under another name that otherwise are the same. */
  renamed: readonly Readonly<{ before: string; after: string }>[]
  changed: readonly Readonly<{ node: string; kind: string; properties: readonly PropertyChange[] }>[]
  rewired: readonly WayChange[]
  texts: readonly TextChange[]
}>

/** Compares two versions by meaning. A node that was only renamed is found, and ways that follow it are no change. */
export function compareFlows(before: Flow, after: Flow): FlowComparison {
  const [old, young] = [profilesOf(before), profilesOf(after)]
  const renamed = findRenamed(old, young)
  const newNames = new Map(renamed.map(one => [one.before, one.after]))
  const nameAfter = (name: string) => newNames.get(name) ?? name
  const pairs = [...old].flatMap(([name, profile]) => {
    const counterpart = young.get(nameAfter(name))
    return counterpart === undefined ? [] : [{ node: nameAfter(name), before: profile, after: counterpart }]
  })
  const paired = new Set(pairs.map(pair => pair.node))
  const changed = pairs.flatMap(({ node, ...pair }) => {
    const properties = differences(pair.before.properties, pair.after.properties)
    return properties.length === 0 ? [] : [{ node, kind: pair.after.kind, properties }]
  })
  const texts = pairs.flatMap(({ node, ...pair }) =>
    differences(pair.before.texts, pair.after.texts).map(one => textChange(node, one))
  )
  const rewired = pairs.flatMap(({ node, ...pair }) =>
    differences(mapValues(pair.before.ways, nameAfter), pair.after.ways).map(one => ({
      node,
      exit: one.path,
      before: one.before === undefined ? null : String(one.before),
      after: one.after === undefined ? null : String(one.after)
    }))
  )
  const flow = differences(
    settingsOf(before, nameAfter),
    settingsOf(after, name => name)
  )
  const added = [...young].flatMap(([node, { kind }]) => (paired.has(node) ? [] : [{ node, kind }]))
  const removed = [...old].flatMap(([node, { kind }]) => (paired.has(nameAfter(node)) ? [] : [{ node, kind }]))
  const isSame = [flow, added, removed, renamed, changed, rewired, texts].every(list => list.length === 0)
  return { isSame, flow, added, removed, renamed, changed, rewired, texts }
}

/** A node as three flat tables: plain values by path, texts by path and language, targets by exit. */
type Profile = Readonly<{
  kind: string
  properties: ReadonlyMap<string, unknown>
  texts: ReadonlyMap<string, unknown>
  ways: ReadonlyMap<string, string>
}>

/** Stands between a text's path and its language; neither can hold it. */
const SEPARATOR = '\n'

function profilesOf(flow: Flow): ReadonlyMap<string, Profile> {
  const roles = new Map<string, Role>()
  for (const { role, path, isKey } of checkStructure(flowSchema, flow).roles) {
    if (!isKey && path[0] === 'nodes') roles.set(path.slice(1).join('.'), role)
  }
  const ways = Map.groupBy(
    flowGraph(flow).edges.filter(edge => edge.via === 'own'),
    edge => edge.from
  )
  return new Map(
    Object.entries(flow.nodes).map(([name, node]) => {
      const properties = new Map<string, unknown>()
      const texts = new Map<string, unknown>()
      flatten(node, [])
      const exits = (ways.get(name) ?? []).map(edge => [edge.exit, edge.to] as const)
      return [name, { kind: node.kind, properties, texts, ways: new Map(exits) }]

      function flatten(value: unknown, path: readonly string[]): void {
        const role = roles.get([name, ...path].join('.'))
        if (role === 'target') return
        if (role === 'prompt') flattenPrompts(value as Prompts, path)
        else if (isRecord(value)) for (const [key, inner] of Object.entries(value)) flatten(inner, [...path, key])
        else if (Array.isArray(value))
          for (const [index, inner] of value.entries()) flatten(inner, [...path, `${index}`])
        else properties.set(path.join('.'), value)
      }

      function flattenPrompts(prompts: Prompts, path: readonly string[]): void {
        for (const [index, { text, language, ...others }] of promptItems(prompts).entries()) {
          const itemPath = index === 0 ? path.join('.') : [...path, index].join('.')
          const byLanguage = typeof text === 'string' ? { [language ?? flow.defaultLanguage]: text } : (text ?? {})
          for (const [tag, words] of Object.entries(byLanguage)) texts.set(`${itemPath}${SEPARATOR}${tag}`, words)
          for (const [key, inner] of Object.entries(others)) properties.set(`${itemPath}.${key}`, inner)
        }
      }
    })
  )
}

/** Nodes that vanished, and the one new node each that says and does the same. */
function findRenamed(old: ReadonlyMap<string, Profile>, young: ReadonlyMap<string, Profile>) {
  const gone = [...old].filter(([name]) => !young.has(name))
  const fresh = [...young].filter(([name]) => !old.has(name))
  const likeness = ([, { properties, texts, ways }]: readonly [string, Profile]) =>
    JSON.stringify([[...properties], [...texts], [...ways.keys()]])
  const goneAlike = Map.groupBy(gone, likeness)
  const freshAlike = Map.groupBy(fresh, likeness)
  return [...goneAlike].flatMap(([key, [one, ...more]]) => {
    const [other, ...others] = freshAlike.get(key) ?? []
    if (one === undefined || other === undefined || more.length + others.length > 0) return []
    return [{ before: one[0], after: other[0] }]
  })
}

/** Everything about the flow that is not in its nodes. */
function settingsOf(flow: Flow, nameAfter: (name: string) => string): ReadonlyMap<string, unknown> {
  const { nodes: _nodes, $schema: _schema, start, onFailure, vars = {}, calendars = {}, ...plain } = flow
  return new Map<string, unknown>([
    ...Object.entries(plain),
    ['start', nameAfter(start)],
    ...(onFailure === undefined ? [] : [['onFailure', nameAfter(onFailure)] as const]),
    ...Object.entries(vars).map(([name, value]) => [`vars.${name}`, value] as const),
    ...Object.entries(calendars).map(([name, value]) => [`calendars.${name}`, value] as const)
  ])
}

function differences(before: ReadonlyMap<string, unknown>, after: ReadonlyMap<string, unknown>): PropertyChange[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap(path => {
    const [one, other] = [before.get(path), after.get(path)]
    return isDeepStrictEqual(one, other) ? [] : [{ path, before: one, after: other }]
  })
}

function textChange(node: string, { path: key, before, after }: PropertyChange): TextChange {
  const [path = '', language = ''] = key.split(SEPARATOR)
  return {
    node,
    path,
    language,
    before: typeof before === 'string' ? before : null,
    after: typeof after === 'string' ? after : null
  }
}

function mapValues(map: ReadonlyMap<string, string>, change: (value: string) => string): ReadonlyMap<string, string> {
  return new Map([...map].map(([key, value]) => [key, change(value)]))
}
