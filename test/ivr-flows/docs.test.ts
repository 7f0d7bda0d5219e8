import { readFile } from 'node:fs/promises'
import t from 'tap'
import { Node } from '../../ivr-flows/schema.ts'
import { parseFlow } from '../../ivr-flows/parse.ts'
import { problemCodes } from '../../ivr-flows/problem.ts'
import { runTests } from '../../ivr-flows/testing/run-tests.ts'

const page = (name: string) => readFile(new URL(`../../docs/${name}`, import.meta.url), 'utf8')

t.test('an author finds every problem code and node kind in the reference', async t => {
  const reference = await page('reference/flows.md')
  const rows = [...reference.matchAll(/^\| `([A-Z_]+)` \| (.*) \|$/gm)].map(([, code, meaning]) => [code, meaning])
  t.same(rows, Object.entries(problemCodes))
  const kinds = Node.anyOf.map(node => node.properties.kind.const)
  const described = [...reference.matchAll(/^\| `([a-z]+)` \| [^|]+ \| .*\|$/gm)].map(([, kind]) => kind)
  for (const kind of kinds) t.ok(described.includes(kind), kind)
})

t.test('an author who follows the guide gets what it promises', async t => {
  const guide = await page('guide/writing-flows.md')
  const blocks = [...guide.matchAll(/```yaml\n([\s\S]*?)```/g)].map(([, text]) => text ?? '')
  const flow = blocks.find(text => text.includes('id: shop')) ?? ''
  const tests = blocks.find(text => text.includes('flow: shop.yaml')) ?? ''
  t.same(parseFlow(flow).problems, [])
  const { problems } = parseFlow(flow.replace("'1': desk", "'1': dsek"))
  const [{ line, column, severity, code, message, suggestion } = {}] = problems as Partial<(typeof problems)[0]>[]
  t.ok(
    guide.includes(`shop.yaml:${line}:${column} ${severity} ${code} ${message} ${suggestion}`),
    JSON.stringify(problems)
  )
  const report = await runTests('shop.test.yaml', tests, async name => ({ file: name, source: flow }))
  t.equal(report.isOk, true, JSON.stringify(report))
  t.ok(report.coverage?.untaken.some(path => path.node === 'main' && path.exit === 'key 2' && path.to === 'message'))
})
