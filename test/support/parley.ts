import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Config, parseConfig } from '../../config/config.ts'
import type { Secrets } from '../../config/secrets.ts'
import type { Recognizer } from '../../media/speech/recognizer.ts'
import { parseFlow } from '../../ivr-flows/parse.ts'
import { type Parley, startParley } from '../../server/context.ts'
import { type RunningEngines, startEngines } from '../../server/engines.ts'
import { createLoggers } from '../../server/log.ts'
import { keepPackCache, packsWith, placePackCache } from './pack-cache.ts'
import { keepPrompts, placePrompts } from './prompt-cache.ts'
import { placePgliteDatabase } from './database-template.ts'
import { freshDatabase } from './postgres-database.ts'
import { type PhonePeer, type SipPhone, startSipPhone } from './sip-phone.ts'
import { type RtpPeer, startRtpPeer } from './rtp-peer.ts'

export const ADMIN_PASSWORD = 'correct horse battery staple'

export type TestDatabase = 'pglite' | 'postgres'

/** The databases that a suite runs on: PGlite always, PostgreSQL when the run names a server (CI always does). */
export function testDatabases(): readonly TestDatabase[] {
  return process.env['PARLEY_TEST_DATABASE_URL'] === undefined ? ['pglite'] : ['pglite', 'postgres']
}

/**
 * The databases of a suite that asks nothing of its own of them, because what it shows lies in calls and screens: one, or
 * both when `PARLEY_TEST_DATABASES` is `all`. In each room another suite runs on both.
 */
export function oneDatabase(): readonly TestDatabase[] {
  const wanted = process.env['PARLEY_TEST_DATABASES'] ?? 'one'
  if (wanted === 'all') return testDatabases()
  if (wanted !== 'one') throw new Error(`PARLEY_TEST_DATABASES must be one or all, not "${wanted}"`)
  return testDatabases().slice(-1)
}

/** Which engines: the stand-ins, or running real ones whose addresses the environment gives. */
function backend(): 'embedded' | 'real' {
  const named = process.env['BACKEND'] ?? 'embedded'
  if (named === 'embedded' || named === 'real') return named
  throw new Error(`BACKEND must be embedded or real, not "${named}"`)
}

export type TestParleyOptions = Readonly<{
  /** By default PostgreSQL when the run names a server, which costs a test less to start than PGlite. */
  database?: TestDatabase
  env?: Readonly<Record<string, string>>
  /** Secrets beside those that every test has. */
  secrets?: Partial<Secrets>
  hasDemoData?: boolean
  /** Where callers call, when the test runs the SIP server itself. */
  sip?: PhonePeer
  /** The clock that the rules for outbound calls see; by default a Tuesday noon in New York, evening in Berlin. */
  now?: () => Date
  /** A database that another server of the test has. */
  databaseUrl?: string
  /** Told before each step of a campaign’s call. */
  campaignStep?: NonNullable<Parameters<typeof startParley>[4]>['campaignStep']
  /** By which campaigns know whether the time is known. */
  clocks?: NonNullable<Parameters<typeof startParley>[4]>['clocks']
  /** How long a person may wait for an agent of a campaign, for tests that are not about that. */
  campaignWithinMs?: number
  /** How long a recording waits for a disk that is full. */
  diskPatienceMs?: number
  /** Recognisers that hear callers before all others. */
  recognizers?: readonly Recognizer[]
  /** Rule packs to have beside ours, by their file names. */
  morePacks?: Readonly<Record<string, string>>
}>

/** Signing everybody in at the price that keeps real passwords safe takes seconds of each test. */
const PASSWORD_COST = { N: 2 ** 10, r: 8, p: 1 }

/** A Tuesday noon in New York, evening in Berlin. */
export const LAWFUL_NOW = new Date('2026-11-24T17:00:00Z')

export type TestCall = Readonly<{
  id: string
  [field: string]: unknown
  events: readonly { kind: string; data: Record<string, unknown> }[]
}>

