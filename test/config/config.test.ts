import { mkdtemp, readFile, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import t from 'tap'
import { ConfigError, parseConfig } from '../../config/config.ts'
import { readEnv, VARIABLES } from '../../config/env.ts'
import { loadSecrets } from '../../config/secrets.ts'

t.test('without any variable the settings are those of a laptop', async t => {
  const config = parseConfig({})
  t.equal(config.http.port, 8080)
  t.equal(config.sip.port, 5060)
  t.equal(config.sip.host, '127.0.0.1')
  t.same(config.rtpPorts, [20_000, 29_999])
  t.equal(config.databaseUrl, null)
  t.equal(config.drachtio, null)
  t.equal(config.sip.unknownSources, 'answer', 'on loopback every phone may try it out')
  t.throws(() => {
    ;(config.http as { port: number }).port = 1
  }, 'settings cannot be changed afterwards')
})

t.test('softphones speak Opus only with a FreeSWITCH that can', async t => {
  const opus = { PARLEY_SOFTPHONE_CODEC: 'opus' }
  t.throws(() => parseConfig(opus), /PARLEY_SOFTPHONE_CODEC=opus needs PARLEY_FREESWITCH/)
  t.equal(parseConfig({ ...opus, PARLEY_FREESWITCH: '192.0.2.1:8021:cluecon' }).softphone.codec, 'opus')
  t.equal(parseConfig({}).softphone.codec, 'pcmu')
})

t.test('on a real address strangers are refused unless the operator says otherwise', async t => {
  t.equal(parseConfig({ PARLEY_SIP_HOST: '192.0.2.10' }).sip.unknownSources, 'refuse')
  t.equal(parseConfig({ PARLEY_SIP_HOST: '192.0.2.10', PARLEY_UNKNOWN_SOURCES: 'ignore' }).sip.unknownSources, 'ignore')
})

t.test('recordings are turned into text only where somebody is there who may hear them', async t => {
  t.equal(parseConfig({}).speech.isTranscribing, false)
  const openai = {
    PARLEY_TRANSCRIBE: 'recorded',
    PARLEY_OPENAI_SPEECH_URL: 'https://speech.example.com/v1',
    PARLEY_OPENAI_SPEECH_ASR_MODEL: 'whisper-1',
    PARLEY_OPENAI_SPEECH_LANGUAGES: 'en',
    PARLEY_OPENAI_SPEECH_REGION: 'eu'
  }
  t.throws(() => parseConfig({ PARLEY_TRANSCRIBE: 'recorded' }), { message: /PARLEY_TRANSCRIBE needs a provider/ })
  const sherpa = { PARLEY_SHERPA_MODELS: '/srv/models' }
  t.match(parseConfig({ ...sherpa, PARLEY_TRANSCRIBE: 'recorded' }).speech, { isTranscribing: true })
  t.match(parseConfig({ ...sherpa, PARLEY_TRANSCRIBE: 'live' }).speech, { isTranscribing: true })
  t.throws(() => parseConfig(openai), { message: /PARLEY_TRANSCRIBE needs a provider/ })
  t.throws(() => parseConfig({ PARLEY_TRANSCRIBE: 'always' }), { message: /must be off, recorded or live/ })
  t.equal(parseConfig({ ...openai, PARLEY_SPEECH_REGIONS: 'eu' }).speech.isTranscribing, true)
})

t.test('every wrong setting is named at once', async t => {
  try {
    parseConfig(
      {
        PARLEY_HTTP_PORT: 'eighty',
        PARLEY_SIP_PORT: '70000',
        PARLEY_RTP_PORTS: '100-90',
        PARLEY_DRACHTIO: 'localhost',
        PARLEY_LOG_LEVEL: 'loud',
        PARLEY_SIP_HOST: 'example',
        PARLEY_DATABASE_URL: 'mysql://x'
      },
      ['PARLEY_HTTP_PROT']
    )
    t.fail('should have thrown')
  } catch (err) {
    t.ok(err instanceof ConfigError)
    const { problems } = err as ConfigError
    for (const name of [
      'HTTP_PORT',
      'SIP_PORT',
      'RTP_PORTS',
      'DRACHTIO',
      'LOG_LEVEL',
      'SIP_HOST',
      'DATABASE_URL',
      'HTTP_PROT'
    ])
      t.ok(
        problems.some(problem => problem.includes(`PARLEY_${name}`)),
        `names PARLEY_${name}`
      )
  }
})

t.test('an engine is given as host, port and secret', async t => {
  t.same(parseConfig({ PARLEY_DRACHTIO: '192.0.2.1:9022:cy:mru' }).drachtio, {
    host: '192.0.2.1',
    port: 9022,
    secret: 'cy:mru'
  })
  t.same(parseConfig({ PARLEY_FREESWITCH: '[2001:db8::1]:8021:s' }).freeswitch, {
    host: '2001:db8::1',
    port: 8021,
    secret: 's'
  })
})

t.test('a misspelt variable is found, others are left alone', async t => {
  const { env, unknown } = readEnv({ PARLEY_HTTP_PORT: '1', PARLEY_HTTP_PROT: '2', PATH: '/bin' })
  t.same(env, { PARLEY_HTTP_PORT: '1' })
  t.same(unknown, ['PARLEY_HTTP_PROT'])
})

t.test('the example file lists exactly the variables that exist', async t => {
  const text = await readFile(new URL('../../config/example.env', import.meta.url), 'utf8')
  const listed = [...text.matchAll(/^# (PARLEY_[A-Z_]+)=/gm)].map(match => match[1] as string)
  t.same(listed, Object.keys(VARIABLES))
  for (const [name, says] of Object.entries(VARIABLES))
    t.ok(text.includes(`# ${says}\n# ${name}=`), `${name} is explained`)
})

t.test('the sealing key is made once and only the owner can read it', async t => {
  const folder = await mkdtemp(join(tmpdir(), 'parley-'))
  t.teardown(() => rm(folder, { recursive: true }))
  const first = await loadSecrets({}, folder)
  const second = await loadSecrets({}, folder)
  t.equal(first.key.length, 32)
  t.ok(first.key.equals(second.key))
  t.equal((await stat(join(folder, 'secret.key'))).mode & 0o777, 0o600)
  await t.rejects(loadSecrets({ PARLEY_SECRET_KEY: 'short' }, folder), ConfigError)
})

t.test('providers of speech need what belongs to them, and are off without it', async t => {
  t.match(parseConfig({}).speech, { regions: [], google: null, azure: null, openai: null, sherpaModels: null })
  const { speech } = parseConfig({
    PARLEY_SPEECH_REGIONS: 'eu, WestEurope',
    PARLEY_GOOGLE_SPEECH_KEY_FILE: '/etc/parley/google.json',
    PARLEY_GOOGLE_SPEECH_REGION: 'eu',
    PARLEY_AZURE_SPEECH_KEY: 'a key',
    PARLEY_AZURE_SPEECH_REGION: 'westeurope',
    PARLEY_OPENAI_SPEECH_URL: 'http://127.0.0.1:8000/v1/',
    PARLEY_OPENAI_SPEECH_ASR_MODEL: 'whisper-1',
    PARLEY_OPENAI_SPEECH_LANGUAGES: 'en,de'
  })
  t.same(speech, {
    isTranscribingLive: false,
    regions: ['eu', 'westeurope'],
    google: { keyFile: '/etc/parley/google.json', endpoint: null, region: 'eu' },
    azure: { endpoint: null, region: 'westeurope' },
    openai: {
      url: 'http://127.0.0.1:8000/v1',
      asrModel: 'whisper-1',
      ttsModel: null,
      languages: ['en', 'de'],
      region: null
    },
    sherpaModels: null,
    isTranscribing: false
  })
  t.notMatch(JSON.stringify(speech), 'a key', 'keys are kept apart')
  for (const [env, problem] of [
    [{ PARLEY_AZURE_SPEECH_KEY: 'a key' }, /needs PARLEY_AZURE_SPEECH_REGION/],
    [{ PARLEY_GOOGLE_SPEECH_ENDPOINT: 'https://speech.example.com' }, /needs PARLEY_GOOGLE_SPEECH_KEY_FILE/],
    [{ PARLEY_GOOGLE_SPEECH_ENDPOINT: 'speech.example.com:443' }, /begins with http/],
    [
      { PARLEY_OPENAI_SPEECH_URL: 'https://speech.example.com/v1', PARLEY_OPENAI_SPEECH_LANGUAGES: 'en' },
      /needs PARLEY_OPENAI_SPEECH_REGION/
    ]
  ] as const)
    t.throws(() => parseConfig(env), { message: problem })
})

t.test('a language model outside this machine is used only where the operator permits it', async t => {
  t.equal(parseConfig({}).llm, null)
  const llm = { PARLEY_LLM_URL: 'https://llm.example.com/v1', PARLEY_LLM_MODEL: 'small' }
  t.throws(() => parseConfig(llm), { message: /PARLEY_LLM_REGION must say/ })
  t.throws(() => parseConfig({ ...llm, PARLEY_LLM_REGION: 'us', PARLEY_SPEECH_REGIONS: 'eu' }), {
    message: /us, which PARLEY_SPEECH_REGIONS does not permit/
  })
  t.match(
    parseConfig({ ...llm, PARLEY_LLM_REGION: 'EU', PARLEY_SPEECH_REGIONS: 'eu', PARLEY_LLM_PRICES: '15,60' }).llm,
    {
      region: 'eu',
      centsPerMillion: { input: 15, output: 60 }
    }
  )
  t.match(parseConfig({ PARLEY_LLM_URL: 'http://127.0.0.1:8000/v1', PARLEY_LLM_MODEL: 'x' }).llm, { region: null })
  t.throws(() => parseConfig({ ...llm, PARLEY_LLM_PRICES: 'cheap' }), { message: /PARLEY_LLM_PRICES/ })
  t.throws(() => parseConfig({ PARLEY_LLM_URL: 'http://127.0.0.1/v1' }), { message: /PARLEY_LLM_MODEL/ })
})

t.test('neither is a model for embeddings', async t => {
  t.equal(parseConfig({}).embedding, null)
  const embedding = { PARLEY_EMBEDDING_URL: 'https://llm.example.com/v1', PARLEY_EMBEDDING_MODEL: 'small' }
  t.throws(() => parseConfig(embedding), { message: /PARLEY_EMBEDDING_REGION must say/ })
  const permitted = { ...embedding, PARLEY_EMBEDDING_REGION: 'eu', PARLEY_SPEECH_REGIONS: 'eu' }
  t.match(parseConfig(permitted).embedding, { region: 'eu', leastSimilarity: 0.5 })
  for (const PARLEY_EMBEDDING_SIMILARITY of ['0', '1', 'high'])
    t.throws(() => parseConfig({ ...permitted, PARLEY_EMBEDDING_SIMILARITY }), { message: /between 0 and 1/ })
})
