import { generateKeyPairSync } from 'node:crypto'
import { copyFile } from 'node:fs/promises'
import { join } from 'node:path'
import * as grpc from '@grpc/grpc-js'
import selfsigned from 'selfsigned'
import t from 'tap'
import { gatherSpeech, longestSpeechMs } from '../../../media/prompts/gather-speech.ts'
import { createGoogleBatch } from '../../../media/speech/providers/google-batch.ts'
import { GoogleClients, type GooglePlace } from '../../../media/speech/providers/google-clients.ts'
import { createGoogleRecognizer } from '../../../media/speech/providers/google-recognizer.ts'
import { createGoogleSynthesizer } from '../../../media/speech/providers/google-synthesizer.ts'
import { GoogleServer } from '../../support/speech-servers/google-server.ts'
import { hearTones, sayInTones, TONE_WORDS } from '../../support/speech-servers/tone-words.ts'

const ENGLISH = { language: 'en-GB', phrases: null } as const
const OPEN = { timeout: 280_000 }
const LIMIT = () => AbortSignal.timeout(10_000)

const google = await GoogleServer.start()
const clients = reach(google)
t.teardown(async () => {
  await clients[Symbol.asyncDispose]()
  await google[Symbol.asyncDispose]()
})
t.afterEach(() => {
  google.trouble = null
})

function reach(server: GoogleServer, more: Partial<GooglePlace> = {}): GoogleClients {
  return new GoogleClients({ keyFile: null, region: 'eu', endpoint: server.endpoint, ...more })
}

/** As a telephone sends it: 20 ms at a time, only faster. */
async function say(stream: { write(samples: Int16Array): void }, samples: Int16Array): Promise<void> {
  for (let at = 0; at < samples.length; at += 160) {
    stream.write(samples.slice(at, at + 160))
    if (at % 1_600 === 0) await new Promise(resolve => setImmediate(resolve))
  }
}

t.test('what a caller says is understood, and told while it is said', OPEN, async t => {
  const recognizer = createGoogleRecognizer(clients)
  await recognizer.prepare(ENGLISH, LIMIT())
  const partials: string[] = []
  const { promise: told, resolve } = Promise.withResolvers<void>()
  const stream = recognizer.open({ ...ENGLISH, hints: ['Parley'] }, text => {
    partials.push(text)
    resolve()
  })
  await say(stream, sayInTones(['address']))
  await told
  await say(stream, sayInTones(['change', 'please']))
  const understood = await stream.finish()
  t.equal(understood?.text, 'address change please')
  t.ok(Math.abs((understood?.confidence ?? 0) - 0.9) < 0.001)
  t.equal(partials[0], 'address')
  t.ok(
    partials.every(one => 'address change please'.startsWith(one)),
    partials.join(' | ')
  )
  t.match(google.configs.at(-1), {
    interimResults: true,
    config: {
      encoding: 'LINEAR16',
      sampleRateHertz: 8_000,
      languageCode: 'en-GB',
      adaptation: { phraseSets: [{ phrases: [{ value: 'Parley' }] }] }
    }
  })
})

t.test('a speech longer than Google’s limit loses and doubles no word', { timeout: 280_000 }, async t => {
  await using strict = await GoogleServer.start({ streamLimitMs: 5_000 })
  await using own = reach(strict)
  const recognizer = createGoogleRecognizer(own, { streamMs: 3_000, overlapMs: 1_000 })
  const words = Array.from({ length: 60 }, (_, index) => TONE_WORDS[(index * 7) % TONE_WORDS.length]!)
  const stream = recognizer.open(ENGLISH)
  await say(stream, sayInTones(words, 170, 90))
  t.equal((await stream.finish())?.text, words.join(' '))
  t.ok(strict.heardMs.length >= 5, `${strict.heardMs.length} requests`)
  t.ok(strict.heardMs.every(ms => ms <= 5_000))
})

