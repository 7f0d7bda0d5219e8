import { readdir, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { type Static, Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { parse } from 'yaml'
import { SpeechError } from '../recognizer.ts'
import {
  familyOf,
  type HearingFamily,
  hearingConfig,
  isVoice,
  type LibraryConfig,
  type ModelFiles,
  SHERPA_FAMILIES,
  voiceConfig
} from './sherpa-families.ts'
import { languagesIn, localeIn } from './sherpa-languages.ts'

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

/** A model that hears recordings. */
export type SherpaHearing = Readonly<{
  name: string
  languages: readonly string[]
  family: HearingFamily
  config: LibraryConfig
  threads: number
}>

/** A model that speaks. */
export type SherpaVoice = Readonly<{
  name: string
  languages: readonly string[]
  /** The one kind of its language that it speaks, such as `en-GB`. */
  locale: string | null
  config: LibraryConfig
  threads: number
  /** Number of the speaker in the model, from 0: one for all languages, or one for each that is named. */
  speaker: number | Readonly<Record<string, number>>
  /** 1 is as the model was made; 2 is twice as fast. */
  speed: number
}>

export type SherpaModels = Readonly<{
  streaming: readonly SherpaModel[]
  hearing: readonly SherpaHearing[]
  voices: readonly SherpaVoice[]
}>

const ABOUT = 'model.yaml'
const SPEAKER = Type.Integer({ minimum: 0 })
const About = Type.Object(
  {
    languages: Type.Optional(Type.Array(Type.String({ pattern: '^[a-z]{2,3}$' }), { minItems: 1 })),
    family: Type.Optional(Type.Union(SHERPA_FAMILIES.map(one => Type.Literal(one)))),
    speaker: Type.Optional(Type.Union([SPEAKER, Type.Record(Type.String({ pattern: '^[a-z]{2,3}$' }), SPEAKER)])),
    speed: Type.Optional(Type.Number({ minimum: 0.5, maximum: 2 })),
    threads: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 }))
  },
  { additionalProperties: false }
)
type About = Static<typeof About>
const CHECK = Compile(About)
const THREADS = 2

/**
 * The models in a folder, one folder each with the files as they are published (those with `int8` in their names win), and
 * `model.yaml` where the folder's name does not tell languages or family, or for a voice's speaker and speed.
 * Rejects with SPEECH_MISSING, every problem in its message.
 */
export async function readSherpaModels(folder: string): Promise<SherpaModels> {
  const problems: string[] = []
  const found = { streaming: [] as SherpaModel[], hearing: [] as SherpaHearing[], voices: [] as SherpaVoice[] }
  const { folders, files: shared } = await entriesOf(folder, problems)
  for (const name of folders) {
    const before = problems.length
    const inside = join(folder, name)
    const { files, folders: below } = await entriesOf(inside, problems)
    const about = files.includes(ABOUT) ? await aboutIn(join(inside, ABOUT), problems) : {}
    const languages = about.languages ?? languagesIn(name)
    const family = about.family ?? familyOf(name, files)
    const here = modelFiles(inside, files, below, problems)
    const facts = { name: `sherpa-${name}`, languages }
    const { threads = THREADS } = about
    if (family === 'streaming')
      found.streaming.push({
        ...facts,
        encoder: here.need(/^encoder.*\.onnx$/, 'encoder*.onnx'),
        decoder: here.need(/^decoder.*\.onnx$/, 'decoder*.onnx'),
        joiner: here.need(/^joiner.*\.onnx$/, 'joiner*.onnx'),
        tokens: here.need(/^tokens\.txt$/, 'tokens.txt')
      })
    else if (isVoice(family)) {
      const ofAll = (pattern: RegExp) => pathOf(folder, shared, pattern)
      const config = voiceConfig(family, here, ofAll, languages)
      found.voices.push({
        ...facts,
        locale: localeIn(name),
        config,
        threads,
        speaker: about.speaker ?? 0,
        speed: about.speed ?? 1
      })
    } else found.hearing.push({ ...facts, family, config: hearingConfig(family, here), threads })
    if (languages.length === 0 && problems.length === before)
      problems.push(`${inside} does not say its languages: write ${ABOUT} with languages: [en]`)
  }
  if (folders.length === 0 && problems.length === 0) problems.push(`${folder} holds no folder with a model`)
  if (problems.length > 0)
    throw new SpeechError('SPEECH_MISSING', `the models of sherpa-onnx are not usable: ${problems.join('; ')}`)
  return found
}

function modelFiles(
  folder: string,
  files: readonly string[],
  folders: readonly string[],
  problems: string[]
): ModelFiles {
  const find = (pattern: RegExp) => pathOf(folder, files, pattern)
  return {
    find,
    need(pattern, called) {
      const found = find(pattern)
      if (found === null) problems.push(`${folder} has no ${called}`)
      return found ?? ''
    },
    all: pattern => files.filter(file => pattern.test(file)).map(file => join(folder, file)),
    folder: name => (folders.includes(name) ? join(folder, name) : null)
  }
}

function pathOf(folder: string, files: readonly string[], pattern: RegExp): string | null {
  const found = files.filter(file => pattern.test(file))
  const best = found.find(file => file.includes('int8')) ?? found[0]
  return best === undefined ? null : join(folder, best)
}

/** What is in a folder, sorted; what is hidden does not count. */
async function entriesOf(
  folder: string,
  problems: string[]
): Promise<Readonly<{ files: readonly string[]; folders: readonly string[] }>> {
  try {
    const entries = await readdir(folder, { withFileTypes: true })
    const names = (isFolder: boolean) =>
      entries
        .filter(entry => entry.isDirectory() === isFolder && !entry.name.startsWith('.'))
        .map(entry => entry.name)
        .sort()
    return { files: names(false), folders: names(true) }
  } catch (err) {
    problems.push(`${folder} cannot be read (${(err as NodeJS.ErrnoException).code})`)
    return { files: [], folders: [] }
  }
}

async function aboutIn(file: string, problems: string[]): Promise<About> {
  let about: unknown
  try {
    about = parse(await readFile(file, 'utf8'))
  } catch {
    // The parser's own words would be longer than the file.
    about = null
  }
  if (CHECK.Check(about)) return about
  problems.push(
    `${file} must read languages: [en], with tags of two or three letters, and may say family (${SHERPA_FAMILIES.join(', ')}), ` +
      'speaker (0, or { en: 0 }), speed (0.5 to 2) and threads (1 to 64)'
  )
  return {}
}
