import { isIPv4 } from 'node:net'
import { join, resolve } from 'node:path'
import type { Env, VariableName } from './env.ts'
import { parseSpeech, type SpeechConfig } from './speech.ts'

/** Where an engine listens and the secret that opens it. */
export type EngineAddress = Readonly<{ host: string; port: number; secret: string }>

export type LogLevel = 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace'
export type UnknownSources = 'answer' | 'refuse' | 'ignore'

/** All settings that are not secret, validated and frozen. Times are in milliseconds. */
export type Config = Readonly<{
  dataDir: string
  http: Readonly<{ host: string; port: number }>
  sip: Readonly<{ host: string; port: number; realm: string; unknownSources: UnknownSources; maxCalls: number }>
  rtpPorts: readonly [first: number, last: number]
  /** Pages over TLS; null while they are off. `certFile` null means a certificate of our own. */
  https: Readonly<{ port: number; certFile: string | null; keyFile: string | null }> | null
  softphone: Readonly<{
    sfu: 'auto' | 'mediasoup' | 'embedded'
    codec: 'pcmu' | 'opus'
    host: string
    announcedHost: string | null
    port: number
    rtpPorts: readonly [first: number, last: number]
    turnUrls: readonly string[]
    reconnectMs: number
  }>
  databaseUrl: string | null
  /** null means the embedded stand-in. */
  drachtio: EngineAddress | null
  freeswitch: EngineAddress | null
  eventSocketHost: string
  /** Listening to calls: from the answer on or when somebody needs it; silence of this length to a customer is reported. */
  tap: Readonly<{ isAlwaysOn: boolean; deadAirMs: number; maxSilenceMs: number }>
  /** Simulated calls at once; 0: none. */
  maxSimulatedCalls: number
  recordings: Readonly<{
    isOn: boolean
    areAgentCallsOn: boolean
    storageFile: string | null
    /** Address of the key that wraps the keys of recordings; null keeps them here. */
    keyService: string | null
    cardLimitMs: number
  }>
  prompts: Readonly<{ cacheDir: string; recordedDir: string; mediaDir: string }>
  hasDemoData: boolean
  drainMs: number
  /** So far this machine's clock and the database's may differ while campaigns dial. */
  clockToleranceMs: number
  logLevel: LogLevel
  requestHosts: readonly string[]
  /** The public page about persons' rights: whom to write to. */
  privacy: Readonly<{ contact: string; tombstonesFile: string }>
  /** Folder of the local recogniser's model; null when it is switched off. */
  pocketsphinx: string | null
  speech: SpeechConfig
  /** The language model of bots; null when there is none. `region` null: on this machine. */
  llm: Readonly<{
    url: string
    model: string
    region: string | null
    timeoutMs: number
    centsPerMillion: Readonly<{ input: number; output: number }>
  }> | null
  /** The model that says what articles and questions mean; null when there is none. `region` null: on this machine. */
  embedding: Readonly<{ url: string; model: string; region: string | null; leastSimilarity: number }> | null
  /** Where people outside reach this server; null when it is not known. */
  publicUrl: string | null
  /** Where texts and e-mails go; null when none can be sent. */
  messageHook: string | null
}>

/** One or more settings are missing, unknown or wrong; `problems` names each with its variable. */
export class ConfigError extends Error {
  override readonly name = 'ConfigError'
  readonly code = 'CONFIG_INVALID'
  readonly problems: readonly string[]

  constructor(problems: readonly string[]) {
    super(`the settings are not usable:\n${problems.map(problem => `  - ${problem}`).join('\n')}`)
    this.problems = problems
  }
}

const LOG_LEVELS = ['fatal', 'error', 'warn', 'info', 'debug', 'trace'] as const
const SFUS = ['auto', 'mediasoup', 'embedded'] as const
const TAPS = ['always', 'needed'] as const
const UNKNOWN_SOURCES = ['answer', 'refuse', 'ignore'] as const

