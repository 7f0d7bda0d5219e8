import { readFile } from 'node:fs/promises'
import t from 'tap'
import { API_COMMANDS, APPLICATIONS } from '../../../../media/embedded/freeswitch/commands.ts'
import { splitArguments } from '../../../../media/embedded/freeswitch/arguments.ts'

t.test('the README tells what is registered, and nothing else', async t => {
  const readme = await readFile(new URL('../../../../media/embedded/freeswitch/README.md', import.meta.url), 'utf8')
  const sections = readme.split('\n## ')
  for (const [title, registered] of [
    ['Applications', APPLICATIONS],
    ['API commands', API_COMMANDS]
  ] as const) {
    const section = sections.find(text => text.startsWith(title)) ?? ''
    const told = [...section.matchAll(/^\| `([^`]+)` *\| (\w+) *\|/gm)].map(match => `${match[1]}: ${match[2]}`)
    t.same(
      told,
      [...registered.values()].map(({ name, status }) => `${name}: ${status}`),
      title
    )
  }
})

t.test('arguments are split as the real server splits them', async t => {
  t.same(splitArguments('a  b c'), ['a', 'b', 'c'])
  t.same(splitArguments('x \'{"a": 1}\' y'), ['x', '{"a": 1}', 'y'])
  t.same(splitArguments('^^|u|start||\'{"a":"b c"}\'|true|'), ['u', 'start', '', '{"a":"b c"}', 'true', ''])
  t.same(splitArguments('u name the whole rest', 3), ['u', 'name', 'the whole rest'])
  t.same(splitArguments("it's"), ["it's"])
  t.same(splitArguments(''), [])
})
