import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onnxFile } from './onnx.ts'
import { TONE_WORDS } from './speech-servers/tone-words.ts'

/** What the network writes for each word of tones, in the two languages that it knows. */
export const WHISPER_WORDS = {
  en: TONE_WORDS.slice(0, 6),
  de: ['Saldo', 'Bestellung', 'Mitarbeiter', 'Adresse', 'Rechnung', 'Lieferung']
} as const

const BINS = 80
const WORDS = WHISPER_WORDS.en.length
/** More words than are said in half a minute of a test. */
const PLACES = 64
/** The network looks at every second frame of 10 ms, as Whisper does. */
const FRAMES = 2
const LOWEST_HZ = 500
const STEP_HZ = 200
/** Features are a quarter of the common logarithm of power, cut two below the loudest. */
const STANDS_OUT = 0.5
const CONTEXT = 128
/** Tokens: the words of both languages, then the signs. */
const EOT = 2 * WORDS
const SIGNS = {
  sot: EOT + 1,
  en: EOT + 2,
  de: EOT + 3,
  translate: EOT + 4,
  transcribe: EOT + 5,
  noSpeech: EOT + 6,
  noTimes: EOT + 7
}
const VOCABULARY = EOT + 8
/** Start, language, task, no times. */
const PROMPT = 4

/**
 * Whisper, written instead of trained: it hears the language of tones, says which word comes at which place, and writes the
 * words in the language that it is told. With `tellsTimes` it also says to what it listened when it wrote each of them, as
 * models do that were exported with their attention; the library makes times of that. Writes the files of the model into a
 * folder, which it makes.
 */
export async function writeToneWhisper(folder: string, tellsTimes = false): Promise<void> {
  await mkdir(folder, { recursive: true })
  const words = [...WHISPER_WORDS.en, ...WHISPER_WORDS.de]
  const tokens = words.map((word, id) => `${Buffer.from(` ${word}`).toString('base64')} ${id}\n`)
  await Promise.all([
    writeFile(join(folder, 'tones-encoder.onnx'), encoder()),
    writeFile(join(folder, 'tones-decoder.onnx'), decoder(tellsTimes)),
    writeFile(join(folder, 'tones-tokens.txt'), tokens.join('')),
    writeFile(join(folder, 'model.yaml'), 'languages: [en, de]\nfamily: whisper\n')
  ])
}

