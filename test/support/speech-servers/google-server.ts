import { verify } from 'node:crypto'
import { dirname, join } from 'node:path'
import { createRequire } from 'node:module'
import * as grpc from '@grpc/grpc-js'
import { loadSync } from '@grpc/proto-loader'
import { pcmOf, samplesOf } from '../../../media/audio/pcm.ts'
import { startRelay } from './relay.ts'
import {
  type HeardTone,
  hearTones,
  inTongue,
  sayInTones,
  ToneEar,
  type ToneWord,
  toneWordsIn,
  toneWordsInTongue
} from './tone-words.ts'

/** What goes wrong with the requests that come while it is set. */
export type GoogleTrouble =
  | Readonly<{ kind: 'status'; code: number; afterMs?: number }>
  | Readonly<{ kind: 'silent' | 'endless' | 'empty' | 'slow' }>
  | Readonly<{ kind: 'otherLanguage'; language: string }>

type StreamRequest = {
  streamingConfig?: { config: { languageCode: string; adaptation?: unknown }; interimResults: boolean }
  audioContent?: Uint8Array
}
type Call = grpc.ServerDuplexStream<StreamRequest, unknown>
type RecognizeRequest = { config: { languageCode: string }; audio: { content: Uint8Array } }
type SpeakRequest = {
  streamingConfig?: { voice: { languageCode: string; name: string }; customPronunciations?: unknown }
  input?: { text: string }
}

/** A pause of this length ends a sentence, and its words become final. */
const SENTENCE_PAUSE_MS = 500

export type GoogleServerOptions = Readonly<{
  /** Google's limit of a streaming request. */
  streamLimitMs?: number
  /** The server's own key and certificate, PEM; without them it speaks without TLS. */
  tls?: Readonly<{ key: string; cert: string }>
  /** Public keys of service accounts that are let in, by e-mail. */
  accounts?: Map<string, string>
  /** Whether it hears and speaks the words of the language that it is asked for, and not always the English ones. */
  hasTongues?: boolean
}>

/**
 * Google's speech services on a port of this machine, by the definitions that come with Google's own packages. It hears
 * and speaks the language of tones.
 */
export class GoogleServer implements AsyncDisposable {
  trouble: GoogleTrouble | null = null
  /** Speech is made word by word: waited for before each, counted from 0. When it rejects, the voice breaks off. */
  beforeWord: ((at: number) => Promise<void>) | null = null
  /** What was asked for, in order. */
  readonly configs: unknown[] = []
  /** Audio of each request for recognition, in milliseconds. */
  readonly heardMs: number[] = []
  readonly #server = new grpc.Server()
  readonly #options: GoogleServerOptions
  #relay: Awaited<ReturnType<typeof startRelay>> | undefined

  private constructor(options: GoogleServerOptions) {
    this.#options = options
  }

