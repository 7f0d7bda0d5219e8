import { existsSync, globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const WEB = fileURLToPath(new URL('../../web', import.meta.url))
const STYLES = join(WEB, 'node_modules/@mantine/core/styles')
/** Parts of Mantine that draw themselves with another part's styles too. */
const ALSO: Readonly<Record<string, readonly string[]>> = {
  MultiSelect: ['Pill', 'PillsInput'],
  TagsInput: ['Pill', 'PillsInput'],
  SegmentedControl: ['FloatingIndicator']
}

t.test('every screen brings the styles of the Mantine parts that it shows, whatever was open before it', async t => {
  const first = stylesOf('src/styles/mantine.ts')
  t.ok(first.has('Button'), 'the first screen’s styles were read')
  const files = globSync('src/**/*.tsx', { cwd: WEB })
  t.ok(files.length > 100, `${files.length} files`)
  for (const file of files) {
    const own = stylesOf(file)
    const missing = partsOf(file)
      .flatMap(part => [part, ...(ALSO[part] ?? [])])
      .filter(part => existsSync(join(STYLES, `${part}.layer.css`)) && !first.has(part) && !own.has(part))
    t.same(missing, [], file)
  }
})

function stylesOf(file: string): ReadonlySet<string> {
  const text = readFileSync(join(WEB, file), 'utf8')
  return new Set([...text.matchAll(/@mantine\/core\/styles\/(\w+)\.layer\.css/g)].map(([, part]) => part ?? ''))
}

/** The names that a file imports from Mantine, types left out. */
function partsOf(file: string): readonly string[] {
  const text = readFileSync(join(WEB, file), 'utf8')
  return [...text.matchAll(/^import \{([^}]*)\} from '@mantine\/core'/gm)].flatMap(([, names]) =>
    (names ?? '').split(',').flatMap(name => /^(?!type )(\w+)/.exec(name.trim())?.[1] ?? [])
  )
}