function encoder(): Buffer {
  return onnxFile({
    metadata: {
      model_type: 'whisper-tones',
      n_mels: `${BINS}`,
      n_text_layer: '1',
      n_text_ctx: `${CONTEXT}`,
      n_text_state: `${WORDS}`,
      n_vocab: `${VOCABULARY}`,
      sot: `${SIGNS.sot}`,
      eot: `${EOT}`,
      blank_id: '0',
      translate: `${SIGNS.translate}`,
      transcribe: `${SIGNS.transcribe}`,
      is_multilingual: '1',
      no_timestamps: `${SIGNS.noTimes}`,
      no_speech: `${SIGNS.noSpeech}`,
      sot_sequence: `${SIGNS.sot},${SIGNS.en},${SIGNS.transcribe}`,
      all_language_tokens: `${SIGNS.en},${SIGNS.de}`,
      all_language_codes: 'en,de',
      n_alignment_heads: '1'
    },
    inputs: [{ name: 'mel', of: 'floats', dims: ['N', BINS, 'T'] }],
    outputs: [
      { name: 'n_layer_cross_k', of: 'floats', dims: [1, 'N', PLACES, WORDS] },
      { name: 'n_layer_cross_v', of: 'floats', dims: [1, 'N', PLACES, 'F'] }
    ],
    constants: [
      { name: 'first', dims: [1], integers: [0] },
      { name: 'last', dims: [1], integers: [-1] },
      { name: 'end', dims: [1], integers: [1_000_000] },
      { name: 'time', dims: [1], integers: [1] },
      { name: 'word', dims: [1], integers: [2] },
      { name: 'every', dims: [1], integers: [FRAMES] },
      { name: 'one_earlier', dims: [6], integers: [0, 1, 0, 0, 0, 0] },
      { name: 'layer', dims: [1], integers: [0] },
      { name: 'filters', dims: [BINS, WORDS], floats: filters() },
      { name: 'stands_out', dims: [1], floats: Float32Array.of(STANDS_OUT) },
      { name: 'places', dims: [1, 1, PLACES], floats: Float32Array.from({ length: PLACES }, (_, at) => at + 1) },
      { name: 'along', dims: [], integers: [1] }
    ],
    nodes: [
      { op: 'Transpose', inputs: ['mel'], outputs: ['x'], attributes: { perm: [0, 2, 1] } },
      { op: 'Slice', inputs: ['x', 'first', 'end', 'time', 'every'], outputs: ['frames'] },
      { op: 'MatMul', inputs: ['frames', 'filters'], outputs: ['score'] },
      { op: 'ReduceMax', inputs: ['score'], outputs: ['best'], attributes: { axes: [2], keepdims: 1 } },
      { op: 'Equal', inputs: ['score', 'best'], outputs: ['is_best'] },
      { op: 'Greater', inputs: ['score', 'stands_out'], outputs: ['is_tone'] },
      { op: 'And', inputs: ['is_best', 'is_tone'], outputs: ['is_heard'] },
      { op: 'Cast', inputs: ['is_heard'], outputs: ['heard'], attributes: { to: 1 } },
      { op: 'Pad', inputs: ['heard', 'one_earlier'], outputs: ['padded'] },
      { op: 'Slice', inputs: ['padded', 'first', 'last', 'time'], outputs: ['before'] },
      { op: 'Sub', inputs: ['heard', 'before'], outputs: ['change'] },
      { op: 'Relu', inputs: ['change'], outputs: ['begins'] },
      // The how manieth word begins: its place in the sentence.
      { op: 'ReduceSum', inputs: ['begins', 'word'], outputs: ['any_begins'], attributes: { keepdims: 1 } },
      { op: 'CumSum', inputs: ['any_begins', 'along'], outputs: ['count'] },
      { op: 'Equal', inputs: ['count', 'places'], outputs: ['is_there'] },
      { op: 'Cast', inputs: ['is_there'], outputs: ['there'], attributes: { to: 1 } },
      { op: 'Transpose', inputs: ['there'], outputs: ['by_place'], attributes: { perm: [0, 2, 1] } },
      { op: 'MatMul', inputs: ['by_place', 'begins'], outputs: ['sentence'] },
      { op: 'Unsqueeze', inputs: ['sentence', 'layer'], outputs: ['n_layer_cross_k'] },
      // Where each of them sounds.
      { op: 'ReduceSum', inputs: ['heard', 'word'], outputs: ['any_heard'], attributes: { keepdims: 1 } },
      { op: 'Mul', inputs: ['there', 'any_heard'], outputs: ['sounds'] },
      { op: 'Transpose', inputs: ['sounds'], outputs: ['spans'], attributes: { perm: [0, 2, 1] } },
      { op: 'Unsqueeze', inputs: ['spans', 'layer'], outputs: ['n_layer_cross_v'] }
    ]
  })
}

