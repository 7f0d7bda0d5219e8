import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onnxFile } from './onnx.ts'
import { TONE_WORDS } from './speech-servers/tone-words.ts'

/** The words of tones in Chinese, in their order. */
const CHINESE = ['余额', '订单', '客服', '地址', '发票', '送货', '取消', '更改', '明天', '号码', '请', '谢谢']
const MARKS = ['。', '，', '！', '？', '.', ',', '!', '?']
const RATE_HZ = 22_050
/** A tenth of a second for each of what stands between two pauses. */
const ROW = RATE_HZ / 10
const LOWEST_HZ = 500
const STEP_HZ = 200
const LEVEL = 0.3
const TOKENS = ['_', ...MARKS, ...TONE_WORDS.map(word => word.toUpperCase())]
const SIZE = TOKENS.length

/**
 * A voice of Matcha that was written instead of trained: it says the language of tones in Chinese, whose sentences the
 * library takes apart itself. One network makes the picture of the sound (here: which token), in `folder`; a vocoder that
 * all such voices share makes sound of it, in the folder above.
 */
export async function writeToneMatcha(folder: string): Promise<void> {
  await mkdir(folder, { recursive: true })
  const lexicon = CHINESE.map((word, at) => `${word} ${TONE_WORDS[at]?.toUpperCase()}\n`)
  await Promise.all([
    writeFile(join(folder, 'model-steps-3.onnx'), acoustics()),
    writeFile(join(folder, 'tokens.txt'), TOKENS.map((token, id) => `${token} ${id}\n`).join('')),
    writeFile(join(folder, 'lexicon.txt'), lexicon.join('')),
    writeFile(join(folder, '..', 'hifigan_v2.onnx'), vocoder())
  ])
}

function acoustics(): Buffer {
  const each = new Float32Array(SIZE * SIZE)
  for (let token = 0; token < SIZE; token += 1) each[token * SIZE + token] = 1
  return onnxFile({
    metadata: {
      model_type: 'matcha-tts',
      language: 'Chinese',
      voice: 'zh',
      has_espeak: '0',
      jieba: '1',
      n_speakers: '1',
      sample_rate: `${RATE_HZ}`,
      version: '1',
      pad_id: '0',
      use_eos_bos: '0',
      num_ode_steps: '3'
    },
    inputs: [
      { name: 'x', of: 'integers', dims: ['N', 'T'] },
      { name: 'x_length', of: 'integers', dims: ['N'] },
      { name: 'noise_scale', of: 'floats', dims: [1] },
      { name: 'length_scale', of: 'floats', dims: [1] }
    ],
    outputs: [{ name: 'mel', of: 'floats', dims: ['N', SIZE, 'L'] }],
    constants: [{ name: 'each', dims: [SIZE, SIZE], floats: each }],
    nodes: [
      { op: 'Gather', inputs: ['each', 'x'], outputs: ['rows'], attributes: { axis: 0 } },
      { op: 'Transpose', inputs: ['rows'], outputs: ['mel'], attributes: { perm: [0, 2, 1] } }
    ]
  })
}

function vocoder(): Buffer {
  const sounds = new Float32Array(SIZE * ROW)
  for (const [word] of TONE_WORDS.entries()) {
    const row = (SIZE - TONE_WORDS.length + word) * ROW
    const turn = (2 * Math.PI * (LOWEST_HZ + STEP_HZ * word)) / RATE_HZ
    for (let at = 0; at < ROW; at += 1) sounds[row + at] = LEVEL * Math.sin(turn * at)
  }
  return onnxFile({
    metadata: { model_type: 'hifigan', sample_rate: `${RATE_HZ}` },
    inputs: [{ name: 'mel', of: 'floats', dims: ['N', SIZE, 'L'] }],
    outputs: [{ name: 'audio', of: 'floats', dims: ['N', 1, 'S'] }],
    constants: [
      { name: 'sounds', dims: [SIZE, ROW], floats: sounds },
      { name: 'one_voice', dims: [3], integers: [1, 1, -1] }
    ],
    nodes: [
      { op: 'Transpose', inputs: ['mel'], outputs: ['frames'], attributes: { perm: [0, 2, 1] } },
      { op: 'MatMul', inputs: ['frames', 'sounds'], outputs: ['sound'] },
      { op: 'Reshape', inputs: ['sound', 'one_voice'], outputs: ['audio'] }
    ]
  })
}
