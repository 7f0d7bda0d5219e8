import t from 'tap'
import { parseScenarioFile } from '../../ivr-flows/testing/scenario-file.ts'
import { scenarioFromCall, scenarioText, type StoryEvent } from '../../server/simulator/scenario-from-call.ts'
import { parseFlow } from '../../ivr-flows/parse.ts'
import { MENU } from './support.ts'

const at = (ms: number) => new Date(Date.UTC(2026, 0, 5, 9, 0, 0, ms))
const event = (ms: number, kind: string, data: Record<string, unknown> = {}): StoryEvent => ({ kind, at: at(ms), data })
const entered = (ms: number, node: string, nodeKind: string) =>
  event(ms, 'nodeEntered', { flowId: 'shop', node, nodeKind })
const left = (ms: number, node: string, outcome: string, detail = {}) =>
  event(ms, 'nodeLeft', { flowId: 'shop', node, outcome, detail })

t.test('words come from the transcript, or from the flow where there is none', async t => {
  const events = [
    event(0, 'started'),
    event(0, 'flowChosen', { flowId: 'shop', flowVersion: 1, language: 'de' }),
    event(100, 'answered'),
    entered(110, 'menu', 'menu'),
    event(120, 'promptStarted'),
    event(900, 'turnHeard', { wasIgnored: false }),
    event(2_000, 'promptStarted'),
    event(3_000, 'bargedIn', { by: 'voice', heardMs: 800 }),
    event(4_000, 'speechHeard', { confidence: 0.8 }),
    left(4_010, 'menu', 'key 2', { key: '2', by: 'speech' }),
    entered(4_020, 'person', 'queue'),
    left(9_000, 'person', 'noAgents'),
    entered(9_010, 'bot', 'bot'),
    event(20_000, 'ended')
  ]
  const base = {
    callId: 'c1',
    startedAt: at(0),
    endReason: 'callerHungUp',
    tags: ['vip'],
    events,
    flow: parseFlow(MENU).flow
  }
  const said = [
    { startMs: 600, text: 'ich bin [name]' },
    { startMs: 2_800, text: 'Kundendienst bitte' },
    { startMs: 12_000, text: 'wo ist mein Paket' }
  ]
  const { scenario } = scenarioFromCall({ ...base, said })
  t.same(scenario.steps, [
    { say: 'ich bin [name]' },
    { say: 'Kundendienst bitte', interruptAtMs: 800 },
    { queue: 'noAgents' },
    { say: 'wo ist mein Paket' },
    { hangUp: true }
  ])
  t.match(scenario, { language: 'de', expect: { path: ['menu', 'person', 'bot'], end: 'callerHungUp', tags: ['vip'] } })
  const without = scenarioFromCall({ ...base, said: [] })
  t.match(without.scenario.steps, [
    { say: '…' },
    { say: 'Kundendienst', interruptAtMs: 800 },
    { queue: 'noAgents' },
    { hangUp: true }
  ])
  const source = scenarioText('c1', without)
  t.match(source, /# What was said here is not kept/)
  t.same(parseScenarioFile(source).problems, [], 'and it is a scenario as it stands')
})
