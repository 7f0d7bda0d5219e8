import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { onnxFile } from './onnx.ts'
import { TONE_WORDS } from './speech-servers/tone-words.ts'

export type ToneVoiceFault =
  /** The network does not say how many samples it makes in a second. */
  | 'rateless'
  /** The table of sounds does not fit, which shows with the first text. */
  | 'misshapen'

export type ToneVoiceOptions = Readonly<{
  languages: readonly string[]
  /** Words of the language instead of those of tones, in their order. */
  words?: readonly string[]
  /** More lines for `model.yaml`. */
  about?: string
  fault?: ToneVoiceFault
}>

/** As Piper's voices have it: the pipe must make 8 kHz of it. */
const RATE_HZ = 22_050
/** A tenth of a second: whole waves of every tone, so that one row after the other is one tone. */
const ROW = RATE_HZ / 10
const LOWEST_HZ = 500
const STEP_HZ = 200
const LEVEL = 0.3
/** The second speaker is the quieter one. */
const SPEAKERS = [1, 0.25]
const MARKS = ['.', '!', '?', ',']
/** Row 0 is the pause between words; marks are pauses, too. */
const TOKENS = [' ', ...MARKS, ...TONE_WORDS.map(word => word.toUpperCase())]

/**
 * A voice (VITS) that was written instead of trained: it says the language of tones. The library takes sentences and words
 * apart by lexicon and tokens, as it does for real voices; the network makes the sound, as long as the speed wants it, by
 * the speaker who is asked for. Each word is 200 ms, each pause 100 ms.
 */
export async function writeToneVoice(folder: string, options: ToneVoiceOptions): Promise<void> {
  const { languages, words = TONE_WORDS, about = '', fault } = options
  await mkdir(folder, { recursive: true })
  const lexicon = words.map((word, at) => {
    const token = TONE_WORDS[at]?.toUpperCase()
    return `${word} ${token} ${token}\n`
  })
  await Promise.all([
    writeFile(join(folder, 'model.onnx'), network(fault)),
    writeFile(join(folder, 'tokens.txt'), TOKENS.map((token, id) => `${token} ${id}\n`).join('')),
    writeFile(join(folder, 'lexicon.txt'), lexicon.join('')),
    writeFile(join(folder, 'model.yaml'), `languages: [${languages.join(', ')}]\nfamily: vits\n${about}`)
  ])
}

function network(fault: ToneVoiceFault | undefined): Buffer {
  const size = TOKENS.length
  const rows = fault === 'misshapen' ? 1 : size * SPEAKERS.length
  return onnxFile({
    metadata: {
      ...(fault !== 'rateless' && { sample_rate: `${RATE_HZ}` }),
      n_speakers: `${SPEAKERS.length}`,
      language: 'English',
      punctuation: MARKS.join(' '),
      comment: 'tones'
    },
    inputs: [
      { name: 'x', of: 'integers', dims: ['N', 'T'] },
      { name: 'x_length', of: 'integers', dims: ['N'] },
      { name: 'noise_scale', of: 'floats', dims: [1] },
      { name: 'length_scale', of: 'floats', dims: [1] },
      { name: 'noise_scale_w', of: 'floats', dims: [1] },
      { name: 'sid', of: 'integers', dims: [1] }
    ],
    outputs: [{ name: 'y', of: 'floats', dims: [1, 1, 'L'] }],
    constants: [
      { name: 'sounds', dims: [rows, ROW], floats: sounds().slice(0, rows * ROW) },
      { name: 'size', dims: [1], integers: [size] },
      { name: 'flat', dims: [1], integers: [-1] },
      { name: 'one_voice', dims: [3], integers: [1, 1, -1] },
      { name: 'none', dims: [], floats: Float32Array.of(0) },
      { name: 'one', dims: [], floats: Float32Array.of(1) },
      { name: 'scalar', dims: [0], integers: [] }
    ],
    nodes: [
      // Each token as often as the length wants it: row k of the sound is token ⌊k / length_scale⌋.
      { op: 'Reshape', inputs: ['x', 'flat'], outputs: ['tokens'] },
      { op: 'Cast', inputs: ['x_length'], outputs: ['count'], attributes: { to: 1 } },
      { op: 'Mul', inputs: ['count', 'length_scale'], outputs: ['long'] },
      { op: 'Reshape', inputs: ['long', 'scalar'], outputs: ['rows'] },
      { op: 'Range', inputs: ['none', 'rows', 'one'], outputs: ['row'] },
      { op: 'Div', inputs: ['row', 'length_scale'], outputs: ['place'] },
      { op: 'Floor', inputs: ['place'], outputs: ['whole'] },
      { op: 'Cast', inputs: ['whole'], outputs: ['at'], attributes: { to: 7 } },
      { op: 'Gather', inputs: ['tokens', 'at'], outputs: ['said'], attributes: { axis: 0 } },
      { op: 'Mul', inputs: ['sid', 'size'], outputs: ['speaker'] },
      { op: 'Add', inputs: ['said', 'speaker'], outputs: ['sound'] },
      { op: 'Gather', inputs: ['sounds', 'sound'], outputs: ['wave'], attributes: { axis: 0 } },
      { op: 'Reshape', inputs: ['wave', 'one_voice'], outputs: ['y'] }
    ]
  })
}

function sounds(): Float32Array {
  const table = new Float32Array(SPEAKERS.length * TOKENS.length * ROW)
  for (const [speaker, loudness] of SPEAKERS.entries())
    for (const [word] of TONE_WORDS.entries()) {
      const row = (speaker * TOKENS.length + TOKENS.length - TONE_WORDS.length + word) * ROW
      const turn = (2 * Math.PI * (LOWEST_HZ + STEP_HZ * word)) / RATE_HZ
      for (let at = 0; at < ROW; at += 1) table[row + at] = LEVEL * loudness * Math.sin(turn * at)
    }
  return table
}
