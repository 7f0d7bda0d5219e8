import { createHash, randomBytes } from 'node:crypto'
import { mkdir, readFile, rename, writeFile } from 'node:fs/promises'
import { dirname } from 'node:path'
import yaml from 'yaml/package.json' with { type: 'json' }
import { knownZones, learnZones, type Zone } from '../time/zone.ts'
import type { Pack } from './schema.ts'

type Kept = Readonly<{ state: string; packs: Readonly<Record<string, Pack>>; zones: readonly Zone[] }>

/** What reads packs and zones. When one of them changes, everything is read anew. */
const READERS = [
  './load.ts',
  './schema.ts',
  '../codes.ts',
  '../time/calendar.ts',
  '../time/holidays.ts',
  '../time/zone.ts'
]
/** Packs of earlier texts are forgotten beyond this. */
const MAX_PACKS = 500

/**
 * Packs that were read and checked before, by the sha256 of their text, and the zones that they needed: reading the shipped
 * ones takes seconds of each start, and their text hardly ever changes. A file that is missing, damaged or of another
 * program is no error: everything is read from the packs then, and the file is written anew. The packs' own boundary tests
 * are run at each start all the same.
 */
export class PackCache {
  readonly #path: string
  readonly #state: string
  readonly #packs: Map<string, Pack>
  #zones: number
  #hasNews = false

  private constructor(path: string, state: string, kept: Kept | null) {
    this.#path = path
    this.#state = state
    this.#packs = new Map(Object.entries(kept?.packs ?? {}))
    learnZones(kept?.zones ?? [])
    this.#zones = kept?.zones.length ?? 0
  }

  static async open(path: string): Promise<PackCache> {
    const state = await stateOfReaders()
    return new PackCache(path, state, await readKept(path, state))
  }

  find(hash: string): Pack | undefined {
    return this.#packs.get(hash)
  }

  add(hash: string, pack: Pack): void {
    if (this.#packs.size >= MAX_PACKS) this.#packs.clear()
    this.#packs.set(hash, pack)
    this.#hasNews = true
  }

  /** Keeps what was read since, for the next start. */
  async write(): Promise<void> {
    const zones = knownZones()
    if (!this.#hasNews && zones.length <= this.#zones) return
    const body = JSON.stringify({ state: this.#state, packs: Object.fromEntries(this.#packs), zones } satisfies Kept)
    await mkdir(dirname(this.#path), { recursive: true })
    const part = `${this.#path}.${randomBytes(4).toString('hex')}`
    await writeFile(part, `${sumOf(body)}\n${body}`, { mode: 0o600 })
    await rename(part, this.#path)
    this.#hasNews = false
    this.#zones = zones.length
  }
}

async function readKept(path: string, state: string): Promise<Kept | null> {
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code === 'ENOENT') return null
    throw err
  }
  const end = text.indexOf('\n')
  const body = text.slice(end + 1)
  if (sumOf(body) !== text.slice(0, end)) return null
  const kept = JSON.parse(body) as Kept
  return kept.state === state ? kept : null
}

/** Changes with the program, with the versions of Node, ICU and the zone database, and with the reader of YAML. */
async function stateOfReaders(): Promise<string> {
  const hash = createHash('sha256')
  for (const name of READERS) hash.update(`${name}\0`).update(await readFile(new URL(name, import.meta.url)))
  const { node, icu, tz } = process.versions
  return hash.update(JSON.stringify({ node, icu, tz, yaml: yaml.version })).digest('hex')
}

function sumOf(body: string): string {
  return createHash('sha256').update(body).digest('hex')
}
