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
  PARLEY_HTTPS_PORT:
    'Port of web pages and API over TLS 1.3, which browsers ask for before they give a microphone to a page of another machine. Unset: 8443 when the web server is not on a loopback address, otherwise off; 0 takes any free port',
  PARLEY_TLS_CERT:
    'File with the certificate chain, PEM. Unset: a certificate of its own, made once in the data folder',
  PARLEY_TLS_KEY: 'File with the private key of PARLEY_TLS_CERT, PEM',
  PARLEY_SFU:
    'What carries softphones’ audio: auto (mediasoup where its worker is installed), mediasoup or embedded. Default auto',
  PARLEY_WEBRTC_HOST: 'Address that softphones’ audio binds. Default: PARLEY_SIP_HOST',
  PARLEY_WEBRTC_ANNOUNCED: 'Address that browsers are told instead of PARLEY_WEBRTC_HOST, behind NAT',
  PARLEY_WEBRTC_PORT: 'UDP port of all softphones’ audio. Default 34000; 0 takes any free port',
  PARLEY_SFU_RTP_PORTS: 'UDP port range between the SFU and FreeSWITCH, first-last. Default 30000-33999',
  PARLEY_TURN_URLS: 'TURN servers for softphones, separated by commas, such as turn:turn.example.com:3478',
  PARLEY_TURN_SECRET: 'Shared secret of the TURN servers, for credentials that expire (coturn: use-auth-secret)',
  PARLEY_RECONNECT_MS:
    'How long a softphone may be away during a call before the caller goes back to the head of the queue. Default 20000',
  PARLEY_TAP:
    'Which calls are listened to for dead air: needed (those that a recorder, bot or detector listens to anyway) or always (every call, at about 2 ms of CPU per call-second). Default needed',
  PARLEY_DEAD_AIR_MS:
    'A customer who hears nothing for so long is noted in the call’s story, in milliseconds. 0 switches it off. Default 15000',
  PARLEY_RECORDING:
    'Whether calls may be recorded: on (those whose flow asks, as the law of their places wants it) or off (none, whatever a flow says). Default on',
  PARLEY_STORAGE_FILE:
    'YAML file that says in which folders or buckets recordings are kept, by country. Unset: <data>/recordings, for all',
  PARLEY_STORE_ACCESS_KEY: 'Access key of the S3-compatible stores. Unset: as the AWS SDK finds credentials',
  PARLEY_STORE_SECRET_KEY: 'Secret of PARLEY_STORE_ACCESS_KEY',
  PARLEY_RECORDING_KEYS:
    'Keys that wrap the keys of recordings, version:64 hexadecimal digits, separated by commas, the current one first. Unset: made and kept in <data>/recording-keys.json',
  PARLEY_CARD_LIMIT_MS: 'How long the entry of a card number may last before it ends by itself. Default 180000',
  PARLEY_POCKETSPHINX:
    'Folder of the English model of PocketSphinx, which hears the phrases of menus on this machine; off switches it off. Default /usr/share/pocketsphinx/model/en-us, where Debian puts it',
  PARLEY_PUBLIC_URL:
    'Address at which people outside reach this server, such as https://calls.example.com, for links in messages. Unset: messages with links are refused',
  PARLEY_MESSAGE_HOOK:
    'URL of the operator’s gateway for text messages and e-mails; each message is a signed POST (Standard Webhooks). Unset: none can be sent',
  PARLEY_MESSAGE_HOOK_SECRET: 'Secret that signs messages to PARLEY_MESSAGE_HOOK, whsec_ with base64',
  PARLEY_MAX_CALLS: 'Calls at once before further ones get 503. Default 300',
  PARLEY_DRAIN_MS: 'How long running calls may go on after SIGTERM, in milliseconds. Default 30000',
  PARLEY_LOG_LEVEL: 'fatal, error, warn, info, debug or trace. Default info',
  PARLEY_PRIVACY_CONTACT:
    'Whom persons may write to about their data: an address or a sentence. Shown on the public page',
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
