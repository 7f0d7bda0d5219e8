import { readFile, readdir } from 'node:fs/promises'
import { Ajv2020 } from 'ajv/dist/2020.js'
import fc from 'fast-check'
import t from 'tap'
import { parse } from 'yaml'
import { checkStructure } from '../../ivr-flows/check/structure.ts'
import { publishedSchema } from '../../ivr-flows/published-schema.ts'
import { flowSchema } from '../../ivr-flows/schema.ts'
import { scenarioFileSchema } from '../../ivr-flows/testing/scenario-file.ts'
import { testFileSchema } from '../../ivr-flows/testing/test-file.ts'
import { EXAMPLES, example } from './support.ts'

t.test('the schemas that are checked in are those of this release', async t => {
  for (const [name, schema] of [
    ['ivr-flow', flowSchema],
    ['ivr-flow-test', testFileSchema],
    ['ivr-flow-call', scenarioFileSchema]
  ] as const) {
    const file = await readFile(new URL(`../../ivr-flows/${name}.schema.json`, import.meta.url), 'utf8')
    t.same(JSON.parse(file), publishedSchema(schema), 'run: node ivr-flows/write-schemas.ts')
  }
})

t.test('an editor with the published schema judges shapes as the checker does', async t => {
  const ajv = new Ajv2020({ strict: false, validateFormats: false })
  const isValid = ajv.compile(publishedSchema(flowSchema))
  const agrees = (document: unknown) =>
    isValid(document) === (checkStructure(flowSchema, document).findings.length === 0)
  const names = (await readdir(EXAMPLES)).filter(name => name.endsWith('.yaml') && !name.endsWith('.test.yaml'))
  const documents = await Promise.all(names.map(async name => parse(await example(name)) as Record<string, unknown>))
  for (const [index, document] of documents.entries()) {
    t.equal(isValid(document), true, names[index] ?? '')
    t.ok(agrees(document))
  }
  // One value somewhere in a good flow becomes something else.
  const change = fc.tuple(
    fc.constantFrom(...documents),
    fc.nat(),
    fc.oneof(fc.jsonValue({ maxDepth: 2 }), fc.constantFrom('main', 'say', 3, true))
  )
  fc.assert(
    fc.property(change, ([document, at, value]) => {
      const copy = structuredClone(document)
      const places: [Record<string, unknown>, string][] = []
      const collect = (inner: unknown): void => {
        if (typeof inner !== 'object' || inner === null) return
        for (const key of Object.keys(inner)) {
          places.push([inner as Record<string, unknown>, key])
          collect((inner as Record<string, unknown>)[key])
        }
      }
      collect(copy)
      const place = places[at % places.length]
      if (place !== undefined) place[0][place[1]] = value
      return agrees(copy)
    }),
    { numRuns: 400 }
  )
})
