import type * as Sdk from 'microsoft-cognitiveservices-speech-sdk'
import { verdictOf } from './http-verdict.ts'

/** How Azure is reached. */
export type AzurePlace = Readonly<{
  key: string
  /** Azure's name of the region in which the resource is, such as `westeurope`. */
  region: string
  /** Another address than Azure's own, `https://host:port` or `http://host:port`: a private endpoint or a container. */
  endpoint: string | null
}>

let loaded: Promise<typeof Sdk> | undefined

/** Azure's library, loaded by the first who needs it. */
export function loadAzure(): Promise<typeof Sdk> {
  loaded ??= (async () => {
    const [{ default: sdk }, { WebsocketMessageAdapter }] = await Promise.all([
      import('microsoft-cognitiveservices-speech-sdk') as unknown as Promise<{ default: typeof Sdk }>,
      import('microsoft-cognitiveservices-speech-sdk/distrib/lib/src/common.browser/WebsocketMessageAdapter.js')
    ])
    // The WebSocket of Node does not tell with which status a connection was refused.
    WebsocketMessageAdapter.forceNpmWebSocket = true
    sdk.Recognizer.enableTelemetry(false)
    return sdk
  })()
  return loaded
}

/** The settings of a connection for one language. */
export function azureConfig(sdk: typeof Sdk, { key, region, endpoint }: AzurePlace): Sdk.SpeechConfig {
  return endpoint === null
    ? sdk.SpeechConfig.fromSubscription(key, region)
    : sdk.SpeechConfig.fromHost(new URL(endpoint.replace(/^http/, 'ws').replace(/\/$/, '')), key)
}

/** The host that hears or reads. */
export function azureHost({ region, endpoint }: AzurePlace, service: 'stt' | 'tts'): string {
  return endpoint === null ? `${region}.${service}.speech.microsoft.com` : new URL(endpoint).hostname
}

/** Azure's word for a failure. */
type Failure = Readonly<{ code: Sdk.CancellationErrorCode; details: string }>

/** What a failure means. */
export function azureVerdict(sdk: typeof Sdk, { code, details }: Failure): 'REFUSED' | 'QUOTA' | 'TIMEOUT' | 'FAILED' {
  switch (code) {
    case sdk.CancellationErrorCode.AuthenticationFailure:
    case sdk.CancellationErrorCode.Forbidden:
      return 'REFUSED'
    case sdk.CancellationErrorCode.TooManyRequests:
      return 'QUOTA'
    case sdk.CancellationErrorCode.ServiceTimeout:
      return 'TIMEOUT'
    default: {
      // A refused connection has no code of its own: the status is only in the sentence that the package ws writes.
      const [, status] = /Unexpected server response: (\d{3})/.exec(details) ?? []
      return status === undefined ? 'FAILED' : verdictOf(Number(status))
    }
  }
}

/**
 * Azure's own sentence as a cause, without the key: the library makes it part of the address of every connection, and
 * addresses are in its sentences.
 */
export function azureCause({ key }: AzurePlace, details: string): Error {
  return new Error(details.replaceAll(encodeURIComponent(key), '…').replaceAll(key, '…'))
}
