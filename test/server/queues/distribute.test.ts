import fc from 'fast-check'
import t from 'tap'
import { Board } from '../../../server/queues/board.ts'
import { distribute } from '../../../server/queues/distribute.ts'
import type { Candidate, Snapshot, Waiting } from '../../../server/queues/snapshot.ts'
import type { Queue } from '../../../server/queues/queue.ts'
import { agentOf, bruteForce, callerOf, queueOf } from './support.ts'

const NOW = 1_000_000

const tier = fc.record({
  afterMs: fc.constantFrom(0, 20_000, 60_000),
  skills: fc.array(
    fc.record({ skill: fc.constantFrom('billing', 'repair'), minLevel: fc.integer({ min: 1, max: 5 }) }),
    { maxLength: 2 }
  ),
  languageLevel: fc.constantFrom(null, 'A2' as const, 'B2' as const)
})

const queue = (id: string): fc.Arbitrary<Queue> =>
  fc
    .record({
      strategy: fc.constantFrom(
        ...(['longestIdle', 'roundRobin', 'leastOccupied', 'bestSkill', 'stickyAgent', 'ringAll'] as const)
      ),
      tiers: fc.array(tier, { maxLength: 3 }),
      priority: fc.integer({ min: 0, max: 3 }),
      ageingPerMinute: fc.integer({ min: 0, max: 3 }),
      keepFree: fc.integer({ min: 0, max: 2 }),
      ringAllMax: fc.integer({ min: 1, max: 3 })
    })
    .map(change => queueOf({ id, ...change }))

const agent = (id: string): fc.Arbitrary<Candidate> =>
  fc
    .record({
      skills: fc.dictionary(fc.constantFrom('billing', 'repair'), fc.integer({ min: 1, max: 5 })),
      languages: fc.dictionary(fc.constantFrom('en', 'de'), fc.integer({ min: 1, max: 6 })),
      isFree: fc.boolean(),
      isPresent: fc.boolean(),
      pausedUntilMs: fc.constantFrom(null, NOW - 1, NOW + 10_000),
      work: fc.subarray(['inbound', 'callback'] as const, { minLength: 1 }),
      idleSinceMs: fc.integer({ min: 0, max: 3 }),
      lastOfferedMs: fc.integer({ min: 0, max: 3 }),
      occupiedMs: fc.integer({ min: 0, max: 3 })
    })
    .map(change => agentOf(id, { ...change, isPresent: change.isPresent || change.isFree }))

const caller = (id: string): fc.Arbitrary<Waiting> =>
  fc
    .record({
      queueId: fc.constantFrom('q0', 'q1', 'q2'),
      kind: fc.constantFrom('inbound' as const, 'callback' as const),
      language: fc.constantFrom('en', 'de'),
      skills: fc.subarray(['billing', 'repair']),
      priority: fc.integer({ min: 0, max: 3 }),
      isHead: fc.boolean(),
      waitedMs: fc.constantFrom(0, 5_000, 20_000, 30_000, 45_000, 90_000),
      stickyAgentId: fc.constantFrom(null, 'a0', 'a1')
    })
    .map(({ queueId, waitedMs, ...change }) => callerOf(id, queueId, { ...change, placeFromMs: NOW - waitedMs }))

const several = <T>(name: string, make: (id: string) => fc.Arbitrary<T>, max: number): fc.Arbitrary<T[]> =>
  fc
    .integer({ min: 0, max })
    .chain(count => fc.tuple(...Array.from({ length: count }, (_, at) => make(`${name}${at}`))))

const snapshot: fc.Arbitrary<Snapshot> = fc.record({
  queues: fc.tuple(queue('q0'), queue('q1')),
  agents: several('a', agent, 7),
  entries: several('c', caller, 9)
})

const plain = (matches: readonly { reason?: string }[]) => matches.map(({ reason: _, ...rest }) => rest)

t.test('distribution does what trying everything would do', async () => {
  fc.assert(
    fc.property(snapshot, facts => {
      t.strictSame(plain(distribute(facts, NOW)), bruteForce(facts, NOW))
    }),
    { numRuns: 1_500 }
  )
})

t.test('nobody is matched twice', async () => {
  fc.assert(
    fc.property(snapshot, facts => {
      const matches = distribute(facts, NOW)
      const agents = matches.flatMap(match => match.agentIds)
      return (
        new Set(agents).size === agents.length && new Set(matches.map(match => match.entryId)).size === matches.length
      )
    })
  )
})

