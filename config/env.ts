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
    '64 hexadecimal digits: the key that seals stored passwords. Unset: made and kept in the data folder',
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
  PARLEY_SOFTPHONE_CODEC:
    'What browsers and FreeSWITCH speak with each other: pcmu (nothing is transcoded towards telephone networks) or opus (wide band; FreeSWITCH transcodes, with mod_opus and OPUS among the codecs of its profile). The stand-in for FreeSWITCH has no Opus. Default pcmu',
  PARLEY_WEBRTC_HOST: 'Address that softphones’ audio binds. Default: PARLEY_SIP_HOST',
  PARLEY_WEBRTC_ANNOUNCED: 'Address that browsers are told instead of PARLEY_WEBRTC_HOST, behind NAT',
  PARLEY_WEBRTC_PORT:
    'UDP port of all softphones’ audio. Default 19000, which systems give to nobody by themselves; 0 takes any free port',
  PARLEY_SFU_RTP_PORTS: 'UDP port range between the SFU and FreeSWITCH, first-last. Default 30000-32767',
  PARLEY_TURN_URLS: 'TURN servers for softphones, separated by commas, such as turn:turn.example.com:3478',
  PARLEY_TURN_SECRET: 'Shared secret of the TURN servers, for credentials that expire (coturn: use-auth-secret)',
  PARLEY_RECONNECT_MS:
    'How long a softphone may be away during a call before the caller goes back to the head of the queue. Default 20000',
  PARLEY_TAP:
    'Which calls are listened to from the answer to the end: always (every call, so that dead air is seen on all of them, at about 1.3 ms of CPU per call-second, half of it in the media server) or needed (from the first recorder, bot or detector that listens, which saves that on the others). Default always',
  PARLEY_DEAD_AIR_MS:
    'A customer who hears nothing for so long is noted in the call’s story, in milliseconds. 0 switches it off. Default 15000',
  PARLEY_MAX_SILENCE_MS:
    'A caller who waits for a request, a prompt or a bot is asked to wait after so much silence, in milliseconds. 0 allows any silence. Default 4000',
  PARLEY_RECORDING:
    'Whether calls may be recorded: on (those whose flow asks, as the law of their places wants it) or off (none, whatever a flow says). Default on',
  PARLEY_RECORD_AGENT_CALLS:
    'Whether calls that agents place, callbacks and campaign calls with agents are recorded: on (the customer is told or asked first, as the law of both ends wants it) or off. Default off',
  PARLEY_STORAGE_FILE:
    'YAML file that says in which folders or buckets recordings are kept, by country. Unset: <data>/recordings, for all',
  PARLEY_STORE_ACCESS_KEY: 'Access key of the S3-compatible stores. Unset: as the AWS SDK finds credentials',
  PARLEY_STORE_SECRET_KEY: 'Secret of PARLEY_STORE_ACCESS_KEY',
  PARLEY_STORE_KEYS:
    'Keys of single stores of PARLEY_STORAGE_FILE, store:access key:secret, separated by commas. Stores without one use PARLEY_STORE_ACCESS_KEY',
  PARLEY_RECORDING_KEYS:
    'Keys that wrap the keys of recordings, version:64 hexadecimal digits, separated by commas, the current one first. Unset: made and kept in <data>/recording-keys.json',
  PARLEY_KEY_SERVICE:
    'Address of the key that wraps the keys of recordings in a key management service with the transit API of Vault or OpenBao, such as https://kms.example.com/v1/transit/keys/recordings. Takes the place of PARLEY_RECORDING_KEYS. Unset: keys are kept here',
  PARLEY_KEY_SERVICE_TOKEN: 'Token for PARLEY_KEY_SERVICE. Unset: none is sent',
  PARLEY_CARD_LIMIT_MS: 'How long the entry of a card number may last before it ends by itself. Default 180000',
  PARLEY_POCKETSPHINX:
    'Folder of the English model of PocketSphinx, which hears the phrases of menus on this machine; off switches it off. Default /usr/share/pocketsphinx/model/en-us, where Debian puts it',
  PARLEY_LLM_URL:
    'Base address of a server with the OpenAI-compatible chat API, such as https://llm.example.com/v1. Unset: bots read articles out',
  PARLEY_LLM_KEY: 'Key of PARLEY_LLM_URL. Unset: none is sent',
  PARLEY_LLM_MODEL: 'Name of the model at PARLEY_LLM_URL',
  PARLEY_LLM_REGION:
    'Where PARLEY_LLM_URL processes what callers say, such as eu, which PARLEY_SPEECH_REGIONS must permit; needed unless its host is this machine',
  PARLEY_LLM_TIMEOUT_MS: 'How long the next piece of a model’s reply may take, in milliseconds. Default 8000',
  PARLEY_LLM_PRICES:
    'What a million tokens cost, in euro cents, input,output, for the limits of calls and for reports. Default 0,0',
  PARLEY_EMBEDDING_URL:
    'Base address of a server with the OpenAI-compatible API for embeddings, such as https://llm.example.com/v1, which finds articles by what is meant; the database needs pgvector. Unset: articles are found by their words',
  PARLEY_EMBEDDING_KEY: 'Key of PARLEY_EMBEDDING_URL. Unset: none is sent',
  PARLEY_EMBEDDING_MODEL: 'Name of the model at PARLEY_EMBEDDING_URL',
  PARLEY_EMBEDDING_REGION:
    'Where PARLEY_EMBEDDING_URL processes what callers ask, such as eu, which PARLEY_SPEECH_REGIONS must permit; needed unless its host is this machine',
  PARLEY_EMBEDDING_SIMILARITY:
    'Cosine from which on an article is about the question, 0 to 1; another one for each model. Default 0.5',
  PARLEY_SPEECH_REGIONS:
    'Regions in which callers’ audio and prompts’ texts may be processed outside this machine, separated by commas, as the settings of the providers name them, such as eu,westeurope. Unset: nowhere, and no provider outside is used',
  PARLEY_GOOGLE_SPEECH_KEY_FILE: 'File with the JSON key of a service account of Google that may recognise and speak',
  PARLEY_GOOGLE_SPEECH_REGION: 'Where Google processes speech: eu, us or global. Default global',
  PARLEY_GOOGLE_SPEECH_ENDPOINT:
    'Another address of Google’s speech services, https://host:port, or http://host:port for a relay that adds the key. Unset: Google’s own for the region',
  PARLEY_AZURE_SPEECH_KEY: 'Key of a speech resource of Azure',
  PARLEY_AZURE_SPEECH_REGION: 'Azure’s region of that resource, such as westeurope',
  PARLEY_AZURE_SPEECH_ENDPOINT:
    'Another address of Azure’s speech service, https://host:port or http://host:port. Unset: Azure’s own for the region',
  PARLEY_OPENAI_SPEECH_URL: 'Address of a speech service that speaks OpenAI’s protocol, up to and with /v1',
  PARLEY_OPENAI_SPEECH_KEY: 'Key of that service, when it wants one',
  PARLEY_OPENAI_SPEECH_ASR_MODEL: 'Its model that recognises, such as whisper-1. Unset: it does not',
  PARLEY_OPENAI_SPEECH_TTS_MODEL:
    'Its model that speaks, and a voice after a colon, such as tts-1:alloy. Unset: it does not',
  PARLEY_OPENAI_SPEECH_LANGUAGES: 'Languages of that service, separated by commas, such as en,de,ja',
  PARLEY_OPENAI_SPEECH_REGION:
    'Where that service processes speech, such as eu; needed unless its host is this machine',
  PARLEY_TRANSCRIBE:
    'Whether recorded calls are turned into text by the providers of speech that are set up and permitted: live (while they run, and from the recording where nobody could hear them so), recorded (when the recording is safe) or off. Default off',
  PARLEY_SHERPA_MODELS:
    'Folder that holds a folder for each model of sherpa-onnx: recognisers and voices. Unset: it is off',
  PARLEY_PUBLIC_URL:
    'Address at which people outside reach this server, such as https://calls.example.com, for links in messages. Unset: messages with links are refused',
  PARLEY_MESSAGE_HOOK:
    'URL of the operator’s gateway for text messages and e-mails; each message is a signed POST (Standard Webhooks). Unset: none can be sent',
  PARLEY_MESSAGE_HOOK_SECRET: 'Secret that signs messages to PARLEY_MESSAGE_HOOK, whsec_ with base64',
  PARLEY_SIMULATED_CALLS: 'Calls of scripted callers at once; 0 switches the simulator off. Default 4',
  PARLEY_MAX_CALLS: 'Calls at once before further ones get 503. Default 300',
  PARLEY_DRAIN_MS: 'How long running calls may go on after SIGTERM, in milliseconds. Default 30000',
  PARLEY_CLOCK_TOLERANCE_MS:
    'How far the clock of this machine and the database’s may differ, or be set, before nobody outside is dialled, in milliseconds. Default 30000',
  PARLEY_LOG_LEVEL: 'fatal, error, warn, info, debug or trace. Default info',
  PARLEY_TOMBSTONES_FILE:
    'File in which is written what was erased, to erase it again after a backup was restored; best on a disk that no backup of the data overwrites. Default <data>/tombstones.jsonl',
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
