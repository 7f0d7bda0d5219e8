import { readdir, readFile } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'
import t from 'tap'

const ROOT = fileURLToPath(new URL('../../../', import.meta.url))
const FOLDER = 'server/compliance'
/** What gathers, keeps and writes; everything else decides, and must not reach outside. */
const WITH_DATABASE =
  /^server\/compliance\/(compliance-service\.ts|dnc\/(dnc-store|internal-list)\.ts|consent\/|log\/decision-log\.ts)/
/** Of ours, what has neither state nor anything to do with the outside. */
const PURE = new Set(['server/key-object.ts'])
const WITH_FILES = /^server\/compliance\/(packs\/(load|pack-cache)\.ts|dnc\/set-file\.ts|dnc\/dnc-store\.ts)/

t.test('the rules import nothing of ours, and decide without files, sockets, clocks or chance', async t => {
  for (const entry of await readdir(join(ROOT, FOLDER), { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || !entry.name.endsWith('.ts')) continue
    const file = join(entry.parentPath, entry.name)
    const path = relative(ROOT, file)
    const text = await readFile(file, 'utf8')
    for (const [, target = ''] of text.matchAll(/from\s+'([^']+)'/g)) {
      if (target.startsWith('.')) {
        const own = relative(ROOT, join(dirname(file), target))
        if (!WITH_DATABASE.test(path)) t.ok(own.startsWith(`${FOLDER}/`) || PURE.has(own), `${path} imports ${own}`)
      } else if (/^node:(fs|net|http|child_process|worker_threads|timers)/.test(target))
        t.match(path, WITH_FILES, `${path} imports ${target}`)
    }
    if (!WITH_DATABASE.test(path)) t.notMatch(text, /Date\.now\(|Math\.random\(|new Date\(\)/, `${path} asks no clock`)
  }
})