/** Turns variables into settings. Throws {@link ConfigError} with every problem, not only the first. */
export function parseConfig(env: Env, unknown: readonly string[] = []): Config {
  const problems: string[] = unknown.map(name => `${name} is not a setting of Parley`)
  const text = (name: VariableName, fallback: string) => env[name]?.trim() || fallback
  const integer = (name: VariableName, fallback: number, min: number, max: number): number => {
    const given = env[name]?.trim()
    if (given === undefined || given === '') return fallback
    const value = Number(given)
    if (Number.isInteger(value) && value >= min && value <= max) return value
    problems.push(`${name} must be a whole number from ${min} to ${max}, not "${given}"`)
    return fallback
  }
  const oneOf = <T extends string>(name: VariableName, allowed: readonly T[], fallback: T): T => {
    const given = env[name]?.trim()
    if (given === undefined || given === '') return fallback
    const found = allowed.find(value => value === given)
    if (found !== undefined) return found
    problems.push(`${name} must be one of ${allowed.join(', ')}, not "${given}"`)
    return fallback
  }
  const engine = (name: VariableName): EngineAddress | null => {
    const given = env[name]?.trim()
    if (given === undefined || given === '') return null
    const match = /^(\[[0-9a-f:]+\]|[^:\s]+):(\d{1,5}):(\S+)$/i.exec(given)
    const port = Number(match?.[2])
    if (match?.[1] !== undefined && match[3] !== undefined && port >= 1 && port <= 65_535)
      return { host: match[1].replace(/^\[|\]$/g, ''), port, secret: match[3] }
    problems.push(`${name} must read host:port:secret`)
    return null
  }

  const list = (name: VariableName): readonly string[] =>
    (env[name] ?? '')
      .split(',')
      .map(item => item.trim())
      .filter(Boolean)

  const dataDir = resolve(text('PARLEY_DATA_DIR', './data'))
  const sipHost = text('PARLEY_SIP_HOST', '127.0.0.1')
  if (!isIPv4(sipHost)) problems.push(`PARLEY_SIP_HOST must be an IPv4 address, not "${sipHost}"`)
  const httpHost = text('PARLEY_HTTP_HOST', '127.0.0.1')
  if (((env.PARLEY_TLS_CERT?.trim() || null) === null) !== ((env.PARLEY_TLS_KEY?.trim() || null) === null))
    problems.push('PARLEY_TLS_CERT and PARLEY_TLS_KEY go together')
  if (env.PARLEY_SOFTPHONE_CODEC?.trim() === 'opus' && !env.PARLEY_FREESWITCH?.trim())
    problems.push('PARLEY_SOFTPHONE_CODEC=opus needs PARLEY_FREESWITCH')
  if (
    ((env.PARLEY_STORE_ACCESS_KEY?.trim() || null) === null) !==
    ((env.PARLEY_STORE_SECRET_KEY?.trim() || null) === null)
  )
    problems.push('PARLEY_STORE_ACCESS_KEY and PARLEY_STORE_SECRET_KEY go together')
  const databaseUrl = env.PARLEY_DATABASE_URL?.trim() || null
  if (databaseUrl !== null && !/^postgres(ql)?:\/\//.test(databaseUrl))
    problems.push('PARLEY_DATABASE_URL must start with postgres://')

  const url = (name: VariableName): string | null => {
    const given = env[name]?.trim() || null
    if (given === null || (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol))) return given
    problems.push(`${name} must be an address that begins with http:// or https://, not "${given}"`)
    return null
  }

  const keyService = (): string | null => {
    const given = url('PARLEY_KEY_SERVICE')
    if (given !== null && !/\/keys\/[A-Za-z0-9_-]{1,100}$/.test(given))
      problems.push('PARLEY_KEY_SERVICE must end in /keys/ and the name of a key')
    if (given !== null && env.PARLEY_RECORDING_KEYS?.trim())
      problems.push('PARLEY_KEY_SERVICE and PARLEY_RECORDING_KEYS exclude each other')
    return given
  }

  /** A service that reads what callers say: its address, model and place. Null when there is none. */
  const reader = (prefix: 'PARLEY_LLM' | 'PARLEY_EMBEDDING') => {
    const base = url(`${prefix}_URL`)
    if (base === null) return null
    const model = text(`${prefix}_MODEL`, '')
    if (model === '') problems.push(`${prefix}_MODEL must name the model at ${prefix}_URL`)
    const region = env[`${prefix}_REGION`]?.trim().toLowerCase() || null
    if (region === null && !isLoopback(new URL(base).hostname.replace(/^\[|\]$/g, '')))
      problems.push(`${prefix}_REGION must say where ${prefix}_URL processes what callers say`)
    const permitted = parseSpeech(env, []).regions
    if (region !== null && !permitted.includes(region))
      problems.push(`${prefix}_REGION is ${region}, which PARLEY_SPEECH_REGIONS does not permit`)
    return { url: base, model, region }
  }

  const embedding = (): Config['embedding'] => {
    const found = reader('PARLEY_EMBEDDING')
    if (found === null) return null
    const leastSimilarity = Number(text('PARLEY_EMBEDDING_SIMILARITY', '0.5'))
    if (!(leastSimilarity > 0 && leastSimilarity < 1))
      problems.push('PARLEY_EMBEDDING_SIMILARITY must lie between 0 and 1')
    return { ...found, leastSimilarity }
  }

  const llm = (): Config['llm'] => {
    const found = reader('PARLEY_LLM')
    if (found === null) return null
    const [input = Number.NaN, output = Number.NaN] = text('PARLEY_LLM_PRICES', '0,0').split(',').map(Number)
    if (!(input >= 0 && output >= 0))
      problems.push('PARLEY_LLM_PRICES must read input,output in euro cents for a million tokens')
    const timeoutMs = integer('PARLEY_LLM_TIMEOUT_MS', 8_000, 500, 60_000)
    return { ...found, timeoutMs, centsPerMillion: { input, output } }
  }

  const config: Config = {
    dataDir,
    http: { host: httpHost, port: integer('PARLEY_HTTP_PORT', 8080, 0, 65_535) },
    sip: {
      host: sipHost,
      port: integer('PARLEY_SIP_PORT', 5060, 0, 65_535),
      realm: text('PARLEY_SIP_REALM', 'parley'),
      unknownSources: oneOf(
        'PARLEY_UNKNOWN_SOURCES',
        UNKNOWN_SOURCES,
        sipHost.startsWith('127.') ? 'answer' : 'refuse'
      ),
      maxCalls: integer('PARLEY_MAX_CALLS', 300, 1, 100_000)
    },
    rtpPorts: parsePortRange('PARLEY_RTP_PORTS', text('PARLEY_RTP_PORTS', '20000-29999'), problems),
    https:
      (env.PARLEY_HTTPS_PORT ?? '').trim() === '' && isLoopback(httpHost)
        ? null
        : {
            port: integer('PARLEY_HTTPS_PORT', 8443, 0, 65_535),
            certFile: env.PARLEY_TLS_CERT?.trim() || null,
            keyFile: env.PARLEY_TLS_KEY?.trim() || null
          },
    softphone: {
      sfu: oneOf('PARLEY_SFU', SFUS, 'auto'),
      codec: oneOf('PARLEY_SOFTPHONE_CODEC', ['pcmu', 'opus'], 'pcmu'),
      host: text('PARLEY_WEBRTC_HOST', sipHost),
      announcedHost: env.PARLEY_WEBRTC_ANNOUNCED?.trim() || null,
      port: integer('PARLEY_WEBRTC_PORT', 19_000, 0, 65_535),
      rtpPorts: parsePortRange('PARLEY_SFU_RTP_PORTS', text('PARLEY_SFU_RTP_PORTS', '30000-32767'), problems),
      turnUrls: list('PARLEY_TURN_URLS'),
      reconnectMs: integer('PARLEY_RECONNECT_MS', 20_000, 1_000, 300_000)
    },
    databaseUrl,
    drachtio: engine('PARLEY_DRACHTIO'),
    freeswitch: engine('PARLEY_FREESWITCH'),
    eventSocketHost: text('PARLEY_EVENT_SOCKET_HOST', '127.0.0.1'),
    tap: {
      isAlwaysOn: oneOf('PARLEY_TAP', TAPS, 'always') === 'always',
      deadAirMs: integer('PARLEY_DEAD_AIR_MS', 15_000, 0, 600_000),
      maxSilenceMs: integer('PARLEY_MAX_SILENCE_MS', 4_000, 0, 60_000)
    },
    maxSimulatedCalls: integer('PARLEY_SIMULATED_CALLS', 4, 0, 50),
    recordings: {
      isOn: oneOf('PARLEY_RECORDING', ['on', 'off'], 'on') === 'on',
      areAgentCallsOn: oneOf('PARLEY_RECORD_AGENT_CALLS', ['on', 'off'], 'off') === 'on',
      storageFile: env.PARLEY_STORAGE_FILE?.trim() ? resolve(env.PARLEY_STORAGE_FILE.trim()) : null,
      keyService: keyService(),
      cardLimitMs: integer('PARLEY_CARD_LIMIT_MS', 180_000, 1_000, 600_000)
    },
    prompts: {
      cacheDir: join(dataDir, 'prompts'),
      recordedDir: resolve(text('PARLEY_PROMPTS_DIR', join(dataDir, 'recorded-prompts'))),
      mediaDir: text('PARLEY_MEDIA_PROMPTS_DIR', join(dataDir, 'prompts'))
    },
    hasDemoData: oneOf('PARLEY_DEMO_DATA', ['true', 'false'], 'true') === 'true',
    drainMs: integer('PARLEY_DRAIN_MS', 30_000, 0, 3_600_000),
    clockToleranceMs: integer('PARLEY_CLOCK_TOLERANCE_MS', 30_000, 1_000, 600_000),
    logLevel: oneOf('PARLEY_LOG_LEVEL', LOG_LEVELS, 'info'),
    pocketsphinx: pathOrOff(text('PARLEY_POCKETSPHINX', '/usr/share/pocketsphinx/model/en-us')),
    llm: llm(),
    embedding: embedding(),
    speech: parseSpeech(env, problems),
    publicUrl: url('PARLEY_PUBLIC_URL'),
    messageHook: url('PARLEY_MESSAGE_HOOK'),
    privacy: {
      contact: text('PARLEY_PRIVACY_CONTACT', ''),
      tombstonesFile: resolve(text('PARLEY_TOMBSTONES_FILE', join(dataDir, 'tombstones.jsonl')))
    },
    requestHosts: text('PARLEY_REQUEST_HOSTS', '*')
      .split(',')
      .map(host => host.trim().toLowerCase())
      .filter(Boolean)
  }
  if (problems.length > 0) throw new ConfigError(problems)
  return deepFreeze(config)
}

function pathOrOff(given: string): string | null {
  return given === 'off' ? null : resolve(given)
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '::1' || host.startsWith('127.')
}

function parsePortRange(name: VariableName, given: string, problems: string[]): readonly [number, number] {
  const match = /^(\d{1,5})-(\d{1,5})$/.exec(given)
  const first = Number(match?.[1])
  const last = Number(match?.[2])
  // RTP takes an even port and RTCP the next odd one (RFC 3550 §11).
  if (match !== null && first >= 1024 && last <= 65_535 && last - first >= 3) return [first, last]
  problems.push(`${name} must read first-last between 1024 and 65535, at least four ports, not "${given}"`)
  return [20_000, 29_999]
}

function deepFreeze<T>(value: T): T {
  if (typeof value === 'object' && value !== null && !Object.isFrozen(value)) {
    Object.freeze(value)
    for (const inner of Object.values(value)) deepFreeze(inner)
  }
  return value
}
