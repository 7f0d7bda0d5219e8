import { readFile } from 'node:fs/promises'
import t from 'tap'
import { DEFINITIONS } from '../../../sql/reports/definitions.ts'

t.test('the reference defines every figure in the words of the program', async t => {
  const page = await readFile(new URL('../../../docs/reference/queues.md', import.meta.url), 'utf8')
  const section = page.split('## Figures')[1]?.split('\n## ')[0] ?? ''
  const listed = [...section.matchAll(/^\| `(\w+)` \| (.+) \|$/gm)].map(([, name, says]) => [name, says])
  t.same(listed, Object.entries(DEFINITIONS))
})
