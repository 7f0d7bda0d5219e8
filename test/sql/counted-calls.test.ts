import t from 'tap'
import { newId } from '../../server/ids.ts'
import {
  type CountedCall,
  type CountedCallsQuery,
  isMiss,
  listCountedCalls,
  OPENABLE
} from '../../sql/reports/counted-calls.ts'
import { agentReport, visitReport } from '../../sql/reports/reports.ts'
import { Installation } from '../server/queues/services.ts'
import { testDatabases } from '../support/parley.ts'

const FROM = new Date('2026-11-02T00:00:00Z')
const UNTIL = new Date('2026-11-03T00:00:00Z')
const OUTCOMES = ['answered', 'abandoned', 'overflow', 'callback', 'voicemail', 'transferred', 'lost'] as const
const MISSES = ['missed', 'rejected', 'device', 'network', 'callerGone', 'withdrawn'] as const
/** Figures that are no count of their own: how many calls they divide by, in terms of those that are. */
const DIVIDES_BY: Readonly<Record<string, readonly string[]>> = {
  longestWaitMs: ['offered'],
  serviceLevel: ['answered', 'abandoned', 'overflowed', 'lost'],
  abandonment: ['offered'],
  meanAnswerWaitMs: ['answered'],
  meanHandleMs: ['handled'],
  meanTalkMs: ['handled'],
  meanHoldMs: ['handled'],
  meanWrapUpMs: ['wrapped'],
  transferShare: ['answered']
}

for (const kind of testDatabases())
  t.test(`every figure of a report opens as many calls as it says, on ${kind}`, { timeout: 280_000 }, async t => {
    await using house = await Installation.open(kind)
    const plane = await house.start()
    const queues = [await house.addQueue({ name: 'sales' }), await house.addQueue({ name: 'support' })]
    const agents = [await house.addAgent(plane, 'ana'), await house.addAgent(plane, 'bo')]
    await house.db.insertInto('queue_visits').values(visits(queues, agents)).execute()
    await house.db.insertInto('offers').values(offers(queues, agents)).execute()
    const bucket = [{ from: FROM, until: UNTIL }]

    const byQueue = await visitReport(house.db, bucket, 'queue', {})
    t.equal(byQueue.total.offered, 70, 'what came before and after is not counted')
    for (const { key, figures } of byQueue.rows) await compare('queue', figures, key)
    await compare('queue', byQueue.total)
    const byLanguage = await visitReport(house.db, bucket, 'language', { queueIds: queues.slice(0, 1) })
    await compare('language', byLanguage.total, undefined, { queueIds: queues.slice(0, 1) })
    const byNumber = await visitReport(house.db, bucket, 'number', {})
    for (const { key, figures } of byNumber.rows) await compare('number', figures, key)
    const byAgent = await agentReport(house.db, bucket, UNTIL, {})
    for (const { key, figures } of byAgent.rows) await compare('agent', figures, key)
    await compare('agent', byAgent.total)

    async function compare(
      group: CountedCallsQuery['group'],
      figures: Readonly<Record<string, number | null>>,
      key?: string,
      filter: CountedCallsQuery['filter'] = {}
    ) {
      for (const figure of OPENABLE) {
        if (isMiss(figure) && group !== 'agent') continue
        const expected = (DIVIDES_BY[figure] ?? [figure]).reduce((sum, name) => sum + (figures[name] ?? 0), 0)
        const found = await everyCall({
          figure,
          group,
          from: FROM,
          until: UNTIL,
          filter,
          ...(key !== undefined && { key })
        })
        t.equal(found.length, expected, `${figure} of ${group} ${key ?? 'all'}`)
        t.equal(new Set(found.map(call => call.id)).size, found.length, 'none twice')
        t.same(
          found.map(call => call.at.getTime()),
          found.map(call => call.at.getTime()).toSorted((a, b) => b - a),
          'newest first'
        )
      }
    }

    /** Page by page, as the screen reads them. */
    async function everyCall(query: CountedCallsQuery): Promise<readonly CountedCall[]> {
      const all: CountedCall[] = []
      for (;;) {
        const last = all.at(-1)
        const page = await listCountedCalls(house.db, query, last === undefined ? null : last, 9)
        all.push(...page)
        if (page.length < 9) return all
      }
    }
  })

/** Seventy visits of the day, several in the same millisecond, and one on each side of it. */
function visits(queues: readonly string[], agents: readonly string[]) {
  const times = [
    new Date(FROM.getTime() - 1),
    ...Array.from({ length: 70 }, (_, at) => new Date(FROM.getTime() + Math.floor(at / 4) * 3_600_000)),
    UNTIL
  ]
  return times.map((leftAt, at) => {
    const outcome = OUTCOMES[at % OUTCOMES.length] ?? 'lost'
    const isAnswered = outcome === 'answered'
    return {
      id: newId(),
      call_id: `call-${at}`,
      queue_id: queues[at % 2] ?? '',
      kind: 'inbound' as const,
      called_number: at % 5 === 0 ? null : `+1202555010${at % 3}`,
      language: at % 2 === 0 ? 'en' : 'de',
      entered_at: new Date(leftAt.getTime() - 20_000),
      left_at: leftAt,
      outcome,
      waited_ms: 1_000 * at,
      is_within_threshold: isAnswered && at % 2 === 0,
      agent_id: isAnswered ? (agents[at % 2] ?? null) : null,
      talk_ms: isAnswered && at % 3 !== 0 ? 60_000 : null,
      hold_ms: isAnswered && at % 3 !== 0 ? 5_000 : null,
      wrap_up_ms: isAnswered && at % 3 === 1 ? 10_000 : null,
      is_transferred: isAnswered && at % 4 === 0
    }
  })
}

function offers(queues: readonly string[], agents: readonly string[]) {
  return Array.from({ length: 40 }, (_, at) => {
    const endedAt = new Date(FROM.getTime() + Math.floor(at / 3) * 60_000)
    return {
      id: newId(),
      entry_id: null,
      call_id: `missed-${at}`,
      queue_id: queues[at % 2] ?? '',
      agent_id: agents[at % 2] ?? '',
      call_control_plane_id: 'plane',
      state: 'over' as const,
      outcome: MISSES[at % MISSES.length] ?? 'missed',
      created_at: new Date(endedAt.getTime() - 10_000),
      expires_at: endedAt,
      ended_at: endedAt
    }
  })
}