t.test('a board that lived through changes decides like a new one', async () => {
  type Step = (
    board: Board,
    facts: { queues: Map<string, Queue>; agents: Map<string, Candidate>; entries: Map<string, Waiting> },
    now: number
  ) => void
  const step: fc.Arbitrary<Step> = fc.oneof(
    fc
      .constantFrom('q0', 'q1')
      .chain(queue)
      .map(
        (one): Step =>
          (board, facts, now) => {
            facts.queues.set(one.id, one)
            board.setQueue(one, now)
          }
      ),
    fc
      .constantFrom('a0', 'a1', 'a2', 'a3')
      .chain(agent)
      .map(
        (one): Step =>
          (board, facts, now) => {
            facts.agents.set(one.id, one)
            board.setAgent(one, now)
          }
      ),
    fc
      .constantFrom('c0', 'c1', 'c2', 'c3', 'c4', 'c5')
      .chain(caller)
      .map(
        (one): Step =>
          (board, facts, now) => {
            facts.entries.set(one.id, one)
            board.setEntry(one, now)
          }
      ),
    fc.constantFrom('c0', 'c1', 'c2').map(
      (id): Step =>
        (board, facts) => {
          facts.entries.delete(id)
          board.removeEntry(id)
        }
    ),
    fc.constantFrom('a0', 'a1').map(
      (id): Step =>
        (board, facts, now) => {
          facts.agents.delete(id)
          board.removeAgent(id, now)
        }
    )
  )
  fc.assert(
    fc.property(fc.array(fc.tuple(step, fc.integer({ min: 0, max: 8_000 })), { maxLength: 40 }), steps => {
      const board = new Board()
      const facts = { queues: new Map(), agents: new Map(), entries: new Map() }
      let now = NOW
      for (const [change, laterMs] of steps) {
        change(board, facts, now)
        now += laterMs
      }
      const whole = {
        queues: [...facts.queues.values()],
        agents: [...facts.agents.values()],
        entries: [...facts.entries.values()]
      }
      t.strictSame(board.match(now), distribute(whole, now))
    }),
    { numRuns: 1_000 }
  )
})

t.test('what could not be carried out is decided again when it is set again', async t => {
  const board = new Board()
  board.setQueue(queueOf({ id: 'q' }), NOW)
  board.setAgent(agentOf('ana'), NOW)
  board.setEntry(callerOf('caller', 'q'), NOW)
  t.equal(board.match(NOW).length, 1)
  t.equal(board.match(NOW).length, 0)
  board.setEntry(callerOf('caller', 'q'), NOW)
  board.setAgent(agentOf('ana'), NOW)
  t.equal(board.match(NOW).length, 1)
})

t.test('a caller whom the first tier cannot serve is served by the second, once it is time', async t => {
  const facts = {
    queues: [
      queueOf({
        id: 'ja',
        tiers: [
          { afterMs: 0, skills: [], languageLevel: 'B2' },
          { afterMs: 40_000, skills: [], languageLevel: 'B1' }
        ]
      })
    ],
    agents: [agentOf('sato', { languages: { ja: 3 } })],
    entries: [callerOf('caller', 'ja', { language: 'ja-JP', placeFromMs: NOW })]
  }
  t.same(distribute(facts, NOW + 39_999), [])
  t.match(distribute(facts, NOW + 40_000), [{ agentIds: ['sato'], tier: 1, reason: 'waited longest, tier 2' }])
})

t.test('a caller who waits long overtakes an important one', async t => {
  const facts = (waitedMs: number) => ({
    queues: [queueOf({ id: 'gold', priority: 5 }), queueOf({ id: 'usual' })],
    agents: [agentOf('ana')],
    entries: [callerOf('new', 'gold', { placeFromMs: NOW }), callerOf('old', 'usual', { placeFromMs: NOW - waitedMs })]
  })
  t.match(distribute(facts(299_000), NOW), [{ entryId: 'new' }])
  t.match(distribute(facts(301_000), NOW), [{ entryId: 'old' }])
})

t.test('callbacks leave the last free agents to callers on the line', async t => {
  const facts = (kind: 'inbound' | 'callback') => ({
    queues: [queueOf({ id: 'q', keepFree: 1 })],
    agents: [agentOf('ana')],
    entries: [callerOf('caller', 'q', { kind })]
  })
  t.equal(distribute(facts('callback'), NOW).length, 0)
  t.equal(distribute(facts('inbound'), NOW).length, 1)
})