/** A whole Parley on free ports with a folder and a database of its own. */
export class TestParley implements AsyncDisposable {
  readonly parley: Parley
  readonly engines: RunningEngines
  readonly config: Config
  readonly sip: PhonePeer
  readonly dataDir: string
  readonly secretKey: Buffer
  readonly logs: readonly string[]
  readonly #stack: AsyncDisposableStack
  #token: string | undefined

  private constructor(
    parley: Parley,
    engines: RunningEngines,
    config: Config,
    sip: PhonePeer,
    logs: readonly string[],
    secretKey: Buffer,
    stack: AsyncDisposableStack
  ) {
    this.parley = parley
    this.engines = engines
    this.config = config
    this.sip = sip
    this.dataDir = config.dataDir
    this.logs = logs
    this.secretKey = secretKey
    this.#stack = stack
  }

  static async start(options: TestParleyOptions = {}): Promise<TestParley> {
    await using stack = new AsyncDisposableStack()
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-test-'))
    stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    await placePackCache(dataDir)
    const packFolder = options.morePacks && (await packsWith(options.morePacks, join(dataDir, 'rule-packs')))
    if (hasOnlyOwnVoice(options)) {
      const prompts = join(dataDir, 'prompts')
      await placePrompts(prompts)
      // Registered before the server, so that it has stopped by then.
      stack.defer(() => keepPrompts(prompts))
    }
    const isReal = backend() === 'real'
    const kind = options.database ?? testDatabases().at(-1) ?? 'pglite'
    if (kind === 'pglite') await placePgliteDatabase(join(dataDir, 'database'))
    const config = parseConfig({
      PARLEY_DATA_DIR: dataDir,
      PARLEY_HTTP_PORT: '0',
      PARLEY_SIP_PORT: '0',
      PARLEY_RTP_PORTS: rtpRange(0, 399),
      PARLEY_WEBRTC_PORT: '0',
      PARLEY_SFU_RTP_PORTS: rtpRange(400, 599),
      PARLEY_DRAIN_MS: '0',
      PARLEY_DEMO_DATA: options.hasDemoData ? 'true' : 'false',
      ...(kind === 'postgres' && {
        PARLEY_DATABASE_URL: options.databaseUrl ?? (await freshDatabase(stack))
      }),
      ...(isReal && {
        PARLEY_DRACHTIO: required('PARLEY_TEST_DRACHTIO'),
        PARLEY_FREESWITCH: required('PARLEY_TEST_FREESWITCH')
      }),
      ...options.env
    })
    const logs: string[] = []
    const secretKey = randomBytes(32)
    const keep = {
      write(line: string) {
        logs.push(line)
        return true
      }
    }
    const loggers = createLoggers('info', keep as NodeJS.WritableStream)
    const engines = stack.use(
      await startEngines(config, (engine, err) => {
        throw new Error(`the embedded ${engine} ended`, { cause: err })
      })
    )
    const parley = stack.use(
      await startParley(
        config,
        { key: secretKey, adminPassword: ADMIN_PASSWORD, turnSecret: undefined, ...options.secrets },
        engines.addresses,
        loggers,
        {
          now: options.now ?? (() => LAWFUL_NOW),
          passwordCost: PASSWORD_COST,
          ...(options.campaignStep !== undefined && { campaignStep: options.campaignStep }),
          ...(options.clocks !== undefined && { clocks: options.clocks }),
          ...(options.campaignWithinMs !== undefined && { campaignWithinMs: options.campaignWithinMs }),
          ...(options.diskPatienceMs !== undefined && { diskPatienceMs: options.diskPatienceMs }),
          ...(options.recognizers !== undefined && { recognizers: options.recognizers }),
          ...(packFolder !== undefined && { packFolder })
        }
      )
    )
    if (packFolder === undefined) await keepPackCache(dataDir)
    const sip =
      options.sip ??
      (engines.sip === null
        ? parsePeer(required('PARLEY_TEST_SIP'))
        : { host: engines.sip.host, port: engines.sip.udpPort })
    return new TestParley(parley, engines, config, sip, logs, secretKey, stack.move())
  }

  get url(): string {
    return this.parley.httpUrl
  }