  static async start(options: GoogleServerOptions = {}): Promise<GoogleServer> {
    const google = new GoogleServer(options)
    google.#server.addService(serviceOf('speech', 'google/cloud/speech/v1/cloud_speech.proto', 'Speech'), {
      streamingRecognize: (call: Call) => google.#admit(call, () => google.#hear(call)),
      recognize: ((call, done) => google.#recognize(call.request, done)) as grpc.handleUnaryCall<
        RecognizeRequest,
        unknown
      >
    } as grpc.UntypedServiceImplementation)
    google.#server.addService(
      serviceOf('text-to-speech', 'google/cloud/texttospeech/v1/cloud_tts.proto', 'TextToSpeech'),
      { streamingSynthesize: (call: Call) => google.#admit(call, () => google.#speak(call)) }
    )
    const { tls } = options
    const credentials =
      tls === undefined
        ? grpc.ServerCredentials.createInsecure()
        : grpc.ServerCredentials.createSsl(null, [
            { private_key: Buffer.from(tls.key), cert_chain: Buffer.from(tls.cert) }
          ])
    const port = await new Promise<number>((resolve, reject) =>
      google.#server.bindAsync('127.0.0.1:0', credentials, (err, bound) => (err ? reject(err) : resolve(bound)))
    )
    google.#relay = await startRelay(port)
    return google
  }

  get endpoint(): string {
    return `${this.#options.tls === undefined ? 'http' : 'https'}://localhost:${this.#relay?.port}`
  }

  /** The network breaks. */
  cut(): void {
    this.#relay?.cut()
  }

  #admit(call: Call, serve: () => void): void {
    call.on('error', () => {})
    const { trouble } = this
    if (!this.#isKnown(call)) fail(call, grpc.status.UNAUTHENTICATED)
    else if (trouble?.kind === 'status' && trouble.afterMs === undefined) fail(call, trouble.code)
    else serve()
  }

  /** Checks the signature of the token as Google does (RFC 7515 §5.2). */
  #isKnown(call: Call): boolean {
    const { accounts } = this.#options
    if (accounts === undefined) return true
    const [header = '', payload = '', signature = ''] = `${call.metadata.get('authorization')[0]}`
      .replace('Bearer ', '')
      .split('.')
    const publicKey = accounts.get(JSON.parse(Buffer.from(payload, 'base64url').toString() || '{}').iss)
    if (publicKey === undefined) return false
    return verify('sha256', Buffer.from(`${header}.${payload}`), publicKey, Buffer.from(signature, 'base64url'))
  }

  #hear(call: Call): void {
    const { trouble } = this
    const ear = new ToneEar()
    const index = this.heardMs.push(0) - 1
    let told = 0
    let finals = 0
    let language = ''
    const answer = (words: readonly HeardTone[], isFinal: boolean) => {
      if (trouble?.kind === 'slow' || trouble?.kind === 'empty') return
      const transcript = words.map(one => one.word).join(' ')
      call.write({
        results: [
          {
            alternatives: [{ transcript, ...(isFinal && { confidence: 0.9, words: words.map(wordInfo) }) }],
            isFinal,
            languageCode: trouble?.kind === 'otherLanguage' ? trouble.language : language.toLowerCase()
          }
        ]
      })
    }
    const listen = (isOver: boolean) => {
      const { lengthMs } = ear
      const words = this.#written(ear.words, language)
      this.heardMs[index] = lengthMs
      const open = words.slice(finals)
      const quietMs = lengthMs - (words.at(-1)?.endMs ?? lengthMs)
      if (open.length > 0 && (isOver || quietMs >= SENTENCE_PAUSE_MS)) {
        finals = words.length
        answer(open, true)
      } else if (open.length > 0 && words.length !== told) answer(open, false)
      told = words.length
      return lengthMs
    }
    let isFailed = false
    const failOnce = (code: number) => {
      isFailed = true
      setImmediate(() => fail(call, code))
    }
    call.on('data', (request: StreamRequest) => {
      if (isFailed) return
      if (request.streamingConfig) {
        language = request.streamingConfig.config.languageCode
        this.configs.push(request.streamingConfig)
        return
      }
      ear.push(samplesOf(request.audioContent ?? Buffer.alloc(0)))
      const lengthMs = listen(false)
      if (trouble?.kind === 'status' && lengthMs >= (trouble.afterMs ?? 0)) failOnce(trouble.code)
      else if (lengthMs > (this.#options.streamLimitMs ?? 305_000)) failOnce(grpc.status.OUT_OF_RANGE)
    })
    call.on('end', () => {
      listen(true)
      if (trouble?.kind !== 'slow') call.end()
    })
  }

  #recognize(request: RecognizeRequest, done: grpc.sendUnaryData<unknown>): void {
    this.configs.push(request.config)
    const samples = samplesOf(request.audio.content)
    this.heardMs.push(samples.length / 8)
    const refuse = (code: number) => done({ code, details: 'as the test wants it' })
    const words = this.#written(hearTones(samples), request.config.languageCode)
    const transcript = words.map(one => one.word).join(' ')
    const results =
      words.length === 0 ? [] : [{ alternatives: [{ transcript, confidence: 0.9, words: words.map(wordInfo) }] }]
    if (this.trouble?.kind === 'status') refuse(this.trouble.code)
    else if (samples.length > 60_000 * 8) refuse(grpc.status.INVALID_ARGUMENT)
    else done(null, { results })
  }

  /** Words as a recogniser of this language writes them. */
  #written(words: readonly HeardTone[], tag: string): readonly HeardTone[] {
    return this.#options.hasTongues ? words.map(one => inTongue(one, tag)) : words
  }

  #speak(call: Call): void {
    const { trouble } = this
    let tag = ''
    call.on('data', async (request: SpeakRequest) => {
      if (request.streamingConfig) {
        tag = request.streamingConfig.voice.languageCode
        this.configs.push(request.streamingConfig)
        return
      }
      this.configs.push(request.input)
      if (trouble?.kind === 'slow') return
      if (trouble?.kind === 'empty') return call.end()
      const text = request.input?.text ?? ''
      const words = this.#options.hasTongues ? toneWordsInTongue(text, tag) : toneWordsIn(text)
      if (this.beforeWord !== null) return await speakSlowly(call, words, this.beforeWord)
      const speech = sayInTones(words)
      const audio = pcmOf(trouble?.kind === 'silent' ? new Int16Array(speech.length) : speech)
      if (trouble?.kind === 'status') {
        call.write({ audioContent: audio.subarray(0, (trouble.afterMs ?? 0) * 16) })
        return fail(call, trouble.code)
      }
      const endless = () => {
        if (!call.cancelled && !call.destroyed) call.write({ audioContent: audio }, endless)
      }
      if (trouble?.kind === 'endless') return endless()
      // Odd pieces: samples are cut in two.
      for (let at = 0; at < audio.length; at += 1_601) call.write({ audioContent: audio.subarray(at, at + 1_601) })
      call.end()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.forceShutdown()
    await this.#relay?.[Symbol.asyncDispose]()
  }
}

