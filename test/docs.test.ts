import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'
import { VARIABLES } from '../config/env.ts'
import { END_REASONS } from '../server/calls/end-reasons.ts'

const ROOT = fileURLToPath(new URL('..', import.meta.url))
const read = (path: string) => readFile(join(ROOT, path), 'utf8')

t.test('the reference lists every setting in its own words', async t => {
  const listed = [...(await read('docs/reference/settings.md')).matchAll(/^\| `(PARLEY_[A-Z_]+)` \| (.*) \|$/gm)]
  t.same(
    listed.map(([, name, says]) => [name, says]),
    Object.entries(VARIABLES)
  )
})

t.test('the reference lists every end reason with whose fault it is', async t => {
  const listed = [
    ...(await read('docs/reference/end-reasons.md')).matchAll(
      /^\| `(\w+)` \| (\w+) \| (\w+) \| (\d+) ([^|]*) \| ([^|]*) \|$/gm
    )
  ]
  t.same(
    listed.map(([, reason, endedBy, fault, sip, phrase, says]) => [reason, endedBy, fault, Number(sip), phrase, says]),
    Object.entries(END_REASONS).map(([reason, one]) => [reason, one.endedBy, one.fault, one.sip, one.phrase, one.says])
  )
})

t.test('every link from one page to another leads somewhere', async t => {
  const pages = [
    'README.md',
    ...(await readdir(join(ROOT, 'docs'), { recursive: true }))
      .filter(name => name.endsWith('.md'))
      .map(name => join('docs', name))
  ]
  for (const page of pages)
    for (const [, target = ''] of (await read(page)).matchAll(/\]\(([^)#\s]+)(?:#[^)]*)?\)/g)) {
      if (/^[a-z]+:/.test(target)) continue
      const path = join(dirname(page), target)
      await t.resolves(
        readFile(join(ROOT, path)).catch(err => (err.code === 'EISDIR' ? '' : Promise.reject(err))),
        `${page} → ${relative('.', path)}`
      )
    }
})
