import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onnxFile } from './onnx.ts'

/**
 * A streaming transducer that was written instead of trained: it hears the language of tones in the features that
 * sherpa-onnx takes from any sound. Encoder, decoder, joiner and tokens are files as sherpa-onnx has them, and each does
 * its part. The encoder finds where a tone begins, also over the border of two chunks, by its state; the decoder knows
 * which piece follows which; the joiner weighs both against silence.
 */
export const TONE_MODEL_WORDS = ['balance', 'order', 'agent', 'address', 'invoice', 'delivery'] as const

export type ToneModelFault =
  /** The encoder does not say what kind of model it is. */
  | 'nameless'
  /** The encoder’s matrix does not fit what it is multiplied with, which shows with the first sound. */
  | 'misshapen'

const LOWEST_HZ = 500
const STEP_HZ = 200
/** Words are written in two pieces, as models of real languages write them; `▁` begins a word. */
const PIECES = TONE_MODEL_WORDS.flatMap(word => [`▁${word.slice(0, 2)}`, word.slice(2)])
export const TOKENS = ['<blk>', ...PIECES]
export const SIZE = TOKENS.length
export const BINS = 80
/** Filters above 4 kHz get nothing from a telephone. */
const HEARD_BINS = 60
/** Frames of 10 ms that are heard at once. */
const CHUNK_FRAMES = 4
/** How far a tone stands out of the mean of all filters, in the natural logarithm of power. */
export const STANDS_OUT = 7
export const SILENCE = 5
const BEGINS = 10
const FOLLOWS = 20

/** Writes the files of the model into a folder, which it makes. */
export async function writeToneModel(folder: string, languages: readonly string[], fault?: ToneModelFault) {
  await mkdir(folder, { recursive: true })
  const tokens = TOKENS.map((token, id) => `${token} ${id}\n`).join('')
  await Promise.all([
    writeFile(join(folder, 'encoder.onnx'), encoder(fault)),
    writeFile(join(folder, 'decoder.onnx'), decoder()),
    writeFile(join(folder, 'joiner.onnx'), joiner()),
    writeFile(join(folder, 'tokens.txt'), tokens),
    writeFile(join(folder, 'model.yaml'), `languages: [${languages.join(', ')}]\n`)
  ])
}

function encoder(fault: ToneModelFault | undefined): Buffer {
  const bins = fault === 'misshapen' ? BINS - 1 : BINS
  const metadata = {
    T: `${CHUNK_FRAMES}`,
    decode_chunk_len: `${CHUNK_FRAMES}`,
    num_encoder_layers: '1',
    rnn_hidden_size: '1',
    d_model: `${SIZE}`
  }
  const floats = 'floats' as const
  return onnxFile({
    metadata: fault === 'nameless' ? metadata : { model_type: 'lstm', ...metadata },
    inputs: [
      { name: 'x', of: floats, dims: ['N', 'T', 'bins'] },
      { name: 'before', of: floats, dims: [1, 'N', SIZE] },
      { name: 'unused', of: floats, dims: [1, 'N', 1] }
    ],
    outputs: [
      { name: 'encoder_out', of: floats, dims: ['N', 1, SIZE] },
      { name: 'now', of: floats, dims: [1, 'N', SIZE] },
      { name: 'still_unused', of: floats, dims: [1, 'N', 1] }
    ],
    constants: [
      { name: 'filters', dims: [bins, SIZE], floats: filters().slice(0, bins * SIZE) },
      { name: 'stands_out', dims: [1], floats: Float32Array.of(STANDS_OUT) },
      { name: 'begins', dims: [1], floats: Float32Array.of(BEGINS) }
    ],
    nodes: [
      { op: 'ReduceMean', inputs: ['x'], outputs: ['mean'], attributes: { axes: [1], keepdims: 1 } },
      { op: 'MatMul', inputs: ['mean', 'filters'], outputs: ['score'] },
      { op: 'ReduceMax', inputs: ['score'], outputs: ['best'], attributes: { axes: [2], keepdims: 1 } },
      { op: 'Equal', inputs: ['score', 'best'], outputs: ['is_best'] },
      { op: 'Greater', inputs: ['score', 'stands_out'], outputs: ['is_tone'] },
      { op: 'And', inputs: ['is_best', 'is_tone'], outputs: ['is_heard'] },
      { op: 'Cast', inputs: ['is_heard'], outputs: ['heard'], attributes: { to: 1 } },
      { op: 'Transpose', inputs: ['heard'], outputs: ['now'], attributes: { perm: [1, 0, 2] } },
      { op: 'Transpose', inputs: ['before'], outputs: ['heard_before'], attributes: { perm: [1, 0, 2] } },
      { op: 'Sub', inputs: ['heard', 'heard_before'], outputs: ['change'] },
      { op: 'Relu', inputs: ['change'], outputs: ['beginning'] },
      { op: 'Mul', inputs: ['beginning', 'begins'], outputs: ['encoder_out'] },
      { op: 'Identity', inputs: ['unused'], outputs: ['still_unused'] }
    ]
  })
}

