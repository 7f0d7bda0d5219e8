import { access, readdir, stat } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const WEB = fileURLToPath(new URL('../../../web', import.meta.url))
export const DIST = join(WEB, 'dist')

let built: Promise<string> | undefined

/** The folder of the built desk; builds it first when a source is newer. */
export function builtDesk(): Promise<string> {
  built ??= buildIfStale()
  return built
}

async function buildIfStale(): Promise<string> {
  const index = join(DIST, 'index.html')
  const isThere = await access(index).then(
    () => true,
    () => false
  )
  if (isThere && (await newestIn('src', 'public', '.')) < (await stat(index)).mtimeMs) return DIST
  await build({ root: WEB, logLevel: 'warn' })
  return DIST
}

async function newestIn(...folders: readonly string[]): Promise<number> {
  const times = await Promise.all(
    folders.map(async folder => {
      const entries = await readdir(join(WEB, folder), { recursive: folder !== '.', withFileTypes: true })
      const files = entries.filter(entry => entry.isFile())
      return await Promise.all(files.map(async file => (await stat(join(file.parentPath, file.name))).mtimeMs))
    })
  )
  return Math.max(...times.flat())
}
