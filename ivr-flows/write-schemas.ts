import { writeFile } from 'node:fs/promises'
import { publishedSchema } from './published-schema.ts'
import { flowSchema } from './schema.ts'
import { scenarioFileSchema } from './testing/scenario-file.ts'
import { testFileSchema } from './testing/test-file.ts'

// Run after a change of the schemas: node ivr-flows/write-schemas.ts
const files = {
  'ivr-flow.schema.json': flowSchema,
  'ivr-flow-test.schema.json': testFileSchema,
  'ivr-flow-call.schema.json': scenarioFileSchema
}
for (const [name, schema] of Object.entries(files)) {
  await writeFile(new URL(name, import.meta.url), `${JSON.stringify(publishedSchema(schema), null, 2)}\n`)
}
