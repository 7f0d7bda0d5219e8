import { readFile } from 'node:fs/promises'
import type { SpeechClient } from '@google-cloud/speech'
import type { TextToSpeechClient } from '@google-cloud/text-to-speech'

/** How Google is reached. */
export type GooglePlace = Readonly<{
  /** A service account's key, JSON; null only for an endpoint without TLS. */
  keyFile: string | null
  /** `eu`, `us` or `global`: where Google processes what it gets. */
  region: string
  /**
   * Another address than Google's own: `https://host:port`, or `http://host:port` for a relay that adds the key itself.
   * The key is never sent without TLS.
   */
  endpoint: string | null
  /** Certificate of the authority that the endpoint's certificate is checked with, PEM; null means those of the system. */
  authority?: string | null
}>

const SCOPE = 'https://www.googleapis.com/auth/cloud-platform'

/** Google's two services. The libraries are loaded, and connections made, by the first who needs them. */
export class GoogleClients implements AsyncDisposable {
  readonly place: GooglePlace
  #speech: Promise<SpeechClient> | undefined
  #voices: Promise<TextToSpeechClient> | undefined

  constructor(place: GooglePlace) {
    this.place = place
  }

  /** The host that hears or reads: what the story of a call names. */
  hostOf(service: 'speech' | 'texttospeech'): string {
    return this.#addressOf(service).host
  }

  speech(): Promise<SpeechClient> {
    this.#speech ??= this.#openSpeech().catch(err => {
      // A key file that is put right works without a new start.
      this.#speech = undefined
      throw err
    })
    return this.#speech
  }

  voices(): Promise<TextToSpeechClient> {
    this.#voices ??= this.#openVoices().catch(err => {
      this.#voices = undefined
      throw err
    })
    return this.#voices
  }

  async #openSpeech(): Promise<SpeechClient> {
    const { SpeechClient } = await import('@google-cloud/speech')
    return new SpeechClient(await this.#options('speech'))
  }

  async #openVoices(): Promise<TextToSpeechClient> {
    const { TextToSpeechClient } = await import('@google-cloud/text-to-speech')
    return new TextToSpeechClient(await this.#options('texttospeech'))
  }

  async #options(service: 'speech' | 'texttospeech') {
    const { grpc, googleAuthLibrary } = await import('google-gax')
    const { host, port, isSecure } = this.#addressOf(service)
    const where = { apiEndpoint: host, port }
    // An auth client is always given: without one the library looks for the machine's identity at a cloud's address.
    if (!isSecure)
      return {
        ...where,
        authClient: new googleAuthLibrary.PassThroughClient(),
        sslCreds: grpc.credentials.createInsecure()
      }
    const account = await readAccount(this.place.keyFile)
    const authClient = new googleAuthLibrary.JWT({
      email: account.client_email,
      key: account.private_key,
      scopes: SCOPE
    })
    // Signed here: no token has to be fetched before the first word.
    authClient.useJWTAccessWithScope = true
    const { authority } = this.place
    const tls = grpc.credentials.createSsl(authority ? Buffer.from(authority) : null)
    const signed = grpc.credentials.createFromGoogleCredential({
      getRequestHeaders: async url => Object.fromEntries(await authClient.getRequestHeaders(url))
    })
    return { ...where, authClient, sslCreds: grpc.credentials.combineChannelCredentials(tls, signed) }
  }

  #addressOf(service: 'speech' | 'texttospeech'): Readonly<{ host: string; port: number; isSecure: boolean }> {
    const { endpoint, region } = this.place
    if (endpoint === null)
      return {
        host: `${region === 'global' ? '' : `${region}-`}${service}.googleapis.com`,
        port: 443,
        isSecure: true
      }
    const { hostname, port, protocol } = new URL(endpoint)
    const isSecure = protocol === 'https:'
    return { host: hostname, port: port === '' ? (isSecure ? 443 : 80) : Number(port), isSecure }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const clients = await Promise.allSettled([this.#speech, this.#voices])
    for (const one of clients) if (one.status === 'fulfilled') await one.value?.close()
  }
}

async function readAccount(keyFile: string | null): Promise<Readonly<{ client_email: string; private_key: string }>> {
  if (keyFile === null) throw new Error('Google needs a key file')
  const account: unknown = JSON.parse(await readFile(keyFile, 'utf8'))
  if (
    typeof account === 'object' &&
    account !== null &&
    'client_email' in account &&
    typeof account.client_email === 'string' &&
    'private_key' in account &&
    typeof account.private_key === 'string'
  )
    return { client_email: account.client_email, private_key: account.private_key }
  throw new Error('the key file of Google holds no service account')
}
