import { createHash, randomBytes } from 'node:crypto'
import { copyFile, link, mkdir, readdir, readFile, rename } from 'node:fs/promises'
import { dirname, join, relative } from 'node:path'
import { fileURLToPath } from 'node:url'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CACHE = join(ROOT, 'node_modules', '.cache', 'parley-test-prompts')

/**
 * Gives a server the prompts that servers before it made, as a shop that has run before has them. Making those of the demo
 * flows costs nine seconds of a core each time. Files are named by their content and never changed, so links do.
 */
export async function placePrompts(folder: string): Promise<void> {
  await linkAll(join(CACHE, await stateOfSources()), folder)
}

/** Keeps what a server made for those after it. Only for servers whose voices are the real ones. */
export async function keepPrompts(folder: string): Promise<void> {
  await linkAll(folder, join(CACHE, await stateOfSources()))
}

async function linkAll(from: string, to: string): Promise<void> {
  const files = await readdir(from, { recursive: true, withFileTypes: true }).catch((err: NodeJS.ErrnoException) => {
    // Nobody has made a prompt yet.
    if (err.code === 'ENOENT') return []
    throw err
  })
  for (const file of files) {
    // What is being written has another ending.
    if (!file.isFile() || !file.name.endsWith('.wav')) continue
    const path = join(file.parentPath, file.name)
    const target = join(to, relative(from, path))
    await mkdir(dirname(target), { recursive: true })
    await put(path, target)
  }
}

/** Whole or not at all, because other tests read the same folder. */
async function put(path: string, target: string): Promise<void> {
  try {
    await link(path, target)
  } catch (err) {
    const { code } = err as NodeJS.ErrnoException
    // Made by another test meanwhile: the same.
    if (code === 'EEXIST') return
    if (code !== 'EXDEV') throw err
    // Temporary files are on another disk here.
    const part = `${target}.${randomBytes(4).toString('hex')}`
    await copyFile(path, part)
    await rename(part, target)
  }
}

let state: Promise<string> | undefined

/** Changes with whatever can change a voice. */
function stateOfSources(): Promise<string> {
  state ??= (async () => {
    const hash = createHash('sha256')
    for (const folder of ['media/prompts', 'media/audio'])
      for (const name of (await readdir(join(ROOT, folder))).filter(one => one.endsWith('.ts')).sort())
        hash.update(`${name}\0`).update(await readFile(join(ROOT, folder, name)))
    hash.update(await readFile(join(ROOT, 'package-lock.json')))
    return hash.digest('hex').slice(0, 32)
  })()
  return state
}
