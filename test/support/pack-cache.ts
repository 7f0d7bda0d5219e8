import { randomBytes } from 'node:crypto'
import { copyFile, cp, mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const FOLDER = fileURLToPath(new URL('../../node_modules/.cache/parley-test-packs', import.meta.url))
const OURS = fileURLToPath(new URL('../../config/rule-packs', import.meta.url))
const NAME = 'rule-packs.cache'

/** Gives a server the rule packs as a server before it has read them, as one that is started again finds them. */
export async function placePackCache(dataDir: string): Promise<void> {
  await copyOver(join(FOLDER, NAME), join(dataDir, NAME))
}

/** Keeps them for the servers after it, if this one had to read them anew. */
export async function keepPackCache(dataDir: string): Promise<void> {
  const [kept, own] = await Promise.all([join(FOLDER, NAME), join(dataDir, NAME)].map(textOf))
  if (own === null || own === kept) return
  await mkdir(FOLDER, { recursive: true })
  await copyOver(join(dataDir, NAME), join(FOLDER, NAME))
}

/** Makes a folder with our rule packs and more, and resolves with its path. */
export async function packsWith(more: Readonly<Record<string, string>>, folder: string): Promise<string> {
  await cp(OURS, folder, { recursive: true })
  for (const [name, text] of Object.entries(more)) await writeFile(join(folder, name), text)
  return folder
}

/** Whole or not at all, because other tests read the same file. */
async function copyOver(from: string, to: string): Promise<void> {
  const part = `${to}.${randomBytes(4).toString('hex')}`
  try {
    await copyFile(from, part)
  } catch (err) {
    // Nobody has read the packs yet.
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return
    throw err
  }
  await rename(part, to)
}

async function textOf(path: string): Promise<string | null> {
  try {
    return await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw err
  }
}
