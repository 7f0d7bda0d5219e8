import { isRecord } from '../json.ts'
import type { ParseOptions } from '../parse.ts'
import type { Finding } from '../problem.ts'
import type { RawFlow } from './meaning.ts'

/**
 * Finds questions for leave to record that do not say what follows where the law wants the call recorded. A caller may phone
 * from any place, so every flow that asks may meet such a law.
 */
export function checkConsents(flow: RawFlow, { known }: ParseOptions): Finding[] {
  const places = known?.mustRecord ?? []
  const nodes = isRecord(flow['nodes']) ? flow['nodes'] : {}
  if (places.length === 0) return []
  return Object.entries(nodes).flatMap(([name, node]): Finding[] => {
    if (!isRecord(node) || node['kind'] !== 'consent') return []
    const { mustRecord, next } = node
    if (mustRecord === undefined)
      return [
        {
          code: 'NO_MUST_RECORD_WAY',
          message: `“${name}” has no way on for a call that the law wants recorded (${places.join(', ')}) and that cannot be`,
          path: ['nodes', name],
          at: 'key',
          severity: 'warning',
          suggestion: 'Add mustRecord; without it such a call ends with words of Parley’s own.'
        }
      ]
    if (mustRecord !== next) return []
    return [
      {
        code: 'NO_MUST_RECORD_WAY',
        message: `“${name}” goes on unrecorded where the law wants the call recorded (${places.join(', ')})`,
        path: ['nodes', name, 'mustRecord'],
        suggestion: 'Lead it to a node that says so and ends the call.'
      }
    ]
  })
}
