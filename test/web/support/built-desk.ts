import { mkdtemp, readdir, rename, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { build } from 'vite'

const WEB = fileURLToPath(new URL('../../../web', import.meta.url))
const PREFIX = 'parley-built-desk-'
/** Builds of older sources are thrown away after this. */
const KEPT_MS = 3_600_000

let built: Promise<string> | undefined

/**
 * The folder of the built desk, made from the sources as they are. It is one of the tests' own, so that test files that
 * run side by side, and a server that serves `web/dist`, never see a half-written one.
 */
export function builtDesk(): Promise<string> {
  built ??= buildUnlessThere()
  return built
}

async function buildUnlessThere(): Promise<string> {
  const folder = join(tmpdir(), PREFIX + (await versionOfSources()))
  if (await isThere(folder)) return folder
  await removeOld()
  const own = await mkdtemp(join(tmpdir(), 'parley-building-desk-'))
  await build({ root: WEB, logLevel: 'warn', build: { outDir: own, emptyOutDir: true } })
  try {
    await rename(own, folder)
  } catch (err) {
    // Another test file was faster with the same sources.
    if (!(await isThere(folder))) throw err
    await rm(own, { recursive: true })
  }
  return folder
}

/** Changes with every change of a source. */
async function versionOfSources(): Promise<string> {
  const folders = ['src', 'public', '.'] as const
  const times = await Promise.all(
    folders.map(async folder => {
      const entries = await readdir(join(WEB, folder), { recursive: folder !== '.', withFileTypes: true })
      return await Promise.all(
        entries
          .filter(entry => entry.isFile())
          .map(async file => Math.round((await stat(join(file.parentPath, file.name))).mtimeMs))
      )
    })
  )
  const all = times.flat()
  return `${all.length}-${Math.max(...all)}`
}

async function isThere(folder: string): Promise<boolean> {
  return await stat(join(folder, 'index.html')).then(
    () => true,
    () => false
  )
}

async function removeOld(): Promise<void> {
  for (const name of await readdir(tmpdir())) {
    if (!name.startsWith(PREFIX)) continue
    const folder = join(tmpdir(), name)
    const { mtimeMs } = await stat(folder)
    if (Date.now() - mtimeMs > KEPT_MS) await rm(folder, { recursive: true, force: true })
  }
}
