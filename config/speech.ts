import { resolve } from 'node:path'
import type { Env, VariableName } from './env.ts'

/** Who hears and speaks beside the engines of this machine; null where one is not set up. Keys are secrets. */
export type SpeechConfig = Readonly<{
  /** Regions in which audio and texts of calls may be processed outside this machine. */
  regions: readonly string[]
  google: Readonly<{ keyFile: string | null; endpoint: string | null; region: string }> | null
  azure: Readonly<{ endpoint: string | null; region: string }> | null
  openai: Readonly<{
    url: string
    asrModel: string | null
    ttsModel: string | null
    languages: readonly string[]
    /** Null: it is on this machine. */
    region: string | null
  }> | null
  /** Folder with a folder for each model of sherpa-onnx: what they can do is known when it is read. */
  sherpaModels: string | null
  /** Whether recordings are turned into text. */
  isTranscribing: boolean
  /** Whether calls are written down while they run. */
  isTranscribingLive: boolean
}>

/** Reads the settings of speech; adds to `problems` what is wrong with them. */
export function parseSpeech(env: Env, problems: string[]): SpeechConfig {
  const text = (name: VariableName) => env[name]?.trim() || null
  const list = (name: VariableName) =>
    (text(name) ?? '')
      .split(',')
      .map(item => item.trim().toLowerCase())
      .filter(Boolean)
  const url = (name: VariableName): string | null => {
    const given = text(name)
    if (given === null || (URL.canParse(given) && /^https?:$/.test(new URL(given).protocol))) return given
    problems.push(`${name} must be an address that begins with http:// or https://, not "${given}"`)
    return null
  }
  const needs = (isGiven: boolean, name: VariableName, needed: VariableName) => {
    if (isGiven && text(needed) === null) problems.push(`${name} needs ${needed}`)
  }

  const googleKey = text('PARLEY_GOOGLE_SPEECH_KEY_FILE')
  const googleEndpoint = url('PARLEY_GOOGLE_SPEECH_ENDPOINT')
  const googleRegion = text('PARLEY_GOOGLE_SPEECH_REGION')?.toLowerCase() ?? 'global'
  if (googleEndpoint?.startsWith('https:'))
    needs(true, 'PARLEY_GOOGLE_SPEECH_ENDPOINT', 'PARLEY_GOOGLE_SPEECH_KEY_FILE')
  const azureKey = text('PARLEY_AZURE_SPEECH_KEY')
  needs(azureKey !== null, 'PARLEY_AZURE_SPEECH_KEY', 'PARLEY_AZURE_SPEECH_REGION')
  const azureRegion = text('PARLEY_AZURE_SPEECH_REGION')?.toLowerCase()
  const openaiUrl = url('PARLEY_OPENAI_SPEECH_URL')
  needs(openaiUrl !== null, 'PARLEY_OPENAI_SPEECH_URL', 'PARLEY_OPENAI_SPEECH_LANGUAGES')
  const [asrModel, ttsModel] = [text('PARLEY_OPENAI_SPEECH_ASR_MODEL'), text('PARLEY_OPENAI_SPEECH_TTS_MODEL')]
  if (openaiUrl !== null && asrModel === null && ttsModel === null)
    problems.push('PARLEY_OPENAI_SPEECH_URL needs PARLEY_OPENAI_SPEECH_ASR_MODEL or PARLEY_OPENAI_SPEECH_TTS_MODEL')
  const openaiRegion = text('PARLEY_OPENAI_SPEECH_REGION')?.toLowerCase() ?? null
  if (openaiUrl !== null && openaiRegion === null && !isLoopback(new URL(openaiUrl).hostname))
    problems.push('PARLEY_OPENAI_SPEECH_URL is on another machine and needs PARLEY_OPENAI_SPEECH_REGION')
  const sherpa = text('PARLEY_SHERPA_MODELS')
  const regions = list('PARLEY_SPEECH_REGIONS')
  const transcribe = text('PARLEY_TRANSCRIBE') ?? 'off'
  if (transcribe !== 'off' && transcribe !== 'recorded' && transcribe !== 'live')
    problems.push(`PARLEY_TRANSCRIBE must be off, recorded or live, not "${transcribe}"`)
  const isAnyoneThere =
    ((googleKey !== null || googleEndpoint !== null) && regions.includes(googleRegion)) ||
    (azureKey !== null && azureRegion !== undefined && regions.includes(azureRegion)) ||
    (openaiUrl !== null && asrModel !== null && (openaiRegion === null || regions.includes(openaiRegion)))
  if (transcribe === 'recorded' && !isAnyoneThere && sherpa === null)
    problems.push(
      'PARLEY_TRANSCRIBE needs a provider that recognises recordings in a region of PARLEY_SPEECH_REGIONS, or PARLEY_SHERPA_MODELS'
    )
  if (transcribe === 'live' && !isAnyoneThere && sherpa === null)
    problems.push('PARLEY_TRANSCRIBE=live needs a recogniser of open speech that is set up and permitted')
  return {
    regions,
    google:
      googleKey === null && googleEndpoint === null
        ? null
        : {
            keyFile: googleKey === null ? null : resolve(googleKey),
            endpoint: googleEndpoint,
            region: googleRegion
          },
    azure:
      azureKey === null || azureRegion === undefined
        ? null
        : { endpoint: url('PARLEY_AZURE_SPEECH_ENDPOINT'), region: azureRegion },
    openai:
      openaiUrl === null
        ? null
        : {
            url: openaiUrl.replace(/\/$/, ''),
            asrModel,
            ttsModel,
            languages: list('PARLEY_OPENAI_SPEECH_LANGUAGES'),
            region: openaiRegion
          },
    sherpaModels: sherpa === null ? null : resolve(sherpa),
    // What nobody could hear while it ran is taken from its recording.
    isTranscribing: transcribe === 'recorded' || (transcribe === 'live' && (isAnyoneThere || sherpa !== null)),
    isTranscribingLive: transcribe === 'live'
  }
}

function isLoopback(host: string): boolean {
  return host === 'localhost' || host === '[::1]' || host.startsWith('127.')
}
