import { randomBytes } from 'node:crypto'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { ConfigError } from './config.ts'
import type { Env } from './env.ts'

/** What must never be logged or shown. */
export type Secrets = Readonly<{
  /** 32 bytes: seals trunk passwords and wraps the data keys of voicemails and recordings. */
  key: Buffer
  /** The admin's password as given; undefined lets the first start make one. */
  adminPassword: string | undefined
  /** Shared with the TURN servers; undefined when there are none. */
  turnSecret: string | undefined
  /** Wraps the data keys of recordings, as PARLEY_RECORDING_KEYS is written; undefined lets them be kept in a file. */
  recordingKeys?: string | undefined
  /** Signs messages to the operator's gateway. */
  messageHookSecret?: string | undefined
  /** Opens the language model. */
  llmKey?: string | undefined
  /** Opens the model for embeddings. */
  embeddingKey?: string | undefined
  /** Of providers of speech. */
  speech?: Readonly<{ azureKey: string | undefined; openaiKey: string | undefined }> | undefined
  /** Of the S3-compatible stores. */
  store?: StoreKeys | undefined
  /** Of those that have keys of their own, by the name of the store. */
  storeKeys?: ReadonlyMap<string, StoreKeys> | undefined
  /** For the service that holds the wrapping keys. */
  keyServiceToken?: string | undefined
}>

export type StoreKeys = Readonly<{ accessKeyId: string; secretAccessKey: string }>

/** Keys of stores from a setting such as `eu:AKIA…:secret,jp:AKIB…:secret`. Throws ConfigError. */
export function parseStoreKeys(written: string): ReadonlyMap<string, StoreKeys> {
  const keys = new Map<string, StoreKeys>()
  for (const part of written.split(',')) {
    const [name = '', accessKeyId = '', secretAccessKey = '', ...more] = part.trim().split(':')
    if (!name || !accessKeyId || !secretAccessKey || more.length > 0 || keys.has(name))
      throw new ConfigError(['PARLEY_STORE_KEYS is written as store:access key:secret, each store once'])
    keys.set(name, { accessKeyId, secretAccessKey })
  }
  return keys
}

const KEY_FORM = /^[0-9a-f]{64}$/i

/** Reads the secrets, making and keeping the sealing key on first start in a file that only the owner can read. */
export async function loadSecrets(env: Env, dataDir: string): Promise<Secrets> {
  const adminPassword = env.PARLEY_ADMIN_PASSWORD || undefined
  const turnSecret = env.PARLEY_TURN_SECRET || undefined
  const recordingKeys = env.PARLEY_RECORDING_KEYS?.trim() || undefined
  const [accessKeyId, secretAccessKey] = [env.PARLEY_STORE_ACCESS_KEY?.trim(), env.PARLEY_STORE_SECRET_KEY?.trim()]
  const store = accessKeyId && secretAccessKey ? { accessKeyId, secretAccessKey } : undefined
  const storeKeys = env.PARLEY_STORE_KEYS?.trim() ? parseStoreKeys(env.PARLEY_STORE_KEYS) : undefined
  const keyServiceToken = env.PARLEY_KEY_SERVICE_TOKEN?.trim() || undefined
  const messageHookSecret = env.PARLEY_MESSAGE_HOOK_SECRET?.trim() || undefined
  const llmKey = env.PARLEY_LLM_KEY?.trim() || undefined
  const embeddingKey = env.PARLEY_EMBEDDING_KEY?.trim() || undefined
  const speech = {
    azureKey: env.PARLEY_AZURE_SPEECH_KEY?.trim() || undefined,
    openaiKey: env.PARLEY_OPENAI_SPEECH_KEY?.trim() || undefined
  }
  const others = {
    llmKey,
    embeddingKey,
    adminPassword,
    turnSecret,
    recordingKeys,
    messageHookSecret,
    store,
    storeKeys,
    keyServiceToken,
    speech
  }
  const given = env.PARLEY_SECRET_KEY?.trim()
  if (given !== undefined && given !== '') {
    if (!KEY_FORM.test(given)) throw new ConfigError(['PARLEY_SECRET_KEY must be 64 hexadecimal digits'])
    return { key: Buffer.from(given, 'hex'), ...others }
  }
  await mkdir(dataDir, { recursive: true })
  const file = join(dataDir, 'secret.key')
  try {
    // 'wx' refuses to overwrite: two processes that start together agree on the first one's key.
    await writeFile(file, `${randomBytes(32).toString('hex')}\n`, { flag: 'wx', mode: 0o600 })
  } catch (err) {
    if ((err as NodeJS.ErrnoException).code !== 'EEXIST') throw err
  }
  const kept = (await readFile(file, 'utf8')).trim()
  if (!KEY_FORM.test(kept)) throw new ConfigError([`${file} does not hold 64 hexadecimal digits`])
  return { key: Buffer.from(kept, 'hex'), ...others }
}
