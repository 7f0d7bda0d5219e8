import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onnxFile, type OnnxNode, type OnnxTensor } from './onnx.ts'
import { BINS, filters, following, SILENCE, SIZE, STANDS_OUT, TOKENS } from './tone-model.ts'

/** `misshapen`: its matrix does not fit what it is multiplied with, which shows with the first recording. */
export type ToneRecordingFault = 'misshapen'

/** The network looks at every fourth frame of 10 ms, as real ones do. */
const FRAMES = 4
const HEARD = 10

/**
 * A network for recordings (zipformer with CTC) that was written instead of trained: it hears the language of tones of
 * {@link TONE_MODEL_WORDS} in the features that sherpa-onnx takes from any sound. Where a tone begins it writes a word's
 * first piece, where it goes on the second; the library makes words and times of them. Writes the files of the model into
 * a folder, which it makes.
 */
export async function writeToneRecordingModel(
  folder: string,
  languages: readonly string[],
  fault?: ToneRecordingFault
): Promise<void> {
  await mkdir(folder, { recursive: true })
  await Promise.all([
    writeFile(join(folder, 'model.onnx'), ctc(fault)),
    writeFile(join(folder, 'tokens.txt'), TOKENS.map((token, id) => `${token} ${id}\n`).join('')),
    writeFile(join(folder, 'model.yaml'), `languages: [${languages.join(', ')}]\nfamily: zipformer-ctc\n`)
  ])
}

function ctc(fault: ToneRecordingFault | undefined): Buffer {
  const silence = new Float32Array(SIZE)
  silence[0] = SILENCE
  const { constants, nodes } = toneFrames(fault)
  return onnxFile({
    metadata: { model_type: 'zipformer2_ctc' },
    inputs: [
      { name: 'x', of: 'floats', dims: ['N', 'T', 'bins'] },
      { name: 'x_lens', of: 'integers', dims: ['N'] }
    ],
    outputs: [
      { name: 'log_probs', of: 'floats', dims: ['N', 'F', SIZE] },
      { name: 'log_probs_len', of: 'integers', dims: ['N'] }
    ],
    constants: [
      ...constants,
      { name: 'every', dims: [1], integers: [FRAMES] },
      { name: 'silence', dims: [SIZE], floats: silence },
      { name: 'following', dims: [SIZE, SIZE], floats: following(1) },
      { name: 'weight', dims: [1], floats: Float32Array.of(HEARD) }
    ],
    nodes: [
      { op: 'Slice', inputs: ['x', 'first', 'end', 'time', 'every'], outputs: ['frames'] },
      ...nodes,
      { op: 'Mul', inputs: ['heard', 'before'], outputs: ['goes_on'] },
      { op: 'MatMul', inputs: ['goes_on', 'following'], outputs: ['second'] },
      { op: 'Add', inputs: ['begins', 'second'], outputs: ['pieces'] },
      { op: 'Mul', inputs: ['pieces', 'weight'], outputs: ['weighed'] },
      { op: 'Add', inputs: ['weighed', 'silence'], outputs: ['logits'] },
      { op: 'LogSoftmax', inputs: ['logits'], outputs: ['log_probs'], attributes: { axis: 2 } },
      { op: 'Div', inputs: ['x_lens', 'every'], outputs: ['log_probs_len'] }
    ]
  })
}

/** From `frames`: which word's tone is `heard` in each, which was the frame `before`, and where one `begins`. */
function toneFrames(
  fault: ToneRecordingFault | undefined
): Readonly<{ constants: readonly OnnxTensor[]; nodes: readonly OnnxNode[] }> {
  const bins = fault === 'misshapen' ? BINS - 1 : BINS
  return {
    constants: [
      { name: 'filters', dims: [bins, SIZE], floats: filters().slice(0, bins * SIZE) },
      { name: 'stands_out', dims: [1], floats: Float32Array.of(STANDS_OUT) },
      { name: 'first', dims: [1], integers: [0] },
      { name: 'last', dims: [1], integers: [-1] },
      { name: 'end', dims: [1], integers: [1_000_000] },
      { name: 'time', dims: [1], integers: [1] },
      { name: 'one_earlier', dims: [6], integers: [0, 1, 0, 0, 0, 0] }
    ],
    nodes: [
      { op: 'MatMul', inputs: ['frames', 'filters'], outputs: ['score'] },
      { op: 'ReduceMax', inputs: ['score'], outputs: ['best'], attributes: { axes: [2], keepdims: 1 } },
      { op: 'Equal', inputs: ['score', 'best'], outputs: ['is_best'] },
      { op: 'Greater', inputs: ['score', 'stands_out'], outputs: ['is_tone'] },
      { op: 'And', inputs: ['is_best', 'is_tone'], outputs: ['is_heard'] },
      { op: 'Cast', inputs: ['is_heard'], outputs: ['heard'], attributes: { to: 1 } },
      { op: 'Pad', inputs: ['heard', 'one_earlier'], outputs: ['padded'] },
      { op: 'Slice', inputs: ['padded', 'first', 'last', 'time'], outputs: ['before'] },
      { op: 'Sub', inputs: ['heard', 'before'], outputs: ['change'] },
      { op: 'Relu', inputs: ['change'], outputs: ['begins'] }
    ]
  }
}
