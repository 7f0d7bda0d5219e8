import { pino } from 'pino'
import t from 'tap'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import { SynthesizerChain } from '../../../media/prompts/synthesizer-chain.ts'
import { shareHeard } from '../../../media/speech/compare-words.ts'
import { createAzureRecognizer } from '../../../media/speech/providers/azure-recognizer.ts'
import { createAzureSynthesizer } from '../../../media/speech/providers/azure-synthesizer.ts'
import { GoogleClients } from '../../../media/speech/providers/google-clients.ts'
import { createGoogleRecognizer } from '../../../media/speech/providers/google-recognizer.ts'
import { createGoogleSynthesizer } from '../../../media/speech/providers/google-synthesizer.ts'
import { ProviderHealth } from '../../../media/speech/provider-health.ts'
import { providerStatuses } from '../../../media/speech/provider-status.ts'
import { RecognizerChain } from '../../../media/speech/recognizer-chain.ts'
import { CHECK_PHRASES, checkSpeech } from '../../../media/speech/synthetic-check.ts'
import { AzureServer } from '../../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../../support/speech-servers/google-server.ts'
import { createToneRecognizer } from '../../support/tone-recognizer.ts'

const OPEN = { timeout: 280_000 }
const LIMIT = () => AbortSignal.timeout(30_000)
const SIGNS = { en: 'order agent number thanks', de: 'balance please' }

const google = await GoogleServer.start()
const azure = await AzureServer.start()
const clients = new GoogleClients({ keyFile: null, region: 'eu', endpoint: google.endpoint })
const place = { key: 'right key', region: 'westeurope', endpoint: azure.endpoint }
const espeak = createEspeak(pino({ level: 'silent' }))
t.teardown(async () => {
  await espeak[Symbol.asyncDispose]()
  await clients[Symbol.asyncDispose]()
  await google[Symbol.asyncDispose]()
  await azure[Symbol.asyncDispose]()
})
t.afterEach(() => {
  google.trouble = null
})
const both = ['eu', 'westeurope']
const hearing = () => [createGoogleRecognizer(clients, { answerMs: 2_000 }), createAzureRecognizer(place)]
const speaking = () => [createGoogleSynthesizer(clients), createAzureSynthesizer(place)]
const set = (regions = both) => ({
  chain: new RecognizerChain(hearing(), regions),
  voices: new SynthesizerChain(speaking(), regions)
})

t.test('every provider says and hears a known sentence in each of its languages', OPEN, async t => {
  const parts = set()
  const results = await checkSpeech(parts, LIMIT(), SIGNS)
  t.same(
    results.map(one => `${one.result.language} ${one.kind} ${one.name} ${one.result.isOk} ${one.result.heard}`),
    ['en', 'de'].flatMap(language => [
      `${language} recognizer google true 1`,
      `${language} recognizer azure true 1`,
      `${language} synthesizer google true 1`,
      `${language} synthesizer azure true 1`
    ])
  )
  t.ok(parts.chain.links.every(link => link.health.state === 'ok' && link.health.checks.length === 2))
})

t.test('who is silent or deaf is degraded, and says why', OPEN, async t => {
  google.trouble = { kind: 'silent' }
  const silent = set()
  await checkSpeech(silent, LIMIT(), SIGNS)
  t.match(silent.voices.links[0]?.health, { state: 'degraded', lastCode: 'SYNTHESIS_EMPTY' })
  t.equal(silent.chain.links[0]?.health.state, 'ok', 'it hears the voice of the other')
  google.trouble = { kind: 'empty' }
  const deaf = set()
  await checkSpeech(deaf, LIMIT(), SIGNS)
  t.match(deaf.chain.links[0]?.health, { state: 'degraded', checks: [{ heard: 0, isOk: false, code: null }] })
  google.trouble = { kind: 'status', code: 16 }
  const refused = set()
  await checkSpeech(refused, LIMIT(), SIGNS)
  t.match(refused.chain.links[0]?.health, { state: 'open', lastCode: 'SPEECH_REFUSED' })
})

