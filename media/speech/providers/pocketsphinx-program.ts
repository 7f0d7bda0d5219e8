/**
 * PocketSphinx in a process of its own: its calls are synchronous, and a fault in a C library must not end calls.
 * The library and its English model come from the system (Debian: libpocketsphinx3, pocketsphinx-en-us).
 */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { resample } from '../../audio/resample.ts'
import type { SphinxAsked, SphinxReply, SphinxRequest } from './pocketsphinx-messages.ts'

const LINE_RATE_HZ = 8_000
const MODEL_RATE_HZ = 16_000
/**
 * Telephone speech has nothing above 4 kHz, which the model takes for an oddity of the speaker; a little noise in the
 * empty band (standard deviation in sample values) doubles what it understands.
 */
const FILL_NOISE = 50
/** Scores of the phrase and of any sounds at all, compared for each frame: this far apart is surely another word. */
const WORST_PER_FRAME = 30
const GRAMMAR_NAME = 'phrases'
const SOUNDS_NAME = 'sounds'

const [modelFolder = ''] = process.argv.slice(2)
const reply = (message: SphinxReply) => process.send?.(message)

type Decoder = Readonly<{
  setGrammar(jsgf: string): boolean
  hasWord(word: string): boolean
  /** The best path under a search, and its score by frame. */
  decode(search: string, samples: Int16Array): Readonly<{ text: string; perFrame: number }>
}>

async function openDecoder(): Promise<Decoder> {
  // Optional: without it there is no local recogniser.
  const packageName: string = 'koffi'
  const { default: koffi } = (await import(packageName)) as {
    default: { load(name: string): { func(signature: string): (...args: unknown[]) => unknown } }
  }
  const sphinx = koffi.load('libpocketsphinx.so.3')
  const base = koffi.load('libsphinxbase.so.3')
  const settings = sphinx.func('void *ps_args()')
  const parse = base.func('void *cmd_ln_parse_r(void *inout, void *defn, int argc, const char **argv, int strict)')
  const init = sphinx.func('void *ps_init(void *config)')
  const setJsgf = sphinx.func('int ps_set_jsgf_string(void *ps, const char *name, const char *text)')
  const setSounds = sphinx.func('int ps_set_allphone_file(void *ps, const char *name, const char *path)')
  const setSearch = sphinx.func('int ps_set_search(void *ps, const char *name)')
  const start = sphinx.func('int ps_start_utt(void *ps)')
  const end = sphinx.func('int ps_end_utt(void *ps)')
  const process_ = sphinx.func(
    'int ps_process_raw(void *ps, const int16_t *data, size_t n, int no_search, int full_utt)'
  )
  const hypothesis = sphinx.func('const char *ps_get_hyp(void *ps, _Out_ int32_t *score)')
  const frames = sphinx.func('int ps_get_n_frames(void *ps)')
  const lookup = sphinx.func('const char *ps_lookup_word(void *ps, const char *word)')

  const model = join(modelFolder, 'en-us')
  const dictionary = join(modelFolder, 'cmudict-en-us.dict')
  for (const path of [model, dictionary]) if (!existsSync(path)) throw new Error(`${path} is not there`)
  const argv = [
    'parley',
    '-hmm',
    model,
    '-dict',
    dictionary,
    '-logfn',
    '/dev/null',
    '-remove_silence',
    'no',
    '-allphone_ci',
    'yes'
  ]
  const decoder = init(parse(null, settings(), argv.length, argv, 1))
  if (decoder === null) throw new Error('the model cannot be loaded')
  if (setSounds(decoder, SOUNDS_NAME, null) !== 0) throw new Error('the model has no sounds to compare with')
  return {
    setGrammar: jsgf => setJsgf(decoder, GRAMMAR_NAME, jsgf) === 0,
    hasWord: word => lookup(decoder, word) !== null,
    decode(search, samples) {
      const score: [number] = [0]
      if (setSearch(decoder, search) !== 0 || start(decoder) !== 0) throw new Error(`the search ${search} cannot begin`)
      // The whole stretch at once, so that its loudness is evened out over all of it.
      process_(decoder, samples, samples.length, 0, 1)
      end(decoder)
      const text = hypothesis(decoder, score) as string | null
      return { text: text ?? '', perFrame: score[0] / Math.max(1, frames(decoder) as number) }
    }
  }
}

let grammar = ''

/** The first word that the dictionary does not have; null when the grammar is ready. */
function load(decoder: Decoder, asked: SphinxAsked): string | null {
  const wanted =
    typeof asked === 'string' ? asked : `#JSGF V1.0; grammar menu; public <phrase> = ${asked.join(' | ')} ;`
  if (wanted === grammar) return null
  const unknown = wordsIn(wanted).find(word => !decoder.hasWord(word))
  if (unknown !== undefined) return unknown
  if (!decoder.setGrammar(wanted)) throw new Error('the grammar cannot be used')
  grammar = wanted
  return null
}

function wordsIn(jsgf: string): readonly string[] {
  const rules = jsgf.replace(/^#JSGF[^;]*;/, '').replace(/^\s*grammar[^;]*;/, '')
  return rules
    .replace(/<[^>]*>|\bpublic\b|[()[\]|+*=;]/g, ' ')
    .split(/\s+/)
    .filter(Boolean)
}

/** Chance that is the same each time (Lehmer's generator), so that the same speech always gives the same answer. */
function chance(): () => number {
  let state = 20_261
  return () => (state = (state * 48_271) % 2_147_483_647) / 2_147_483_647
}

/** Three uniform numbers make a bell that is near enough to the normal one. */
function withFilledBand(samples: Int16Array): Int16Array {
  const filled = new Int16Array(samples.length)
  const random = chance()
  for (let index = 0; index < samples.length; index += 1) {
    const noise = (random() + random() + random() - 1.5) * 2 * FILL_NOISE
    filled[index] = Math.max(-32_768, Math.min(32_767, Math.round((samples[index] ?? 0) + noise)))
  }
  return filled
}

try {
  const decoder = await openDecoder()
  process.on('message', (request: SphinxRequest) => {
    const { id } = request
    try {
      const unknown = load(decoder, request.asked)
      if (unknown !== null)
        return reply({
          kind: 'failed',
          id,
          code: 'SPEECH_PHRASE_UNKNOWN',
          reason: `“${unknown}” is not in the dictionary`
        })
      if (request.kind === 'prepare') return reply({ kind: 'prepared', id })
      const pcm = Buffer.from(request.pcm)
      const line = new Int16Array(pcm.buffer.slice(pcm.byteOffset, pcm.byteOffset + (pcm.length & ~1)))
      const samples = withFilledBand(resample(line, LINE_RATE_HZ, MODEL_RATE_HZ))
      const { text, perFrame } = decoder.decode(GRAMMAR_NAME, samples)
      // A closed grammar finds a phrase in anything. How much better any sounds at all would fit tells whether it was said.
      const behind = decoder.decode(SOUNDS_NAME, samples).perFrame - perFrame
      const confidence = text === '' ? 0 : Math.max(0, Math.min(1, 1 - behind / WORST_PER_FRAME))
      return reply({ kind: 'recognized', id, text, confidence })
    } catch (err) {
      return reply({
        kind: 'failed',
        id,
        code: 'SPEECH_FAILED',
        reason: err instanceof Error ? err.message : String(err)
      })
    }
  })
  process.on('disconnect', () => process.exit(0))
  reply({ kind: 'ready' })
} catch (err) {
  reply({ kind: 'missing', reason: err instanceof Error ? err.message : String(err) })
  process.disconnect?.()
}
