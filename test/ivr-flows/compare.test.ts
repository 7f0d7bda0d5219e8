import t from 'tap'
import { compareFlows } from '../../ivr-flows/compare.ts'
import { flowGraph, graphMermaid, graphText } from '../../ivr-flows/graph.ts'
import { example, flowOf } from './support.ts'

const source = await example('welcome-en.yaml')
const flow = flowOf(source)

t.test('an author who only reorders, comments or rewrites sees no change', async t => {
  t.equal(compareFlows(flow, flow).isSame, true)
  const reordered = { ...flow, nodes: Object.fromEntries(Object.entries(flow.nodes).reverse()) }
  t.equal(compareFlows(flow, flowOf(JSON.stringify(reordered))).isSame, true)
  t.equal(compareFlows(flow, flowOf(`# a comment\n${source}`)).isSame, true)
})

t.test('an author sees what changed by meaning', async t => {
  const changed = flowOf(
    source
      .replace('Welcome to Example Trading.', 'Hello from Example Trading.')
      .replace(/(['"])2\1: information/, "'2': message")
      .replace('attempts: 3', 'attempts: 2')
      .replace(/ {2}information:[\s\S]*?next: main\n\n/, '')
      .replaceAll('orderShipped', 'orderOnItsWay')
      .replace('onFailure: trouble', 'onFailure: goodbye')
      .replace('  trouble:\n', '  farewell: { kind: hangup, prompt: Bye. }\n  trouble:\n')
  )
  const result = compareFlows(flow, changed)
  t.equal(result.isSame, false)
  t.same(result.added, [{ node: 'farewell', kind: 'hangup' }])
  t.same(result.removed, [{ node: 'information', kind: 'say' }])
  t.same(result.renamed, [{ before: 'orderShipped', after: 'orderOnItsWay' }])
  t.same(result.rewired, [{ node: 'main', exit: 'key 2', before: 'information', after: 'message' }])
  t.same(result.changed, [{ node: 'main', kind: 'menu', properties: [{ path: 'attempts', before: 3, after: 2 }] }])
  t.same(result.texts, [
    {
      node: 'greet',
      path: 'otherwise',
      language: 'en',
      before: 'Welcome to Example Trading.',
      after: 'Hello from Example Trading.'
    }
  ])
  t.same(result.flow, [{ path: 'onFailure', before: 'trouble', after: 'goodbye' }])
})

t.test('an editor draws the same flow the same way, with every way on', async t => {
  const graph = flowGraph(flow)
  t.same(graph, flowGraph(flowOf(source)))
  t.match(graph.nodes[0], { name: 'greet', kind: 'greeting', rank: 0, isStart: true })
  t.ok(
    graph.edges.some(edge => edge.from === 'main' && edge.exit === 'key 1' && edge.to === 'orderNumber' && edge.isInput)
  )
  t.ok(graph.edges.some(edge => edge.from === 'main' && edge.exit === 'failed' && edge.via === 'onFailure'))
  t.ok(graph.nodes.every(node => node.rank !== null))
  t.match(graphText(graph), / {4}key 9 -> goodbye/)
  t.match(graphMermaid(graph), /^flowchart TD\n/)
})
