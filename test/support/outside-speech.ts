import { CHECK_PHRASES } from '../../media/speech/synthetic-check.ts'
import type { TestParleyOptions } from './parley.ts'
import type { AzureServer } from './speech-servers/azure-server.ts'
import type { GoogleServer } from './speech-servers/google-server.ts'

type Options = Required<Pick<TestParleyOptions, 'env' | 'secrets'>>

/** With these a server under test hears and speaks through Google’s library, which finds the server of the test. */
export function throughGoogle(google: GoogleServer): Options {
  return {
    env: {
      PARLEY_SPEECH_REGIONS: 'eu',
      PARLEY_GOOGLE_SPEECH_ENDPOINT: google.endpoint,
      PARLEY_GOOGLE_SPEECH_REGION: 'eu'
    },
    secrets: {}
  }
}

/** The same with Azure’s. */
export function throughAzure(azure: AzureServer): Options {
  return {
    env: {
      PARLEY_SPEECH_REGIONS: 'westeurope',
      PARLEY_AZURE_SPEECH_KEY: 'right key',
      PARLEY_AZURE_SPEECH_REGION: 'westeurope',
      PARLEY_AZURE_SPEECH_ENDPOINT: azure.endpoint
    },
    secrets: { speech: { azureKey: 'right key', openaiKey: undefined } }
  }
}

/** Whether a provider, as the list of them shows it, has been checked in all languages of the check that it knows. */
export function isChecked({
  checks,
  languages
}: Readonly<{ checks: readonly unknown[]; languages: readonly string[] }>): boolean {
  return checks.length === Object.keys(CHECK_PHRASES).filter(one => languages.includes(one)).length
}
