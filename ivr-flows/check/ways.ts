import { exitsOf, wayOf } from '../exits.ts'
import type { FlowNode } from '../flow.ts'
import { isRecord } from '../json.ts'
import { didYouMean, nearest } from '../nearest.ts'
import type { Exit } from '../node-kind.ts'
import { PHONE_KEY } from '../parts.ts'
import type { Finding, Path } from '../problem.ts'
import type { RawFlow } from './meaning.ts'
import { checkLoops, type Edge } from './loops.ts'
import type { RoleValue } from './structure.ts'

/** Finds targets that do not exist, nodes that nothing leads to, failures without a way on, circles and wrong keys. */
export function checkWays(flow: RawFlow, roles: readonly RoleValue[], shapeFindings: readonly Finding[]): Finding[] {
  const nodes = isRecord(flow['nodes']) ? flow['nodes'] : {}
  const names = Object.keys(nodes)
  const findings: Finding[] = []
  for (const { role, value, path } of roles) {
    if (role === 'target' && !Object.hasOwn(nodes, String(value)))
      findings.push(unknownTarget(String(value), path, names))
    if (role === 'key' && !PHONE_KEY.test(String(value))) {
      const suggestion = 'Keys are 0 to 9, * and #, each in quotes.'
      findings.push({
        code: 'BAD_KEY',
        message: `A telephone has no key “${String(value)}”`,
        path,
        at: 'key',
        suggestion
      })
    }
  }
  // Nodes of the wrong shape have unknown exits: whatever they point at counts as reached, by their own values.
  const misshapen = new Set(shapeFindings.filter(one => one.path[0] === 'nodes').map(one => String(one.path[1] ?? '')))
  const edges = names.flatMap(name =>
    misshapen.has(name) ? looseEdges(name, roles) : edgesOf(name, nodes[name] as FlowNode, flow, findings)
  )
  // A misspelt target stands for the node it most likely means, lest everything behind it count as unreachable.
  const meant = edges.map(edge => ({ ...edge, to: edge.to === null ? null : meantBy(edge.to, nodes, names) }))
  if (typeof flow['start'] === 'string') {
    findings.push(...unreachable(meantBy(flow['start'], nodes, names), flow, names, meant))
  }
  findings.push(...checkLoops(edges, names))
  return findings
}

function meantBy(name: string, nodes: Record<string, unknown>, names: readonly string[]): string {
  return Object.hasOwn(nodes, name) ? name : (nearest(name, names) ?? name)
}

function unknownTarget(name: string, path: Path, names: readonly string[]): Finding {
  return {
    code: 'UNKNOWN_TARGET',
    message: `There is no node “${name}”`,
    path,
    ...didYouMean(name, names)
  }
}

function edgesOf(name: string, node: FlowNode, flow: RawFlow, findings: Finding[]): Edge[] {
  const exits = exitsOf(node)
  const onFailure = typeof flow['onFailure'] === 'string' ? flow['onFailure'] : undefined
  const owner = onFailure === undefined ? {} : { onFailure }
  return exits.flatMap((exit: Exit): Edge[] => {
    const way = wayOf(owner, exits, exit.name)
    switch (way.kind) {
      case 'node':
        return [
          { from: name, to: way.node, exit: exit.name, isInput: exit.isInput, isImplied: way.via === 'onFailure' }
        ]
      case 'nowhere':
        // One sentence for a node without any way on is enough: exits that fall back on another say the same.
        if (exit.otherwise.kind === 'onFailure') {
          findings.push({
            code: 'NO_FAILURE_BRANCH',
            message: `“${name}” has no way on when it fails`,
            path: ['nodes', name],
            at: 'key',
            suggestion: `Add ${exit.name} to the node, or onFailure to the flow.`
          })
        }
        return []
      case 'end':
        return [{ from: name, to: null, exit: exit.name, isInput: exit.isInput, isImplied: false }]
      default:
        return way satisfies never
    }
  })
}

function looseEdges(name: string, roles: readonly RoleValue[]): Edge[] {
  return roles
    .filter(({ role, path }) => role === 'target' && path[0] === 'nodes' && path[1] === name)
    .map(({ value }) => ({ from: name, to: String(value), exit: '', isInput: true, isImplied: false }))
}

function unreachable(start: string, flow: RawFlow, names: readonly string[], edges: readonly Edge[]): Finding[] {
  const targets = Map.groupBy(edges, edge => edge.from)
  const reached = new Set<string>()
  const pending = [start, ...(typeof flow['onFailure'] === 'string' ? [flow['onFailure']] : [])]
  while (pending.length > 0) {
    const name = pending.pop() ?? ''
    if (reached.has(name)) continue
    reached.add(name)
    pending.push(...(targets.get(name) ?? []).flatMap(edge => edge.to ?? []))
  }
  return names
    .filter(name => !reached.has(name))
    .map(name => ({
      code: 'UNREACHABLE',
      message: `No way leads to “${name}”`,
      path: ['nodes', name],
      at: 'key',
      severity: 'warning',
      suggestion: 'Point to it from another node, or remove it.'
    }))
}
