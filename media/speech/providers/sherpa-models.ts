import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'
import { SpeechError } from '../recognizer.ts'

/** A streaming transducer (zipformer) with the files of sherpa-onnx, as absolute paths. */
export type SherpaModel = Readonly<{
  name: string
  /** Primary language tags. */
  languages: readonly string[]
  encoder: string
  decoder: string
  joiner: string
  tokens: string
}>

const ABOUT = 'model.yaml'
const CHECK = Compile(
  Type.Object(
    { languages: Type.Array(Type.String({ pattern: '^[a-z]{2,3}$' }), { minItems: 1 }) },
    { additionalProperties: false }
  )
)
/** Languages that the names of published models are made of: `sherpa-onnx-streaming-zipformer-bilingual-zh-en-…`. */
const IN_NAMES: Readonly<Record<string, string>> = {
  ar: 'ar',
  bn: 'bn',
  de: 'de',
  en: 'en',
  es: 'es',
  fr: 'fr',
  ja: 'ja',
  ko: 'ko',
  korean: 'ko',
  pt: 'pt',
  ru: 'ru',
  th: 'th',
  vi: 'vi',
  zh: 'zh'
}

/**
 * The models in a folder, one folder each: `encoder*.onnx`, `decoder*.onnx`, `joiner*.onnx` (those with `int8` in their
 * names win), `tokens.txt`, and `model.yaml` (`languages: [en]`) where the folder's name does not tell the languages.
 * Rejects with SPEECH_MISSING, every problem in its message.
 */
export async function readSherpaModels(folder: string): Promise<readonly SherpaModel[]> {
  const problems: string[] = []
  const models: SherpaModel[] = []
  for (const name of await foldersIn(folder, problems)) {
    const before = problems.length
    const inside = join(folder, name)
    const files = await readdir(inside)
    const pick = (part: string): string => {
      const found = files.filter(file => file.startsWith(part) && file.endsWith('.onnx')).sort()
      const best = found.find(file => file.includes('int8')) ?? found[0]
      if (best === undefined) problems.push(`${inside} has no ${part}*.onnx`)
      return join(inside, best ?? '')
    }
    const model = {
      name: `sherpa-${name}`,
      languages: files.includes(ABOUT) ? await languagesOf(join(inside, ABOUT), problems) : languagesIn(name),
      encoder: pick('encoder'),
      decoder: pick('decoder'),
      joiner: pick('joiner'),
      tokens: join(inside, 'tokens.txt')
    }
    if (!files.includes('tokens.txt')) problems.push(`${inside} has no tokens.txt`)
    if (model.languages.length === 0 && problems.length === before)
      problems.push(`${inside} does not say its languages: write ${ABOUT} with languages: [en]`)
    if (problems.length === before) models.push(model)
  }
  if (models.length === 0 && problems.length === 0) problems.push(`${folder} holds no folder with a model`)
  if (problems.length > 0)
    throw new SpeechError('SPEECH_MISSING', `the models of sherpa-onnx are not usable: ${problems.join('; ')}`)
  return models
}

async function foldersIn(folder: string, problems: string[]): Promise<readonly string[]> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    return entries
      .filter(entry => entry.isDirectory() && !entry.name.startsWith('.'))
      .map(entry => entry.name)
      .sort()
  } catch (err) {
    problems.push(`${folder} cannot be read (${(err as NodeJS.ErrnoException).code})`)
    return []
  }
}

async function languagesOf(file: string, problems: string[]): Promise<readonly string[]> {
  let about: unknown
  try {
    about = parse(await readFile(file, 'utf8'))
  } catch {
    // The parser's own words would be longer than the file.
    about = null
  }
  if (CHECK.Check(about)) return about.languages
  problems.push(`${file} must read languages: [en], with tags of two or three letters`)
  return []
}

function languagesIn(name: string): readonly string[] {
  return [...new Set(name.split('-').flatMap(part => IN_NAMES[part] ?? []))]
}
