import { pino } from 'pino'
import t from 'tap'
import { joinSamples } from '../../../media/audio/pcm.ts'
import { createEspeak } from '../../../media/prompts/espeak.ts'
import type { Synthesizer } from '../../../media/prompts/synthesizer.ts'
import { type SpeechPiece, SynthesizerChain } from '../../../media/prompts/synthesizer-chain.ts'
import { createAzureRecognizer } from '../../../media/speech/providers/azure-recognizer.ts'
import { createAzureSynthesizer } from '../../../media/speech/providers/azure-synthesizer.ts'
import { GoogleClients } from '../../../media/speech/providers/google-clients.ts'
import { createGoogleRecognizer } from '../../../media/speech/providers/google-recognizer.ts'
import { createGoogleSynthesizer } from '../../../media/speech/providers/google-synthesizer.ts'
import type { FallOver, Recognizer } from '../../../media/speech/recognizer.ts'
import { RecognizerChain } from '../../../media/speech/recognizer-chain.ts'
import { AzureServer } from '../../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../../support/speech-servers/google-server.ts'
import { hearTones, sayInTones } from '../../support/speech-servers/tone-words.ts'

const ENGLISH = { language: 'en', phrases: null } as const
const OPEN = { timeout: 280_000 }
const LIMIT = () => AbortSignal.timeout(20_000)

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
  azure.trouble = null
})

// Libraries are loaded before a call needs them, as a prompt is played while a recogniser gets ready.
for (const one of [createGoogleRecognizer(clients), createAzureRecognizer(place)]) await one.prepare(ENGLISH, LIMIT())

function hearing(regions: readonly string[], slowMs = 8_000) {
  const changes: FallOver[] = []
  const partials: string[] = []
  const chain = new RecognizerChain([createGoogleRecognizer(clients), createAzureRecognizer(place)], regions, {
    limits: { slowMs }
  })
  return {
    chain,
    changes,
    partials,
    open: () =>
      chain.open(
        ENGLISH,
        text => partials.push(text),
        change => changes.push(change)
      )
  }
}

t.test('the first one hears, and the second is not asked', OPEN, async t => {
  const { open, changes } = hearing(['eu', 'westeurope'])
  const before = azure.asked.length
  const stream = open()
  stream.write(sayInTones(['order', 'please']))
  t.match(await stream.finish(), { text: 'order please' })
  t.same(changes, [])
  t.equal(azure.asked.length, before)
})

t.test('one that fails in mid-speech is replaced, and the caller need not repeat a word', OPEN, async t => {
  const { open, changes, partials } = hearing(['eu', 'westeurope'])
  google.trouble = { kind: 'status', code: 14, afterMs: 400 }
  const stream = open()
  stream.write(sayInTones(['address', 'change']))
  const line = setInterval(() => stream.write(new Int16Array(160)), 5)
  await azure.connected(azure.asked.length + 1)
  clearInterval(line)
  stream.write(sayInTones(['please']))
  t.match(await stream.finish(), { text: 'address change please' })
  t.same(changes, [{ from: 'google', to: 'azure', code: 'SPEECH_FAILED' }])
  t.ok(
    partials.every(one => 'address change please'.startsWith(one)),
    partials.join(' | ')
  )
})

t.test('one that is too slow is replaced, and after three times not asked any more', OPEN, async t => {
  const { open, changes, chain } = hearing(['eu', 'westeurope'], 1_500)
  google.trouble = { kind: 'slow' }
  for (const word of ['order', 'agent', 'number', 'thanks'] as const) {
    const stream = open()
    stream.write(sayInTones([word]))
    t.match(await stream.finish(), { text: word })
  }
  t.same(
    changes.map(one => one.code),
    Array.from({ length: 3 }, () => 'SPEECH_TIMEOUT')
  )
  t.same(
    chain.links.map(one => one.health.state),
    ['open', 'ok']
  )
})

t.test('none outside the permitted regions is asked, whatever fails', OPEN, async t => {
  const { open, changes, chain } = hearing(['eu'])
  google.trouble = { kind: 'status', code: 8 }
  const before = azure.asked.length
  t.same(
    chain.links.map(one => one.recognizer.name),
    ['google']
  )
  const stream = open()
  stream.write(sayInTones(['order']))
  await t.rejects(stream.finish(), { code: 'SPEECH_QUOTA' })
  t.same(changes, [])
  t.equal(azure.asked.length, before)
  await t.rejects(hearing([]).open().finish(), { code: 'SPEECH_MISSING' })
})

t.test('when all fail, the reason of the last is told at once', OPEN, async t => {
  const { open } = hearing(['eu', 'westeurope'])
  google.trouble = { kind: 'status', code: 8 }
  azure.trouble = { kind: 'refuse', status: 401 }
  const stream = open()
  stream.write(sayInTones(['order']))
  t.match(await stream.failure, { code: 'SPEECH_REFUSED' })
  await t.rejects(stream.finish(), { code: 'SPEECH_REFUSED' })
})

function speaking(regions: readonly string[]) {
  const changes: FallOver[] = []
  const chain = new SynthesizerChain(
    [createGoogleSynthesizer(clients), createAzureSynthesizer(place), espeak],
    regions,
    { limits: { firstSoundMs: 2_000 } }
  )
  return { chain, changes, speak: () => chain.speak('order please', 'en', LIMIT(), change => changes.push(change)) }
}

