import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { resample } from '../../../media/audio/resample.ts'
import { pcmOf } from '../../../media/audio/pcm.ts'
import { parseWav } from '../../../media/audio/wav.ts'
import { hearTones, sayInTones, type ToneWord, toneWordsIn } from './tone-words.ts'

export type OpenaiTrouble =
  | Readonly<{ kind: 'status'; status: number }>
  | Readonly<{ kind: 'slow' | 'cut' | 'garbage' | 'silent' | 'endless' | 'noSpeech' }>

/** OpenAI's protocol for audio on a port of this machine. It hears and speaks the language of tones. */
export class OpenaiServer implements AsyncDisposable {
  trouble: OpenaiTrouble | null = null
  /** Speech is made word by word: waited for before each, counted from 0. When it rejects, the voice breaks off. */
  beforeWord: ((at: number) => Promise<void>) | null = null
  readonly forms: Record<string, unknown>[] = []
  readonly keys: (string | undefined)[] = []
  readonly #http: Server

  private constructor() {
    this.#http = createServer((request, response) => void this.#serve(request, response))
  }

  static async start(): Promise<OpenaiServer> {
    const openai = new OpenaiServer()
    await new Promise<void>(resolve => openai.#http.listen(0, '127.0.0.1', resolve))
    return openai
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#http.address() as AddressInfo).port}/v1`
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { trouble } = this
    this.keys.push(request.headers.authorization)
    const parts: Buffer[] = []
    for await (const part of request) parts.push(part)
    const body = Buffer.concat(parts)
    if (trouble?.kind === 'status') return void response.writeHead(trouble.status).end('{}')
    if (trouble?.kind === 'slow') return
    if (trouble?.kind === 'garbage') return void response.end('<html>')
    if (request.url === '/v1/audio/speech') await this.#speak(JSON.parse(body.toString()), response)
    else if (trouble?.kind === 'cut') response.destroy()
    else await this.#transcribe(body, `${request.headers['content-type']}`, response)
  }

  async #transcribe(body: Buffer, type: string, response: ServerResponse): Promise<void> {
    const form = await new Response(new Uint8Array(body), { headers: { 'content-type': type } }).formData()
    this.forms.push(Object.fromEntries([...form.entries()].filter(([name]) => name !== 'file')))
    const { samples } = parseWav(new Uint8Array(await (form.get('file') as File).arrayBuffer()))
    const words = hearTones(samples)
    response.end(
      JSON.stringify({
        text: ` ${words.map(one => one.word).join(' ')}`,
        segments: [{ avg_logprob: Math.log(0.7), no_speech_prob: this.trouble?.kind === 'noSpeech' ? 0.95 : 0.01 }],
        words: words.map(one => ({ word: one.word, start: one.startMs / 1_000, end: one.endMs / 1_000 }))
      })
    )
  }

  async #speak(request: Record<string, unknown>, response: ServerResponse): Promise<void> {
    this.forms.push(request)
    const words = toneWordsIn(`${request['input']}`)
    if (this.beforeWord !== null) return await speakSlowly(response, words, this.beforeWord)
    const speech = resample(sayInTones(words), 8_000, 24_000)
    const audio = pcmOf(this.trouble?.kind === 'silent' ? new Int16Array(speech.length) : speech)
    const endless = () => {
      if (!response.destroyed) response.write(audio, endless)
    }
    if (this.trouble?.kind === 'endless') endless()
    else if (this.trouble?.kind === 'cut') response.write(audio.subarray(0, 4_801), () => response.destroy())
    else response.end(audio)
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#http.closeAllConnections()
    await new Promise<void>(resolve => this.#http.close(() => resolve()))
  }
}

async function speakSlowly(
  response: ServerResponse,
  words: readonly ToneWord[],
  beforeWord: (at: number) => Promise<void>
): Promise<void> {
  try {
    for (const [at, word] of words.entries()) {
      await beforeWord(at)
      response.write(pcmOf(resample(sayInTones([word]), 8_000, 24_000)))
    }
    response.end()
  } catch {
    response.destroy()
  }
}
