import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type WebSocket, WebSocketServer } from 'ws'
import { pcmOf, samplesOf } from '../../../media/audio/pcm.ts'
import { parseWav } from '../../../media/audio/wav.ts'
import {
  type HeardTone,
  type ToneWord,
  hearTones,
  inTongue,
  sayInTones,
  ToneEar,
  toneWordsIn,
  toneWordsInTongue
} from './tone-words.ts'

/** What goes wrong with the connections that come while it is set. */
export type AzureTrouble =
  /** The upgrade to a WebSocket, or the request, is refused with a status of HTTP. */
  | Readonly<{ kind: 'refuse'; status: number }>
  /** The connection is closed with a code of RFC 6455 §7.4 after so much audio. */
  | Readonly<{ kind: 'close'; code: number; afterMs: number; times: number }>
  | Readonly<{ kind: 'silent' | 'endless' | 'empty' }>
  /** It answers never, or its voice begins so much later. */
  | Readonly<{ kind: 'slow'; ms?: number }>
  | Readonly<{ kind: 'otherLanguage'; language: string }>

const WAV_HEADER_BYTES = 44
const TICKS_PER_MS = 10_000

type Frame = Readonly<{ headers: ReadonlyMap<string, string>; body: Buffer }>

/**
 * Azure's speech service on a port of this machine: its WebSocket protocol for recognition and voices, and its REST
 * interface for recordings. It hears and speaks the language of tones.
 */
export class AzureServer implements AsyncDisposable {
  trouble: AzureTrouble | null = null
  /** Awaited before each word of a voice; a rejection closes the connection. */
  beforeWord: ((at: number) => Promise<void>) | null = null
  /** Keys that are let in. */
  readonly keys = new Set(['right key'])
  /** Addresses that were asked for, and the JSON documents that came with them, in order. */
  readonly asked: { url: string; documents: unknown[] }[] = []
  readonly ssml: string[] = []
  readonly #waiting: { count: number; resolve: () => void }[] = []
  #closings = 0
  readonly #http: Server
  readonly #sockets = new WebSocketServer({ noServer: true })
  readonly #hasTongues: boolean

