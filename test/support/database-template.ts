import { createHash, randomBytes } from 'node:crypto'
import { cpSync } from 'node:fs'
import { access, constants, mkdir, mkdtemp, readdir, readFile, rename, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { openDatabase } from '../../sql/database.ts'
import { startJobs } from '../../sql/jobs.ts'
import { migrate } from '../../sql/migrate.ts'

const ROOT = fileURLToPath(new URL('../..', import.meta.url))
const CACHE = join(ROOT, 'node_modules', '.cache', 'parley-test-databases')

/**
 * Puts a PGlite database that is made and migrated into `folder`. Making one costs nine seconds of a core, copying one a
 * tenth; it is made once for each state of the migrations and of the packages, by whichever test comes first.
 */
export async function placePgliteDatabase(folder: string): Promise<void> {
  // A server that is started again finds its own.
  if (await exists(folder)) return
  // 800 small files: one by one through the threads of the asynchronous copy they cost five times as much.
  cpSync(await template(), folder, { recursive: true, mode: constants.COPYFILE_FICLONE })
}

/** A migrated PGlite database of its own, in a folder that goes with `stack`. */
export async function freshPglite(stack: AsyncDisposableStack): Promise<string> {
  const parent = await mkdtemp(join(tmpdir(), 'parley-test-'))
  stack.defer(() => rm(parent, { recursive: true, force: true }))
  const folder = join(parent, 'database')
  await placePgliteDatabase(folder)
  return folder
}

/** The folder of the made database; makes it when it is not there. A run of the whole suite asks for it before the first test. */
export async function template(): Promise<string> {
  const wanted = join(CACHE, await stateOfSources())
  if (await exists(wanted)) return wanted
  const making = `${wanted}-${randomBytes(4).toString('hex')}`
  await mkdir(CACHE, { recursive: true })
  {
    await using database = await openDatabase({ kind: 'pglite', folder: making }, err => {
      throw err
    })
    await migrate(database.db)
    const jobs = await startJobs(database, err => {
      throw err
    })
    await jobs.stop({ graceful: true, timeout: 5_000 })
  }
  try {
    await rename(making, wanted)
  } catch (err) {
    // Another test file was faster; theirs is as good.
    if (!['ENOTEMPTY', 'EEXIST'].includes((err as NodeJS.ErrnoException).code ?? '')) throw err
    await rm(making, { recursive: true })
  }
  return wanted
}

/** What a migrated database depends on: the migrations, the tables of pg-boss and how they are made. */
export async function stateOfSources(): Promise<string> {
  const hash = createHash('sha256')
  const sql = join(ROOT, 'sql')
  const files = [...(await readdir(join(sql, 'migrations'))).map(name => join('migrations', name))].sort()
  for (const file of [...files, 'jobs.ts', 'migrate.ts', 'pglite-thread.ts'])
    hash.update(`${file}\0`).update(await readFile(join(sql, file)))
  hash.update(await readFile(join(ROOT, 'package-lock.json')))
  return hash.digest('hex').slice(0, 32)
}

async function exists(path: string): Promise<boolean> {
  try {
    await access(path)
    return true
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return false
    throw err
  }
}