/** The language that it was told is kept where Whisper keeps what it wrote. */
function decoder(tellsTimes: boolean): Buffer {
  const spelt = (language: number) => {
    const matrix = new Float32Array(WORDS * VOCABULARY)
    for (let word = 0; word < WORDS; word += 1) matrix[word * VOCABULARY + language * WORDS + word] = 2
    return matrix
  }
  const ends = new Float32Array(VOCABULARY)
  ends[EOT] = 1
  const cache = { of: 'floats' as const, dims: [1, 'N', CONTEXT, WORDS] }
  return onnxFile({
    inputs: [
      { name: 'tokens', of: 'integers', dims: ['N', 'n'] },
      { name: 'in_n_layer_self_k_cache', ...cache },
      { name: 'in_n_layer_self_v_cache', ...cache },
      { name: 'n_layer_cross_k', of: 'floats', dims: [1, 'N', PLACES, WORDS] },
      { name: 'n_layer_cross_v', of: 'floats', dims: [1, 'N', PLACES, 'F'] },
      { name: 'offset', of: 'integers', dims: [1] }
    ],
    outputs: [
      { name: 'logits', of: 'floats', dims: ['N', 'n', VOCABULARY] },
      { name: 'out_n_layer_self_k_cache', ...cache },
      { name: 'out_n_layer_self_v_cache', ...cache },
      ...(tellsTimes
        ? [{ name: 'cross_attention_weights', of: 'floats' as const, dims: ['N', 1, 'n', 'F'] as const }]
        : [])
    ],
    constants: [
      { name: 'german', dims: [1, 1], integers: [SIGNS.de] },
      { name: 'prompt', dims: [1], integers: [PROMPT] },
      { name: 'length', dims: [], integers: [1] },
      { name: 'flat', dims: [2], integers: [PLACES, WORDS] },
      { name: 'all', dims: [1], integers: [-1] },
      { name: 'by_place', dims: [2], integers: [PLACES, -1] },
      { name: 'head', dims: [1], integers: [1] },
      { name: 'first', dims: [1], integers: [0] },
      { name: 'second', dims: [1], integers: [1] },
      { name: 'none', dims: [], floats: Float32Array.of(0) },
      { name: 'english_words', dims: [WORDS, VOCABULARY], floats: spelt(0) },
      { name: 'german_words', dims: [WORDS, VOCABULARY], floats: spelt(1) },
      { name: 'ends', dims: [VOCABULARY], floats: ends }
    ],
    nodes: [
      { op: 'Equal', inputs: ['tokens', 'german'], outputs: ['is_german'] },
      { op: 'Cast', inputs: ['is_german'], outputs: ['german_now'], attributes: { to: 1 } },
      { op: 'ReduceMax', inputs: ['german_now'], outputs: ['told'], attributes: { keepdims: 0 } },
      { op: 'Add', inputs: ['in_n_layer_self_k_cache', 'told'], outputs: ['out_n_layer_self_k_cache'] },
      { op: 'Identity', inputs: ['in_n_layer_self_v_cache'], outputs: ['out_n_layer_self_v_cache'] },
      {
        op: 'ReduceMax',
        inputs: ['out_n_layer_self_k_cache'],
        outputs: ['german_so_far'],
        attributes: { keepdims: 0 }
      },
      // Which word of the sentence is to be written now.
      { op: 'Shape', inputs: ['tokens'], outputs: ['shape'] },
      { op: 'Gather', inputs: ['shape', 'second'], outputs: ['count'], attributes: { axis: 0 } },
      { op: 'Add', inputs: ['offset', 'count'], outputs: ['written'] },
      { op: 'Sub', inputs: ['written', 'prompt'], outputs: ['place'] },
      { op: 'Reshape', inputs: ['n_layer_cross_k', 'flat'], outputs: ['sentence'] },
      { op: 'Gather', inputs: ['sentence', 'place'], outputs: ['word'], attributes: { axis: 0 } },
      { op: 'MatMul', inputs: ['word', 'english_words'], outputs: ['english'] },
      { op: 'MatMul', inputs: ['word', 'german_words'], outputs: ['german_word'] },
      { op: 'Sub', inputs: ['german_word', 'english'], outputs: ['difference'] },
      { op: 'Mul', inputs: ['difference', 'german_so_far'], outputs: ['changed'] },
      { op: 'Add', inputs: ['english', 'changed'], outputs: ['spelt'] },
      { op: 'Add', inputs: ['spelt', 'ends'], outputs: ['row'] },
      // The same for every token that was given; only the last counts.
      { op: 'Cast', inputs: ['tokens'], outputs: ['given'], attributes: { to: 1 } },
      { op: 'Mul', inputs: ['given', 'none'], outputs: ['nothing'] },
      { op: 'Unsqueeze', inputs: ['nothing', 'all'], outputs: ['rows'] },
      { op: 'Add', inputs: ['rows', 'row'], outputs: ['logits'] },
      ...(tellsTimes
        ? [
            { op: 'Reshape', inputs: ['n_layer_cross_v', 'by_place'], outputs: ['spans'] },
            { op: 'Gather', inputs: ['spans', 'place'], outputs: ['span'], attributes: { axis: 0 } },
            { op: 'Add', inputs: ['rows', 'span'], outputs: ['attention'] },
            { op: 'Unsqueeze', inputs: ['attention', 'head'], outputs: ['cross_attention_weights'] }
          ]
        : [])
    ]
  })
}

/** How far the filters around a word's tone stand out of the mean of those that a telephone reaches. */
function filters(): Float32Array {
  const heard = Math.floor(binOf(3_400))
  const matrix = new Float32Array(BINS * WORDS)
  for (let word = 0; word < WORDS; word += 1) {
    for (let bin = 0; bin < heard; bin += 1) matrix[bin * WORDS + word] = -1 / heard
    const place = binOf(LOWEST_HZ + STEP_HZ * word)
    const below = Math.floor(place)
    for (const [bin, share] of [
      [below, below + 1 - place],
      [below + 1, place - below]
    ] as const)
      matrix[bin * WORDS + word] = (matrix[bin * WORDS + word] ?? 0) + share
  }
  return matrix
}

/** Whisper's filters lie at equal distances on Slaney's mel scale from 0 to 8 kHz: even up to 1 kHz, logarithmic above. */
function binOf(hz: number): number {
  const mel = (one: number) => (one < 1_000 ? (one * 3) / 200 : 15 + (27 * Math.log(one / 1_000)) / Math.log(6.4))
  return (mel(hz) / mel(8_000)) * (BINS + 1) - 1
}