t.test('each failure has its own code, and is known before the speech ends', OPEN, async t => {
  const failsWith = async (trouble: GoogleServer['trouble'], code: string) => {
    google.trouble = trouble
    const answerMs = trouble?.kind === 'slow' ? 500 : 10_000
    const stream = createGoogleRecognizer(clients, { answerMs }).open(ENGLISH)
    await say(stream, sayInTones(['balance', 'please']))
    if (code !== 'SPEECH_TIMEOUT') t.match(await stream.failure, { code })
    await t.rejects(stream.finish(), { code }, code)
  }
  const { status } = grpc
  await failsWith({ kind: 'status', code: status.UNAUTHENTICATED }, 'SPEECH_REFUSED')
  await failsWith({ kind: 'status', code: status.PERMISSION_DENIED }, 'SPEECH_REFUSED')
  await failsWith({ kind: 'status', code: status.RESOURCE_EXHAUSTED }, 'SPEECH_QUOTA')
  await failsWith({ kind: 'status', code: status.INTERNAL, afterMs: 200 }, 'SPEECH_FAILED')
  await failsWith({ kind: 'otherLanguage', language: 'fr-fr' }, 'SPEECH_FAILED')
  await failsWith({ kind: 'slow' }, 'SPEECH_TIMEOUT')
  google.trouble = null
  const unknown = createGoogleRecognizer(clients).open({ language: 'qq', phrases: null })
  await t.rejects(unknown.finish(), { code: 'SPEECH_LANGUAGE_UNKNOWN' })
})

t.test('a connection that breaks in mid-speech fails at once, and the next one works', OPEN, async t => {
  const recognizer = createGoogleRecognizer(clients)
  const partials: string[] = []
  const { promise: heard, resolve } = Promise.withResolvers<void>()
  const stream = recognizer.open(ENGLISH, text => {
    partials.push(text)
    resolve()
  })
  await say(stream, sayInTones(['balance', 'please']))
  await heard
  google.cut()
  t.match(await stream.failure, { code: 'SPEECH_FAILED' })
  await t.rejects(stream.finish(), { code: 'SPEECH_FAILED' })
  const again = recognizer.open(ENGLISH)
  await say(again, sayInTones(['thanks']))
  t.match(await again.finish(), { text: 'thanks' })
})

t.test('silence is no speech, and who is not interested any more costs nothing', OPEN, async t => {
  const recognizer = createGoogleRecognizer(clients)
  const stream = recognizer.open(ENGLISH)
  await say(stream, new Int16Array(8_000))
  t.equal(await stream.finish(), null)
  google.trouble = { kind: 'empty' }
  const unheard = recognizer.open(ENGLISH)
  await say(unheard, sayInTones(['balance']))
  t.equal(await unheard.finish(), null)
  const left = recognizer.open(ENGLISH)
  left[Symbol.dispose]()
})

t.test(
  'a recording is heard on both sides, with the time of each word, beyond the limit of a minute',
  OPEN,
  async t => {
    const batch = createGoogleBatch(clients, 2_000)
    const left = ['address', 'change', 'please', 'number', 'thanks', 'order', 'cancel', 'invoice', 'agent'] as const
    const right = ['delivery', 'tomorrow'] as const
    const heard = await batch.recognize({ left: sayInTones(left), right: sayInTones(right) }, 'en', LIMIT())
    t.same(
      heard.left.map(one => one.text),
      left
    )
    t.same(
      heard.right.map(one => one.text),
      right
    )
    for (const [index, one] of heard.left.entries())
      t.ok(Math.abs(one.startMs - index * 300) <= 20, `${one.text} at ${one.startMs}`)
    google.trouble = { kind: 'status', code: grpc.status.RESOURCE_EXHAUSTED }
    await t.rejects(batch.recognize({ left: sayInTones(left), right: null }, 'en', LIMIT()), { code: 'SPEECH_QUOTA' })
  }
)

t.test('Google speaks, piece by piece, with the pronunciations that it is given', OPEN, async t => {
  const voices = createGoogleSynthesizer(clients)
  const text = [{ text: 'order ' }, { text: 'delivery', ipa: 'dɪˈlɪvəɹi' }, { text: ' tomorrow' }]
  const samples = await gatherSpeech(voices.stream(text, 'en-GB', LIMIT()))
  t.same(
    hearTones(samples).map(one => one.word),
    ['order', 'delivery', 'tomorrow']
  )
  t.match(google.configs.at(-2), {
    voice: { languageCode: 'en-GB', name: 'en-GB-Chirp3-HD-Aoede' },
    streamingAudioConfig: { audioEncoding: 'PCM', sampleRateHertz: 8_000 },
    customPronunciations: { pronunciations: [{ phrase: 'delivery', pronunciation: 'dɪˈlɪvəɹi' }] }
  })
})