  /** Calls the API as the administrator (or with another token) and returns status and body. */
  async api(
    method: string,
    path: string,
    body?: unknown,
    token?: string
  ): Promise<{ status: number; headers: Headers; body: Record<string, unknown> & { items?: unknown[] } }> {
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token ?? (await this.adminToken())}`,
        ...(body !== undefined && { 'content-type': 'application/json' })
      },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
  }

  async signIn(username: string, password: string): Promise<{ status: number; body: Record<string, unknown> }> {
    const response = await fetch(`${this.url}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password })
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  /** Stores and publishes a flow. */
  async publish(source: string): Promise<string> {
    const { flow, problems } = parseFlow(source)
    if (flow === null) throw new Error(problems.map(one => `${one.line}:${one.column} ${one.message}`).join('\n'))
    const exists = (await this.api('GET', `/flows/${flow.id}`)).status === 200
    const stored = exists
      ? await this.api('POST', `/flows/${flow.id}/versions`, { source })
      : await this.api('POST', '/flows', { source })
    if (stored.status !== 201) throw new Error(JSON.stringify(stored.body))
    const version = exists ? stored.body['version'] : 1
    const published = await this.api('POST', `/flows/${flow.id}/publish`, { version })
    if (published.status !== 200) throw new Error(JSON.stringify(published.body))
    return flow.id
  }

  /** Gives a number to a flow. */
  async addNumber(number: string, flowId: string, language = 'en'): Promise<string> {
    const added = await this.api('POST', '/numbers', { number, language, flowId })
    if (added.status !== 201) throw new Error(JSON.stringify(added.body))
    return added.body['id'] as string
  }

  /** A phone with ear and mouth. */
  async phone(
    options: { user?: string; transport?: 'udp' | 'tcp' } = {}
  ): Promise<{ phone: SipPhone; audio: RtpPeer } & AsyncDisposable> {
    const phone = await startSipPhone({ transport: options.transport ?? 'udp', user: options.user ?? '+12025550123' })
    const audio = await startRtpPeer()
    return {
      phone,
      audio,
      async [Symbol.asyncDispose]() {
        await phone[Symbol.asyncDispose]()
        await audio[Symbol.asyncDispose]()
      }
    }
  }

  uri(number: string, transport: 'udp' | 'tcp' = 'udp'): string {
    return transport === 'udp'
      ? `sip:${number}@${this.sip.host}:${this.sip.port}`
      : `sip:${number}@${this.sip.host}:${this.engines.sip?.tcpPort ?? this.sip.port};transport=tcp`
  }

  /** The story of the one call with this SIP Call-ID (or the newest), once it is ended and stored. */
  async story(sipCallId?: string): Promise<TestCall> {
    const limit = AbortSignal.timeout(40_000)
    for (;;) {
      await this.parley.storiesWritten()
      const { body } = await this.api('GET', '/calls?limit=200')
      const calls = (body.items as TestCall[] | undefined) ?? []
      const found = sipCallId === undefined ? calls[0] : calls.find(call => call['sipCallId'] === sipCallId)
      if (found?.['state'] === 'ended') return (await this.api('GET', `/calls/${found.id}`)).body as unknown as TestCall
      limit.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }

  async adminToken(): Promise<string> {
    this.#token ??= (await this.signIn('admin', ADMIN_PASSWORD)).body['token'] as string
    return this.#token
  }
}

/** Where other voices speak, a text that eSpeak once spoke would be found and they would not be asked. */
function hasOnlyOwnVoice({ env = {}, secrets = {} }: TestParleyOptions): boolean {
  return ![...Object.keys(env), ...Object.keys(secrets)].some(name => /SPEECH|SHERPA|PROMPTS_DIR/i.test(name))
}

/** Test files run beside each other: each process takes voice ports of its own. */
function rtpRange(from: number, to: number): string {
  const first = 20_000 + (process.pid % 60) * 600
  return `${first + from}-${first + to}`
}

function required(name: string): string {
  const value = process.env[name]
  if (value === undefined || value === '') throw new Error(`${name} must be set for this run`)
  return value
}

function parsePeer(written: string): PhonePeer {
  const [host = '', port = ''] = written.split(':')
  return { host, port: Number(port) }
}
