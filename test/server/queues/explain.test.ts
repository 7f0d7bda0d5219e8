import t from 'tap'
import { estimateWait } from '../../../server/queues/estimate.ts'
import { explain } from '../../../server/queues/explain.ts'
import type { Snapshot } from '../../../server/queues/snapshot.ts'
import { agentOf, callerOf, queueOf } from './support.ts'

const NOW = 1_000_000
const tiers = [
  { afterMs: 0, skills: [{ skill: 'sales', minLevel: 3 }], languageLevel: 'B2' as const },
  { afterMs: 40_000, skills: [{ skill: 'sales', minLevel: 1 }], languageLevel: 'B1' as const }
]
const ready = { isOpen: true, isAvailable: true, isRoutable: true }
const seller = agentOf('ana', { skills: { sales: 4 }, languages: { de: 5 } })

const why = (change: Partial<Snapshot>, facts: Partial<typeof ready> = {}, queue = queueOf({ id: 'q', tiers })) =>
  explain('ana', 'q', { queues: [queue], agents: [seller], entries: [], ...change }, { ...ready, ...facts }, NOW)

t.test('“Why no calls?” has one answer, the first that the agent can do something about', async t => {
  const waiting = callerOf('c', 'q', { language: 'de', placeFromMs: NOW })
  t.equal(why({ entries: [waiting] }), null, 'a call is on its way')
  t.equal(why({}), 'nothingWaiting')
  t.equal(why({}, { isOpen: false }), 'closed')
  t.equal(why({ entries: [waiting] }, { isRoutable: false }), 'notRoutable')
  t.equal(why({ entries: [waiting] }, { isAvailable: false, isRoutable: false }), 'notAvailable')
  t.equal(why({ agents: [agentOf('ana', { languages: { de: 5 } })], entries: [waiting] }), 'skillMissing')
  t.equal(why({ agents: [agentOf('ana', { skills: { sales: 4 } })], entries: [waiting] }), 'languageMissing')
  t.equal(why({ entries: [{ ...waiting, language: 'ja' }] }), 'languageMissing')
  t.equal(why({ entries: [{ ...waiting, skills: ['juggling'] }] }), 'skillMissing')
})

t.test('who is good enough only later is told so', async t => {
  const beginner = agentOf('ana', { skills: { sales: 1 }, languages: { de: 5 } })
  const early = callerOf('c', 'q', { language: 'de', placeFromMs: NOW - 39_999 })
  t.equal(why({ agents: [beginner], entries: [early] }), 'laterTier')
  t.equal(why({ agents: [beginner], entries: [{ ...early, placeFromMs: NOW - 40_000 }] }), null)
})

t.test('a caller who waits for the agent of last time is for nobody else', async t => {
  const sticky = queueOf({ id: 'q', tiers, strategy: 'stickyAgent', stickyWaitMs: 30_000 })
  const known = agentOf('bo', { skills: { sales: 4 }, languages: { de: 5 }, isFree: false })
  const waiting = callerOf('c', 'q', { language: 'de', placeFromMs: NOW - 1_000, stickyAgentId: 'bo' })
  t.equal(why({ agents: [seller, known], entries: [waiting] }, {}, sticky), 'othersFirst')
  t.equal(
    why({ agents: [seller, { ...known, isPresent: false }], entries: [waiting] }, {}, sticky),
    null,
    'who has gone home'
  )
})

t.test('callbacks wait while they must leave agents free', async t => {
  const careful = queueOf({ id: 'q', tiers, keepFree: 1 })
  const callback = callerOf('c', 'q', { kind: 'callback', language: 'de', placeFromMs: NOW })
  t.equal(why({ entries: [callback] }, {}, careful), 'othersFirst')
})

t.test('the estimated wait is position × handling time ÷ agents, or unknown', async t => {
  const facts = { position: 3, agents: 4, freeAgents: 0, answered: 20, meanHandleMs: 240_000 }
  t.equal(estimateWait(facts), 180_000)
  t.equal(estimateWait({ ...facts, freeAgents: 3 }), 0)
  t.equal(estimateWait({ ...facts, agents: 0 }), null)
  t.equal(estimateWait({ ...facts, answered: 4 }), null, 'too little is known')
})
