/**
 * Languages of Azure's speech service that Parley offers, with a voice for each; the first of a language is meant when it
 * comes without a region (learn.microsoft.com/azure/ai-services/speech-service/language-support).
 */
const VOICES: Readonly<Record<string, string>> = {
  'ar-SA': 'ar-SA-ZariyahNeural',
  'ar-AE': 'ar-AE-FatimaNeural',
  'ar-EG': 'ar-EG-SalmaNeural',
  'bn-IN': 'bn-IN-TanishaaNeural',
  'cs-CZ': 'cs-CZ-VlastaNeural',
  'da-DK': 'da-DK-ChristelNeural',
  'de-DE': 'de-DE-KatjaNeural',
  'de-AT': 'de-AT-IngridNeural',
  'de-CH': 'de-CH-LeniNeural',
  'el-GR': 'el-GR-AthinaNeural',
  'en-US': 'en-US-JennyNeural',
  'en-GB': 'en-GB-SoniaNeural',
  'en-AU': 'en-AU-NatashaNeural',
  'en-IN': 'en-IN-NeerjaNeural',
  'es-ES': 'es-ES-ElviraNeural',
  'es-MX': 'es-MX-DaliaNeural',
  'fi-FI': 'fi-FI-NooraNeural',
  'fr-FR': 'fr-FR-DeniseNeural',
  'fr-CA': 'fr-CA-SylvieNeural',
  'hi-IN': 'hi-IN-SwaraNeural',
  'hu-HU': 'hu-HU-NoemiNeural',
  'id-ID': 'id-ID-GadisNeural',
  'it-IT': 'it-IT-ElsaNeural',
  'ja-JP': 'ja-JP-NanamiNeural',
  'ko-KR': 'ko-KR-SunHiNeural',
  'ms-MY': 'ms-MY-YasminNeural',
  'nb-NO': 'nb-NO-PernilleNeural',
  'nl-NL': 'nl-NL-FennaNeural',
  'pl-PL': 'pl-PL-ZofiaNeural',
  'pt-BR': 'pt-BR-FranciscaNeural',
  'pt-PT': 'pt-PT-RaquelNeural',
  'ro-RO': 'ro-RO-AlinaNeural',
  'ru-RU': 'ru-RU-SvetlanaNeural',
  'sv-SE': 'sv-SE-SofieNeural',
  'th-TH': 'th-TH-PremwadeeNeural',
  'tr-TR': 'tr-TR-EmelNeural',
  'uk-UA': 'uk-UA-PolinaNeural',
  'vi-VN': 'vi-VN-HoaiMyNeural',
  'zh-CN': 'zh-CN-XiaoxiaoNeural',
  'zh-HK': 'zh-HK-HiuMaanNeural',
  'zh-TW': 'zh-TW-HsiaoChenNeural'
}

const TAGS = Object.keys(VOICES)

export const AZURE_LANGUAGES: readonly string[] = [...new Set([...TAGS.map(tag => tag.split('-')[0] ?? tag), 'no'])]

/** The tag by which Azure knows a language, and its voice; null when it does not know it. */
export function azureVoice(language: string): Readonly<{ tag: string; voice: string }> | null {
  const [given = '', ...rest] = language.toLowerCase().split('-')
  const primary = given === 'no' ? 'nb' : given
  const country = rest.find(part => /^[a-z]{2}$/.test(part))
  const wanted = `${primary}-${country ?? ''}`
  const tag =
    TAGS.find(one => one.toLowerCase() === wanted) ?? TAGS.find(one => one.toLowerCase().startsWith(`${primary}-`))
  const voice = tag === undefined ? undefined : VOICES[tag]
  return tag === undefined || voice === undefined ? null : { tag, voice }
}