/** By the last of two tokens: after a word’s first piece comes its second, whatever is heard. */
function decoder(): Buffer {
  return onnxFile({
    metadata: { vocab_size: `${SIZE}`, context_size: '2' },
    inputs: [{ name: 'y', of: 'integers', dims: ['N', 2] }],
    outputs: [{ name: 'decoder_out', of: 'floats', dims: ['N', SIZE] }],
    constants: [
      { name: 'following', dims: [SIZE, SIZE], floats: following(FOLLOWS) },
      { name: 'last', dims: [], integers: [1] }
    ],
    nodes: [
      { op: 'Gather', inputs: ['y', 'last'], outputs: ['token'], attributes: { axis: 1 } },
      { op: 'Gather', inputs: ['following', 'token'], outputs: ['decoder_out'], attributes: { axis: 0 } }
    ]
  })
}

function joiner(): Buffer {
  const silence = new Float32Array(SIZE)
  silence[0] = SILENCE
  return onnxFile({
    inputs: [
      { name: 'encoder_out', of: 'floats', dims: ['N', SIZE] },
      { name: 'decoder_out', of: 'floats', dims: ['N', SIZE] }
    ],
    outputs: [{ name: 'logit', of: 'floats', dims: ['N', SIZE] }],
    constants: [{ name: 'silence', dims: [SIZE], floats: silence }],
    nodes: [
      { op: 'Add', inputs: ['encoder_out', 'decoder_out'], outputs: ['both'] },
      { op: 'Add', inputs: ['both', 'silence'], outputs: ['logit'] }
    ]
  })
}

/** From the first piece of each word to its second, so strongly. */
export function following(weight: number): Float32Array {
  const matrix = new Float32Array(SIZE * SIZE)
  for (const [at] of TONE_MODEL_WORDS.entries()) matrix[firstPiece(at) * SIZE + firstPiece(at) + 1] = weight
  return matrix
}

/** One column for each token: how far the filters around a word’s tone stand out of the mean; nothing for other tokens. */
export function filters(): Float32Array {
  const matrix = new Float32Array(BINS * SIZE)
  for (const [at] of TONE_MODEL_WORDS.entries()) {
    const column = firstPiece(at)
    for (let bin = 0; bin < HEARD_BINS; bin += 1) matrix[bin * SIZE + column] = -1 / HEARD_BINS
    const place = binOf(LOWEST_HZ + STEP_HZ * at)
    const below = Math.floor(place)
    for (const [bin, share] of [
      [below, below + 1 - place],
      [below + 1, place - below]
    ] as const)
      matrix[bin * SIZE + column] = (matrix[bin * SIZE + column] ?? 0) + share
  }
  return matrix
}

function firstPiece(word: number): number {
  return 1 + 2 * word
}

/** The filters lie at equal distances on the mel scale, from 20 Hz to 400 Hz below half of the 16 kHz that models hear. */
function binOf(hz: number): number {
  const mel = (one: number) => 1_127 * Math.log(1 + one / 700)
  const [low, high] = [mel(20), mel(7_600)]
  return ((mel(hz) - low) / (high - low)) * (BINS + 1) - 1
}