t.test('a voice that fails, is silent, never stops or never begins is told apart', OPEN, async t => {
  const voices = createGoogleSynthesizer(clients)
  const speak = (limitMs = 5_000) => voices.stream('order please', 'en', AbortSignal.timeout(limitMs))
  const { status } = grpc
  google.trouble = { kind: 'status', code: status.RESOURCE_EXHAUSTED }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_QUOTA' })
  google.trouble = { kind: 'status', code: status.UNAUTHENTICATED }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_REFUSED' })
  google.trouble = { kind: 'status', code: status.UNAVAILABLE, afterMs: 100 }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_FAILED' })
  google.trouble = { kind: 'silent' }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_EMPTY' })
  google.trouble = { kind: 'empty' }
  await t.rejects(gatherSpeech(speak()), { code: 'SYNTHESIS_EMPTY' })
  google.trouble = { kind: 'endless' }
  await t.rejects(gatherSpeech(speak(), longestSpeechMs(12)), { code: 'SYNTHESIS_FAILED' })
  google.trouble = { kind: 'slow' }
  await t.rejects(gatherSpeech(speak(200)), { name: 'TimeoutError' })
  google.trouble = null
  await t.rejects(gatherSpeech(voices.stream('order', 'qq', LIMIT())), { code: 'LANGUAGE_UNKNOWN' })
})

t.test('who gives up while the connection is made waits for no voice that never begins', OPEN, async t => {
  await using own = reach(google)
  google.trouble = { kind: 'slow' }
  const gone = new AbortController()
  const spoken = gatherSpeech(createGoogleSynthesizer(own).stream('order please', 'en', gone.signal))
  gone.abort(new Error('hung up'))
  const stillWaiting = new Promise(resolve => setTimeout(resolve, 5_000, 'still waiting'))
  t.match(await Promise.race([spoken.catch(err => err), stillWaiting]), { message: 'hung up' })
})

t.test('the key of a service account signs each request over TLS; a revoked one is refused', OPEN, async t => {
  const { privateKey, publicKey } = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' }
  })
  const email = 'parley@example.iam.gserviceaccount.com'
  const folder = t.testdir({ 'key.json': JSON.stringify({ client_email: email, private_key: privateKey }) })
  const { private: key, cert } = await selfsigned.generate([{ name: 'commonName', value: 'localhost' }])
  const accounts = new Map([[email, publicKey]])
  await using guarded = await GoogleServer.start({ tls: { key, cert }, accounts })
  await using signed = reach(guarded, { keyFile: join(folder, 'key.json'), authority: cert })
  const recognizer = createGoogleRecognizer(signed)
  const ask = async () => {
    const stream = recognizer.open(ENGLISH)
    await say(stream, sayInTones(['invoice']))
    return await stream.finish()
  }
  t.match(await ask(), { text: 'invoice' })
  await using late = reach(guarded, { keyFile: join(folder, 'late.json'), authority: cert })
  const unready = createGoogleRecognizer(late)
  await t.rejects(unready.prepare(ENGLISH, LIMIT()), { code: 'SPEECH_FAILED' })
  await copyFile(join(folder, 'key.json'), join(folder, 'late.json'))
  await t.resolves(unready.prepare(ENGLISH, LIMIT()), 'a key file that is put right works without a new start')
  accounts.delete(email)
  await t.rejects(ask(), { code: 'SPEECH_REFUSED' })
})

t.test('a key that is not there fails with a reason, and Google’s own hosts follow the region', OPEN, async t => {
  await using lost = new GoogleClients({ keyFile: '/nowhere/key.json', region: 'eu', endpoint: null })
  t.equal(lost.hostOf('speech'), 'eu-speech.googleapis.com')
  await t.rejects(createGoogleRecognizer(lost).open(ENGLISH).finish(), { code: 'SPEECH_FAILED' })
  const world = new GoogleClients({ keyFile: null, region: 'global', endpoint: null })
  t.equal(world.hostOf('texttospeech'), 'texttospeech.googleapis.com')
})