async function speakSlowly(
  call: Call,
  words: readonly ToneWord[],
  beforeWord: (at: number) => Promise<void>
): Promise<void> {
  try {
    for (const [at, word] of words.entries()) {
      await beforeWord(at)
      call.write({ audioContent: pcmOf(sayInTones([word])) })
    }
    call.end()
  } catch {
    fail(call, grpc.status.UNAVAILABLE)
  }
}

function fail(call: Call, code: number): void {
  call.emit('error', { code, details: 'as the test wants it' })
}

function wordInfo({ word, startMs, endMs }: HeardTone) {
  return { word, startTime: durationOf(startMs), endTime: durationOf(endMs), confidence: 0.9 }
}

function durationOf(ms: number) {
  return { seconds: Math.floor(ms / 1000), nanos: (ms % 1000) * 1_000_000 }
}

function serviceOf(packageName: string, file: string, service: string): grpc.ServiceDefinition {
  // Not every package lets its package.json be seen: the folder is found from its main file, <folder>/build/src/….
  const require = createRequire(import.meta.url)
  const folderOf = (name: string) => join(dirname(require.resolve(name)), '../..')
  const loaded = loadSync(file, {
    includeDirs: [
      join(folderOf(`@google-cloud/${packageName}`), 'build/protos'),
      join(folderOf('google-gax'), 'build/protos')
    ],
    keepCase: false,
    enums: String,
    longs: Number,
    defaults: false,
    oneofs: true
  })
  const found = Object.entries(loaded).find(([name]) => name.endsWith(`.v1.${service}`))
  if (found === undefined) throw new Error(`${file} defines no ${service}`)
  return found[1] as unknown as grpc.ServiceDefinition
}