t.test('a voice that fails, is silent, slow or endless is replaced by the next', { timeout: 280_000 }, async t => {
  for (const [trouble, code] of [
    [{ kind: 'status', code: 8 }, 'SYNTHESIS_QUOTA'],
    [{ kind: 'silent' }, 'SYNTHESIS_EMPTY'],
    [{ kind: 'empty' }, 'SYNTHESIS_EMPTY'],
    [{ kind: 'slow' }, 'SYNTHESIS_TIMEOUT'],
    [{ kind: 'endless' }, 'SYNTHESIS_FAILED']
  ] as const) {
    google.trouble = trouble
    const { changes, speak } = speaking(['eu', 'westeurope'])
    const { id, samples } = await speak()
    t.equal(id, 'azure-neural-1', trouble.kind)
    t.same(
      hearTones(samples).map(one => one.word),
      ['order', 'please']
    )
    t.same(changes, [{ from: 'google', to: 'azure', code }])
  }
})

t.test('of voices that speak one kind of a language, that of the caller comes first', OPEN, async t => {
  const voice = (name: string, locale?: string): Synthesizer => ({
    name,
    id: name,
    languages: ['en'],
    ...(locale !== undefined && { locale }),
    host: null,
    region: null,
    centsPerMinute: 0,
    async *stream() {
      yield sayInTones(['order'])
    },
    synthesize: async () => sayInTones(['order']),
    async [Symbol.asyncDispose]() {}
  })
  const chain = new SynthesizerChain(
    [voice('everywhere'), voice('American', 'en-US'), voice('British', 'en-GB'), voice('last')],
    []
  )
  const order = (language: string) => chain.linksFor(language).map(({ synthesizer }) => synthesizer.name)
  t.same(order('en-GB'), ['everywhere', 'British', 'American', 'last'])
  t.same(order('en-us'), ['everywhere', 'American', 'British', 'last'])
  t.same(order('en'), ['everywhere', 'American', 'British', 'last'])
  t.same(order('de'), [])
})

t.test('the voice of this machine is last, and speaks when everything outside is down', OPEN, async t => {
  google.trouble = { kind: 'status', code: 14 }
  azure.trouble = { kind: 'refuse', status: 500 }
  const { chain, changes, speak } = speaking(['eu', 'westeurope'])
  t.match((await speak()).id, /^espeak-ng@/)
  t.same(
    changes.map(one => `${one.from} → ${one.to}`),
    ['google → azure', 'azure → espeak-ng']
  )
  t.same(chain.idsFor('en'), ['google-Chirp3-HD-Aoede'], 'one failure closes nobody out')
  await speak()
  await speak()
  t.match(chain.idsFor('en'), ['google-Chirp3-HD-Aoede', 'azure-neural-1', /^espeak-ng@/])
  const { chain: here } = speaking([])
  t.same(
    here.links.map(one => one.synthesizer.name),
    ['espeak-ng']
  )
})

t.test('a stream begins with sound, and after a voice that breaks off the next begins again', OPEN, async t => {
  const { chain, changes } = speaking(['eu', 'westeurope'])
  google.trouble = { kind: 'silent' }
  const said = async () => {
    const pieces: SpeechPiece[] = []
    for await (const piece of chain.stream('order please', 'en', LIMIT(), change => changes.push(change)))
      pieces.push(piece)
    return pieces
  }
  const [first] = await said()
  t.ok(first?.samples.some(sample => Math.abs(sample) > 1_000))
  t.match(changes, [{ from: 'google', to: 'azure', code: 'SYNTHESIS_EMPTY' }])
  google.trouble = { kind: 'status', code: 14, afterMs: 150 }
  const pieces = await said()
  const again = pieces.findIndex(one => one.isAnew)
  t.ok(again > 0, 'the first voice was heard')
  t.same([...new Set(pieces.map(one => one.id))], ['google-Chirp3-HD-Aoede', 'azure-neural-1'])
  t.same(
    hearTones(joinSamples(pieces.slice(again).map(one => one.samples))).map(one => one.word),
    ['order', 'please'],
    'the second says all of it'
  )
  t.match(changes.at(-1), { from: 'google', to: 'azure', code: 'SYNTHESIS_FAILED' })
  t.equal(chain.links[0]?.health.state, 'degraded')

  const alone = new SynthesizerChain([createGoogleSynthesizer(clients)], ['eu'])
  await t.rejects(
    async () => {
      for await (const _ of alone.stream('order please', 'en', LIMIT()));
    },
    { code: 'SYNTHESIS_FAILED' },
    'when nobody is left the stream fails'
  )
})

t.test('one that gets ready too late is left for the next', OPEN, async t => {
  const asked: string[] = []
  const recognizer = (name: string, prepare: () => Promise<void>): Recognizer => ({
    ...createAzureRecognizer(place),
    name,
    prepare() {
      asked.push(name)
      return prepare()
    }
  })
  const loading = recognizer('loading', () => new Promise<never>(() => {}))
  const chain = new RecognizerChain([loading, recognizer('ready', async () => {})], ['westeurope'], {
    limits: { readyMs: 50 }
  })
  await chain.prepare(ENGLISH, LIMIT())
  t.same(asked, ['loading', 'ready'])
  t.match(chain.links[0]?.health, { state: 'degraded', lastCode: 'SPEECH_TIMEOUT' })
})
