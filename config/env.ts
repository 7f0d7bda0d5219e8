/**
 * Every environment variable that Parley reads, with what it means. `config/example.env` is checked against this list.
 * Nothing else in the program reads `process.env`.
 */
export const VARIABLES = {
  PARLEY_DATA_DIR: 'Folder for the embedded database, prompts, voicemails and keys. Default ./data',
  PARLEY_HTTP_HOST: 'Address that the web server binds. Default 127.0.0.1',
  PARLEY_HTTP_PORT: 'Port of web pages and API. Default 8080; 0 takes any free port',
  PARLEY_SIP_HOST: 'Address that the embedded SIP server binds and announces. Default 127.0.0.1',
  PARLEY_SIP_PORT: 'SIP port, UDP and TCP, of the embedded SIP server. Default 5060; 0 takes any free port',
  PARLEY_RTP_PORTS: 'UDP port range for voice, first-last. Default 20000-29999',
  PARLEY_DATABASE_URL: 'postgres://… of a PostgreSQL server. Unset: PGlite in the data folder',
  PARLEY_DRACHTIO: 'host:port:secret of a drachtio-server. Unset: the embedded stand-in',
  PARLEY_FREESWITCH: 'host:port:secret of a FreeSWITCH event socket. Unset: the embedded stand-in',
  PARLEY_EVENT_SOCKET_HOST:
    'Address at which FreeSWITCH reaches this program for its outbound event socket. Default 127.0.0.1',
  PARLEY_MEDIA_PROMPTS_DIR:
    'Where FreeSWITCH finds the folder <data>/prompts, when it mounts it elsewhere. Default: same path',
  PARLEY_PROMPTS_DIR:
    'Folder with recorded prompts, <language>/<name>.wav, which win over synthesis. Default <data>/recorded-prompts',
  PARLEY_ADMIN_PASSWORD: 'Password of the user admin on first start. Unset: generated and printed once',
  PARLEY_SECRET_KEY:
    '64 hexadecimal digits: the key that seals stored passwords and voicemails. Unset: made and kept in the data folder',
  PARLEY_DEMO_DATA: 'true or false: create demo numbers, flows and people on first start. Default true',
  PARLEY_SIP_REALM: 'Realm of SIP digest authentication. Default parley',
  PARLEY_UNKNOWN_SOURCES:
    'What a SIP source that no trunk names gets: answer (every call is taken), refuse (403) or ignore (silence). Default refuse; answer while the SIP host is a loopback address',
  PARLEY_MAX_CALLS: 'Calls at once before further ones get 503. Default 300',
  PARLEY_DRAIN_MS: 'How long running calls may go on after SIGTERM, in milliseconds. Default 30000',
  PARLEY_LOG_LEVEL: 'fatal, error, warn, info, debug or trace. Default info',
  PARLEY_REQUEST_HOSTS: 'Hosts that the request step of a flow may call, separated by commas; * allows all. Default *'
} as const

export type VariableName = keyof typeof VARIABLES
export type Env = Readonly<Partial<Record<VariableName, string>>>

/** The PARLEY_ variables of this process; names that start so but are not known are given back apart. */
export function readEnv(source: Readonly<Record<string, string | undefined>> = process.env): {
  env: Env
  unknown: readonly string[]
} {
  const env: Partial<Record<VariableName, string>> = {}
  const unknown: string[] = []
  for (const [name, value] of Object.entries(source)) {
    if (!name.startsWith('PARLEY_') || value === undefined) continue
    if (Object.hasOwn(VARIABLES, name)) env[name as VariableName] = value
    else unknown.push(name)
  }
  return { env, unknown }
}
