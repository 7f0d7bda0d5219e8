import type { LoadedPack } from './load.ts'
import type { PackRule } from './schema.ts'

/** What changed between two sets of packs, for a person who must approve it. */
export type PackChange =
  | Readonly<{ kind: 'packAdded' | 'packRemoved'; pack: string }>
  | Readonly<{ kind: 'ruleAdded' | 'ruleRemoved'; pack: string; rule: string }>
  | Readonly<{ kind: 'ruleChanged'; pack: string; rule: string; fields: readonly FieldChange[] }>
  | Readonly<{ kind: 'packChanged'; pack: string; fields: readonly FieldChange[] }>

export type FieldChange = Readonly<{ path: string; before: unknown; after: unknown }>

/** Differences in meaning, field by field; tests, sources and remarks count too, since they are the proof. */
export function diffPacks(before: readonly LoadedPack[], after: readonly LoadedPack[]): readonly PackChange[] {
  const changes: PackChange[] = []
  const old = new Map(before.map(one => [one.pack.pack, one.pack]))
  const now = new Map(after.map(one => [one.pack.pack, one.pack]))
  for (const name of old.keys()) if (!now.has(name)) changes.push({ kind: 'packRemoved', pack: name })
  for (const [name, pack] of now) {
    const earlier = old.get(name)
    if (earlier === undefined) {
      changes.push({ kind: 'packAdded', pack: name })
      continue
    }
    const { rules: oldRules, ...oldHead } = earlier
    const { rules: newRules, ...newHead } = pack
    const fields = diffValues(oldHead, newHead, '')
    if (fields.length > 0) changes.push({ kind: 'packChanged', pack: name, fields })
    changes.push(...diffRules(name, oldRules, newRules))
  }
  return changes
}

function diffRules(pack: string, before: readonly PackRule[], after: readonly PackRule[]): readonly PackChange[] {
  const changes: PackChange[] = []
  const old = new Map(before.map(rule => [rule.id, rule]))
  const now = new Map(after.map(rule => [rule.id, rule]))
  for (const id of old.keys()) if (!now.has(id)) changes.push({ kind: 'ruleRemoved', pack, rule: id })
  for (const [id, rule] of now) {
    const earlier = old.get(id)
    if (earlier === undefined) changes.push({ kind: 'ruleAdded', pack, rule: id })
    else {
      const fields = diffValues(earlier, rule, '')
      if (fields.length > 0) changes.push({ kind: 'ruleChanged', pack, rule: id, fields })
    }
  }
  return changes
}

function diffValues(before: unknown, after: unknown, path: string): readonly FieldChange[] {
  if (isRecord(before) && isRecord(after)) {
    const keys = new Set([...Object.keys(before), ...Object.keys(after)])
    return [...keys].flatMap(key => diffValues(before[key], after[key], `${path}/${key}`))
  }
  return JSON.stringify(before) === JSON.stringify(after)
    ? []
    : [{ path, before: before ?? null, after: after ?? null }]
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return value !== null && typeof value === 'object'
}