  private constructor(hasTongues: boolean) {
    this.#hasTongues = hasTongues
    this.#http = createServer((request, response) => void this.#transcribe(request, response))
    this.#http.on('upgrade', (request, socket, head) => {
      const status = this.trouble?.kind === 'refuse' ? this.trouble.status : this.#isKnown(request) ? 101 : 401
      if (status !== 101) {
        socket.end(`HTTP/1.1 ${status} Refused\r\nContent-Length: 0\r\nConnection: close\r\n\r\n`)
        return
      }
      this.#sockets.handleUpgrade(request, socket, head, client => {
        const documents: unknown[] = []
        this.asked.push({ url: request.url ?? '', documents })
        for (const { count, resolve } of this.#waiting) if (this.asked.length >= count) resolve()
        client.on('error', () => {})
        if (request.url?.startsWith('/tts/')) this.#speak(client)
        else this.#hear(client, documents, languageOf(request.url ?? ''))
      })
    })
  }

  /** `hasTongues`: it hears and speaks the words of the language that it is asked for, and not always the English ones. */
  static async start({ hasTongues = false }: Readonly<{ hasTongues?: boolean }> = {}): Promise<AzureServer> {
    const azure = new AzureServer(hasTongues)
    await new Promise<void>(resolve => azure.#http.listen(0, '127.0.0.1', resolve))
    return azure
  }

  get endpoint(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}`
  }

  /** Resolves when there were so many requests in all. */
  async connected(count: number): Promise<void> {
    if (this.asked.length < count) await new Promise<void>(resolve => this.#waiting.push({ count, resolve }))
  }

  #isKnown(request: IncomingMessage): boolean {
    return this.keys.has(`${request.headers['ocp-apim-subscription-key']}`)
  }

  /** Words as a recogniser of this language writes them. */
  #written(words: readonly HeardTone[], tag: string): readonly HeardTone[] {
    return this.#hasTongues ? words.map(one => inTongue(one, tag)) : words
  }

  #hear(client: WebSocket, documents: unknown[], tag: string): void {
    const { trouble } = this
    const ear = new ToneEar()
    let headerLeft = WAV_HEADER_BYTES
    let told = 0
    let isStarted = false
    client.on('message', (data: Buffer, isBinary) => {
      const { headers, body } = isBinary ? parseBinary(data) : parseText(data)
      const id = headers.get('x-requestid') ?? ''
      if (headers.get('path') !== 'audio') {
        documents.push(JSON.parse(body.toString() || '{}'))
        return
      }
      if (!isStarted) sendText(client, 'turn.start', id, { context: { serviceTag: 'test' } })
      isStarted = true
      if (body.length > 0) {
        const skip = Math.min(headerLeft, body.length)
        headerLeft -= skip
        ear.push(samplesOf(body.subarray(skip)))
        const words = this.#written(ear.words, tag)
        if (trouble?.kind === 'close' && ear.lengthMs >= trouble.afterMs && this.#closings < trouble.times) {
          this.#closings += 1
          return client.close(trouble.code, 'as the test wants it')
        }
        if (words.length === told || trouble?.kind === 'slow' || trouble?.kind === 'empty') return
        if (told === 0) sendText(client, 'speech.startDetected', id, { Offset: 0 })
        told = words.length
        sendText(client, 'speech.hypothesis', id, { Text: textOf(words), ...timesOf(words), ...spokenIn(trouble) })
        return
      }
      if (trouble?.kind === 'slow') return
      const words = trouble?.kind === 'empty' ? [] : this.#written(ear.words, tag)
      sendText(client, 'speech.endDetected', id, { Offset: ear.lengthMs * TICKS_PER_MS })
      sendText(
        client,
        'speech.phrase',
        id,
        words.length === 0
          ? { RecognitionStatus: 'NoMatch', Offset: 0, Duration: 0 }
          : {
              RecognitionStatus: 'Success',
              DisplayText: textOf(words),
              ...timesOf(words),
              ...spokenIn(trouble),
              NBest: [
                {
                  Confidence: 0.8,
                  Lexical: textOf(words),
                  ITN: textOf(words),
                  MaskedITN: textOf(words),
                  Display: textOf(words)
                }
              ]
            }
      )
      sendText(client, 'turn.end', id, {})
    })
  }

  #speak(client: WebSocket): void {
    const { trouble, beforeWord } = this
    client.on('message', async (data: Buffer, isBinary) => {
      if (isBinary) return
      const { headers, body } = parseText(data)
      if (headers.get('path') !== 'ssml') return
      const id = headers.get('x-requestid') ?? ''
      const ssml = body.toString()
      this.ssml.push(ssml)
      if (trouble?.kind === 'slow' && !(await passes(trouble.ms, client))) return
      sendText(client, 'turn.start', id, { context: { serviceTag: 'test' } })
      sendText(client, 'response', id, { audio: { type: 'inline', streamId: 'S' } })
      const text = ssml.replace(/<[^>]*>/g, ' ')
      const [, tag = ''] = /xml:lang=["']([^"']+)/.exec(ssml) ?? []
      const words = this.#hasTongues ? toneWordsInTongue(text, tag) : toneWordsIn(text)
      if (beforeWord !== null) return await speakSlowly(client, id, words, beforeWord)
      const speech = sayInTones(words)
      const audio = pcmOf(trouble?.kind === 'silent' ? new Int16Array(speech.length) : speech)
      const endless = () => {
        if (client.readyState === client.OPEN) sendAudio(client, id, audio, endless)
      }
      if (trouble?.kind === 'endless') return endless()
      if (trouble?.kind !== 'empty')
        for (let at = 0; at < audio.length; at += 1_601) {
          if (trouble?.kind === 'close' && at / 16 >= trouble.afterMs)
            return client.close(trouble.code, 'as the test wants it')
          sendAudio(client, id, audio.subarray(at, at + 1_601))
        }
      sendText(client, 'turn.end', id, {})
    })
  }

  async #transcribe(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const status = this.trouble?.kind === 'refuse' ? this.trouble.status : this.#isKnown(request) ? 200 : 401
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    if (status !== 200) return void response.writeHead(status).end()
    const form = await new Response(Buffer.concat(parts), {
      headers: { 'content-type': `${request.headers['content-type']}` }
    }).formData()
    const definition = JSON.parse(`${form.get('definition')}`) as { locales: string[] }
    this.asked.push({ url: request.url ?? '', documents: [definition] })
    const { channels, samples } = parseWav(new Uint8Array(await (form.get('audio') as File).arrayBuffer()))
    const phrases = Array.from({ length: channels }, (_, channel) => ({
      channel,
      confidence: 0.8,
      words: this.#written(
        hearTones(samples.filter((_, index) => index % channels === channel)),
        definition.locales[0] ?? ''
      ).map(one => ({
        text: one.word,
        offsetMilliseconds: one.startMs,
        durationMilliseconds: one.endMs - one.startMs
      }))
    }))
    response.writeHead(200, { 'content-type': 'application/json' }).end(JSON.stringify({ phrases }))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const client of this.#sockets.clients) client.terminate()
    this.#http.closeAllConnections()
    await new Promise<void>(resolve => this.#http.close(() => resolve()))
  }
}

/** Whether so much time passes before the other side goes; it does not where no time is given. */
async function passes(ms: number | undefined, client: WebSocket): Promise<boolean> {
  if (ms === undefined) return false
  const { promise, resolve } = Promise.withResolvers<boolean>()
  const timer = setTimeout(() => resolve(true), ms)
  client.once('close', () => resolve(false))
  try {
    return await promise
  } finally {
    clearTimeout(timer)
  }
}

async function speakSlowly(
  client: WebSocket,
  id: string,
  words: readonly ToneWord[],
  beforeWord: (at: number) => Promise<void>
): Promise<void> {
  try {
    for (const [at, word] of words.entries()) {
      await beforeWord(at)
      sendAudio(client, id, pcmOf(sayInTones([word])))
    }
    sendText(client, 'turn.end', id, {})
  } catch {
    client.close(1_011, 'as the test wants it')
  }
}

function languageOf(url: string): string {
  return new URL(url, 'http://localhost').searchParams.get('language') ?? ''
}

function textOf(words: readonly HeardTone[]): string {
  return words.map(one => one.word).join(' ')
}

function timesOf(words: readonly HeardTone[]) {
  const [first, last] = [words[0]?.startMs ?? 0, words.at(-1)?.endMs ?? 0]
  return { Offset: first * TICKS_PER_MS, Duration: (last - first) * TICKS_PER_MS }
}

/** What Azure adds where it tells the language. */
function spokenIn(trouble: AzureTrouble | null) {
  return trouble?.kind === 'otherLanguage'
    ? { PrimaryLanguage: { Language: trouble.language, Confidence: 'High' } }
    : undefined
}

function parseHeaders(lines: string): ReadonlyMap<string, string> {
  return new Map(
    lines
      .split('\r\n')
      .filter(Boolean)
      .map(line => [line.split(':')[0]?.trim().toLowerCase() ?? '', line.slice(line.indexOf(':') + 1).trim()])
  )
}

/** Header lines, an empty line, a document. */
function parseText(data: Buffer): Frame {
  const text = data.toString()
  const end = text.indexOf('\r\n\r\n')
  return { headers: parseHeaders(text.slice(0, end)), body: Buffer.from(text.slice(end + 4)) }
}

/** Length of the header lines in two bytes, the lines, the audio. */
function parseBinary(data: Buffer): Frame {
  const length = data.readUInt16BE(0)
  return { headers: parseHeaders(data.toString('latin1', 2, 2 + length)), body: data.subarray(2 + length) }
}

function sendText(client: WebSocket, path: string, id: string, document: unknown): void {
  client.send(
    `X-RequestId:${id}\r\nPath:${path}\r\nContent-Type:application/json; charset=utf-8\r\n\r\n${JSON.stringify(document)}`
  )
}

function sendAudio(client: WebSocket, id: string, audio: Buffer, sent?: () => void): void {
  const header = Buffer.from(`X-RequestId:${id}\r\nX-StreamId:S\r\nPath:audio\r\n`)
  const length = Buffer.alloc(2)
  length.writeUInt16BE(header.length)
  client.send(Buffer.concat([length, header, audio]), sent)
}
