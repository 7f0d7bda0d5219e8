import { randomBytes } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { CallStep } from '../../server/campaigns/attempt.ts'
import { ADMIN_PASSWORD, LAWFUL_NOW } from '../support/parley.ts'
import { placePrompts } from '../support/prompt-cache.ts'
import { freePort, Program } from '../support/programs.ts'
import type { CampaignServer } from './support.ts'

/** The engines that several control planes share, and what these have in common; all of it ends with `stack`. */
export async function sharedWorld(stack: AsyncDisposableStack, databaseUrl: string): Promise<Planes> {
  const eventSocketPort = await freePort()
  stack.use(
    await Program.start(
      'media/embedded/freeswitch/program.ts',
      ['--event-socket-port', `${eventSocketPort}`, '--sip-port', '0', '--rtp-ports', '58000-58400', '--secret', 's'],
      /stand-in for FreeSWITCH/
    )
  )
  const adminPort = await freePort()
  stack.use(
    await Program.start(
      'media/embedded/drachtio/program.ts',
      ['--admin-port', `${adminPort}`, '--secret', 's', '--udp-port', '0', '--tcp-port', '0'],
      /stand-in for drachtio-server/
    )
  )
  return new Planes(stack, {
    PARLEY_DATABASE_URL: databaseUrl,
    PARLEY_DRACHTIO: `127.0.0.1:${adminPort}:s`,
    PARLEY_FREESWITCH: `127.0.0.1:${eventSocketPort}:s`,
    PARLEY_SECRET_KEY: randomBytes(32).toString('hex'),
    PARLEY_ADMIN_PASSWORD: ADMIN_PASSWORD,
    PARLEY_HTTP_PORT: '0',
    PARLEY_WEBRTC_PORT: '0',
    PARLEY_DEMO_DATA: 'true',
    PARLEY_POCKETSPHINX: 'off'
  })
}

/** Control planes that share one database and one pair of engines. */
export class Planes {
  readonly #stack: AsyncDisposableStack
  readonly #env: Readonly<Record<string, string>>
  /** One clock for all: what the law sees when the first one starts. */
  readonly #clockAheadMs = LAWFUL_NOW.getTime() - Date.now()
  #started = 0

  constructor(stack: AsyncDisposableStack, env: Readonly<Record<string, string>>) {
    this.#stack = stack
    this.#env = env
  }

  /** Starts one more, in a process and a folder of its own; it stands still with these numbers at these steps. */
  async start(standsStillAt: Readonly<Record<string, CallStep>> = {}): Promise<Plane> {
    const dataDir = await mkdtemp(join(tmpdir(), 'parley-plane-'))
    this.#stack.defer(() => rm(dataDir, { recursive: true, force: true }))
    await placePrompts(join(dataDir, 'prompts'))
    const from = 40_000 + this.#started * 400
    this.#started += 1
    const program = this.#stack.use(
      await Program.start(
        'test/campaigns/control-plane.ts',
        [`--clock-ahead-ms=${this.#clockAheadMs}`, `--stands-still-at=${JSON.stringify(standsStillAt)}`],
        /control plane at \S+\n/,
        { ...this.#env, PARLEY_DATA_DIR: dataDir, PARLEY_SFU_RTP_PORTS: `${from}-${from + 399}` }
      )
    )
    return new Plane(program)
  }
}

/** One control plane, spoken to over HTTP only. */
export class Plane implements CampaignServer {
  readonly #program: Program
  readonly url: string
  #token: string | undefined

  constructor(program: Program) {
    this.#program = program
    this.url = /control plane at (\S+)\n/.exec(program.output)?.[1] ?? ''
  }

  get logs(): readonly string[] {
    return this.#program.output.split(/(?<=\n)/)
  }

  /** Lets it stand still as a whole, as a machine without processor time does; `goOn` wakes it up. */
  standStill(): void {
    this.#program.signal('SIGSTOP')
  }

  goOn(): void {
    this.#program.signal('SIGCONT')
  }

  /** Ends it as a power cut would. */
  async kill(): Promise<void> {
    await this.#program.kill()
  }

  async api(method: string, path: string, body?: unknown, token?: string): ReturnType<CampaignServer['api']> {
    this.#token ??= token === undefined ? await this.#adminToken() : undefined
    const response = await fetch(`${this.url}/api/v1${path}`, {
      method,
      headers: {
        authorization: `Bearer ${token ?? this.#token}`,
        ...(body !== undefined && { 'content-type': 'application/json' })
      },
      ...(body !== undefined && { body: JSON.stringify(body) })
    })
    const text = await response.text()
    return { status: response.status, headers: response.headers, body: text === '' ? {} : JSON.parse(text) }
  }

  async signIn(username: string, password: string): ReturnType<CampaignServer['signIn']> {
    const response = await fetch(`${this.url}/api/v1/session`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ username, password })
    })
    return { status: response.status, body: (await response.json()) as Record<string, unknown> }
  }

  async publish(source: string): Promise<string> {
    const stored = await this.api('POST', '/flows', { source })
    if (stored.status !== 201) throw new Error(JSON.stringify(stored.body))
    const id = stored.body['id'] as string
    const published = await this.api('POST', `/flows/${id}/publish`, { version: 1 })
    if (published.status !== 200) throw new Error(JSON.stringify(published.body))
    return id
  }

  async #adminToken(): Promise<string> {
    return (await this.signIn('admin', ADMIN_PASSWORD)).body['token'] as string
  }
}
