import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Value } from 'typebox/value'
import { parse } from 'yaml'
import { UNKNOWN_PLACE } from './places.ts'
import { openFolderStore } from '../../media/recordings/folder-store.ts'
import type { ObjectStore } from '../../media/recordings/object-store.ts'
import { openS3Store } from '../../media/recordings/s3-store.ts'
import {
  EEA,
  isPermittedHost,
  type Residency,
  ResidencyError,
  type ResidencyPolicy,
  residencyOf
} from '../compliance/residency.ts'

const closed = { additionalProperties: false } as const
const Name = Type.String({ pattern: '^[a-z0-9][a-z0-9-]{0,31}$' })

const Store = Type.Union([
  Type.Object({ kind: Type.Literal('folder'), folder: Type.Optional(Type.String({ minLength: 1 })) }, closed),
  Type.Object(
    {
      kind: Type.Literal('s3'),
      bucket: Type.String({ minLength: 1, maxLength: 255 }),
      region: Type.String({ minLength: 1, maxLength: 64 }),
      endpoint: Type.Optional(Type.String({ pattern: '^https?://' })),
      pathStyle: Type.Optional(Type.Boolean()),
      prefix: Type.Optional(Type.String({ pattern: '^([A-Za-z0-9_-]+/)*$' }))
    },
    closed
  )
])

const StorageSchema = Type.Object(
  {
    stores: Type.Record(Name, Store, { minProperties: 1 }),
    zones: Type.Array(
      Type.Object(
        {
          id: Name,
          countries: Type.Array(Type.String({ pattern: '^([A-Z]{2}|EEA)$' }), { minItems: 1 }),
          store: Name,
          processors: Type.Optional(Type.Array(Type.String({ minLength: 1 }))),
          reason: Type.String({ minLength: 1, maxLength: 500 })
        },
        closed
      )
    ),
    /** Where recordings of calls go whose country is unknown; without it such calls are not recorded. */
    unknown: Type.Optional(Name)
  },
  closed
)
type StorageSettings = Static<typeof StorageSchema>

/** The file that says where recordings are kept is not usable; nothing is recorded with half of it. */
export class StorageError extends Error {
  override readonly name = 'StorageError'
  readonly code = 'STORAGE_INVALID'
}

type Credentials = Readonly<{ accessKeyId: string; secretAccessKey: string }>

/** Keys of the S3-compatible stores: a store's own, else those of all; null: as the AWS SDK finds them. */
export type StoreCredentials = Readonly<{ all: Credentials | null; byStore: ReadonlyMap<string, Credentials> }>

export const NO_CREDENTIALS: StoreCredentials = { all: null, byStore: new Map() }

/** The stores of this installation and the rule that says which one a call's recording belongs to. */
export class Storage implements AsyncDisposable {
  readonly #stores: ReadonlyMap<string, ObjectStore>
  readonly #policy: ResidencyPolicy | null
  readonly #unknown: string | undefined

  private constructor(
    stores: ReadonlyMap<string, ObjectStore>,
    policy: ResidencyPolicy | null,
    unknown: string | undefined
  ) {
    this.#stores = stores
    this.#policy = policy
    this.#unknown = unknown
  }

  /** Without a file there is one folder, for everybody. Throws StorageError with the place that is wrong. */
  static async open(
    file: string | null,
    dataFolder: string,
    credentials: StoreCredentials = NO_CREDENTIALS
  ): Promise<Storage> {
    const folder = join(dataFolder, 'recordings')
    if (file === null) return new Storage(new Map([['local', openFolderStore('local', folder)]]), null, undefined)
    const settings = await readSettings(file)
    const stores = new Map(
      Object.entries(settings.stores).map(([name, store]) => [
        name,
        openStore(name, store, folder, credentials.byStore.get(name) ?? credentials.all)
      ])
    )
    for (const name of credentials.byStore.keys())
      if (settings.stores[name]?.kind !== 's3')
        throw new StorageError(`${file}: there are keys for ${name}, which is no store of kind s3`)
    const known = (name: string, where: string) => {
      if (!stores.has(name)) throw new StorageError(`${file}: ${where} names the store ${name}, which is not there`)
    }
    for (const zone of settings.zones) known(zone.store, `the zone ${zone.id}`)
    if (settings.unknown !== undefined) known(settings.unknown, 'unknown')
    const policy: ResidencyPolicy = {
      zones: settings.zones.map(zone => ({
        id: zone.id,
        countries: zone.countries.flatMap(one => (one === 'EEA' ? EEA : [one])),
        storageRegion: zone.store,
        processors: zone.processors ?? [],
        reason: zone.reason
      }))
    }
    return new Storage(stores, policy, settings.unknown)
  }

  /**
   * Whether a host outside may process what is said in a call in these places. Without a file of zones the operator's
   * other settings decide alone; with one, a place that nobody knows permits nothing.
   */
  mayProcess(jurisdictions: readonly string[], host: string): boolean {
    if (this.#policy === null) return true
    if (jurisdictions.length === 0 || jurisdictions.includes(UNKNOWN_PLACE)) return false
    const residency = this.#residency(jurisdictions)
    return residency !== null && isPermittedHost(host, residency)
  }

  /**
   * Where the recording of a call in these places is kept; null when the places want different regions or nothing is
   * said of them: then the call is not recorded.
   */
  storeFor(jurisdictions: readonly string[]): string | null {
    if (this.#policy === null) return 'local'
    const known = jurisdictions.filter(one => one !== '?')
    if (known.length < jurisdictions.length && this.#unknown === undefined) return null
    if (known.length === 0) return this.#unknown ?? null
    return this.#residency(known)?.storageRegion ?? null
  }

  /** What may be done with the data of a call in these places; null while that is not decided. */
  residencyFor(jurisdictions: readonly string[]): Residency | null {
    return this.#policy === null ? null : this.#residency(jurisdictions)
  }

  /** Undefined for a store that was taken out of the settings while recordings are still in it. */
  store(name: string): ObjectStore | undefined {
    return this.#stores.get(name)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const store of this.#stores.values()) await store[Symbol.asyncDispose]()
  }

  #residency(jurisdictions: readonly string[]): Residency | null {
    try {
      return residencyOf(jurisdictions, this.#policy ?? { zones: [] })
    } catch (err) {
      if (err instanceof ResidencyError) return null
      throw err
    }
  }
}

function openStore(
  name: string,
  store: StorageSettings['stores'][string],
  folder: string,
  credentials: Credentials | null
): ObjectStore {
  switch (store.kind) {
    case 'folder':
      return openFolderStore(name, store.folder ?? folder)
    case 's3':
      return openS3Store({
        name,
        bucket: store.bucket,
        region: store.region,
        endpoint: store.endpoint ?? null,
        isPathStyle: store.pathStyle ?? store.endpoint !== undefined,
        prefix: store.prefix ?? '',
        credentials
      })
    default:
      return store satisfies never
  }
}

async function readSettings(file: string): Promise<StorageSettings> {
  let settings: unknown
  try {
    settings = parse(await readFile(file, 'utf8'))
  } catch (cause) {
    throw new StorageError(`${file} cannot be read as YAML`, { cause })
  }
  const [problem] = [...Value.Errors(StorageSchema, settings)]
  if (problem !== undefined) throw new StorageError(`${file}: ${problem.instancePath || '/'} ${problem.message}`)
  return settings as StorageSettings
}