t.test('a check that runs out of time has told of everybody whom it came to', OPEN, async t => {
  const stop = new AbortController()
  const told: string[] = []
  const check = checkSpeech(set(), stop.signal, SIGNS, ({ kind, name, result }) => {
    told.push(`${result.language} ${kind} ${name} ${result.isOk}`)
    if (told.length === 4) stop.abort(new Error('no time is left'))
  })
  await t.rejects(check, { message: 'no time is left' })
  t.same(
    told,
    ['recognizer google', 'recognizer azure', 'synthesizer google', 'synthesizer azure'].map(one => `en ${one} true`)
  )
})

t.test('a check that passes lets a provider be asked again', OPEN, async t => {
  const parts = set()
  const health = parts.chain.links[0]!.health
  for (let count = 0; count < 3; count += 1) health.failed('SPEECH_FAILED')
  t.equal(health.state, 'open')
  await checkSpeech(parts, LIMIT(), SIGNS)
  t.match(health, { state: 'ok', mayAsk: true })
})

t.test('who knows only phrases chooses the sentence, or does not pass', OPEN, async t => {
  // Google's voice says one of these tones for each word.
  const texts = { 700: 'order', 900: 'agent' }
  const ears = [texts, { ...texts, 700: 'invoice' }].map((known, at) => ({
    recognizer: createToneRecognizer({ texts: known, isOpen: false, name: `closed ${at}` }),
    health: new ProviderHealth()
  }))
  const parts = { ...set([]), voices: new SynthesizerChain([createGoogleSynthesizer(clients)], both), closed: ears }
  const results = await checkSpeech(parts, LIMIT(), { en: 'order', de: 'order' })
  t.same(
    results.map(one => `${one.result.language} ${one.name} ${one.result.isOk} ${one.result.heard}`),
    ['en closed 0 true 1', 'en closed 1 false 0', 'en google true null', 'de google true null'],
    'it is no judge of voices, and is not asked in a language that it does not know'
  )
  t.match(
    providerStatuses(parts, [], []).map(one => `${one.kind} ${one.name} ${one.state}`),
    ['recognizer closed 0 ok', 'recognizer closed 1 degraded', 'synthesizer google ok']
  )
})

t.test('the list shows everybody who is set up, and who may not be asked', OPEN, async t => {
  const parts = set(['eu'])
  const all = [
    ...hearing().map(provider => ({ kind: 'recognizer' as const, provider })),
    ...speaking().map(provider => ({ kind: 'synthesizer' as const, provider }))
  ]
  t.same(
    providerStatuses(parts, all, ['eu']).map(one => `${one.kind} ${one.name} ${one.region} ${one.state}`),
    [
      'recognizer google eu ok',
      'synthesizer google eu ok',
      'recognizer azure westeurope off',
      'synthesizer azure westeurope off'
    ]
  )
})

t.test('the machine’s own voice speaks every sentence of the check', OPEN, async t => {
  const voices = new SynthesizerChain([espeak], [])
  const results = await checkSpeech({ chain: new RecognizerChain([], []), voices }, LIMIT())
  t.same(
    results.map(one => [one.result.language, one.result.isOk, one.result.heard]),
    Object.keys(CHECK_PHRASES).map(language => [language, true, null])
  )
})

t.test('words are compared as they sound, not as they are written down', async t => {
  t.equal(shareHeard('The blue train', 'the BLUE, train!', 'en'), 1)
  t.equal(shareHeard('the blue train leaves', 'the train leaves late', 'en'), 0.75)
  t.equal(shareHeard('蓝色的火车', '蓝色火车', 'zh'), 0.8)
  t.equal(shareHeard('カメラ テレビ', 'カメラ、テレビ。', 'ja'), 1)
  t.equal(shareHeard('القطار الأزرق', 'القِطارُ الأزرق', 'ar'), 1)
  t.equal(shareHeard('one two', '', 'en'), 0)
})
