import t from 'tap'
import {
  decodeG711,
  encodeG711,
  G711_SILENCE,
  G711_TO_LINEAR,
  G711_TRANSCODE,
  LINEAR_TO_G711
} from '../../../media/audio/g711.ts'
import { goertzelPower, meanSquare, ToneDetector, toneShare } from '../../../media/audio/goertzel.ts'
import { resample, StreamResampler } from '../../../media/audio/resample.ts'
import { levelDbov, SpeechDetector } from '../../../media/audio/speech-energy.ts'
import { generateNoise, generateTone } from '../../../media/audio/tone.ts'
import { parseWav, toMono, WavError, writeWav } from '../../../media/audio/wav.ts'

t.test('G.711 matches the standard at known points and survives a round trip', async t => {
  t.equal(G711_TO_LINEAR.PCMU[0xff], 0)
  t.equal(G711_TO_LINEAR.PCMU[0x00], -32_124)
  t.equal(G711_TO_LINEAR.PCMU[0x80], 32_124)
  t.equal(G711_TO_LINEAR.PCMA[0xd5], 8)
  t.equal(G711_TO_LINEAR.PCMA[0x2a], -32_256)
  t.equal(LINEAR_TO_G711.PCMU[0], G711_SILENCE.PCMU)
  t.equal(LINEAR_TO_G711.PCMA[0], G711_SILENCE.PCMA)
  for (const codec of ['PCMU', 'PCMA'] as const) {
    for (let byte = 0; byte < 256; byte++) {
      const linear = G711_TO_LINEAR[codec][byte] as number
      const again = LINEAR_TO_G711[codec][linear & 0xffff] as number
      if (G711_TO_LINEAR[codec][again] !== linear) t.fail(`${codec} ${byte}`)
    }
    const tone = generateTone({ frequenciesHz: [440], durationMs: 100 })
    const bytes = new Uint8Array(tone.length)
    const back = new Int16Array(tone.length)
    encodeG711(codec, tone, bytes)
    decodeG711(codec, bytes, 0, bytes.length, back)
    const noise = meanSquare(Int16Array.from(tone, (value, index) => value - (back[index] as number)))
    t.ok(10 * Math.log10(meanSquare(tone) / noise) > 35, `${codec} keeps 35 dB between tone and noise`)
  }
  t.equal(G711_TRANSCODE.PCMU[G711_SILENCE.PCMU], G711_SILENCE.PCMA)
})

t.test('WAV files of every kind are read, and others are refused with a code', async t => {
  const tone = generateTone({ frequenciesHz: [440], durationMs: 100, sampleRateHz: 16_000 })
  const file = writeWav({ sampleRateHz: 16_000, channels: 1, samples: tone })
  t.same(parseWav(file), { sampleRateHz: 16_000, channels: 1, samples: tone })
  const stereo = parseWav(writeWav({ sampleRateHz: 8_000, channels: 2, samples: Int16Array.of(100, 300, -5, -7) }))
  t.same([...toMono(stereo)], [200, -6])
  const variant = (tag: number, bits: number, data: Buffer) => {
    const head = Buffer.from(file.subarray(0, 44))
    head.writeUInt16LE(tag, 20)
    head.writeUInt16LE(bits, 34)
    head.writeUInt32LE(data.length, 40)
    return Buffer.concat([head, data])
  }
  t.same([...parseWav(variant(1, 8, Buffer.from([128, 255, 0]))).samples], [0, 127 * 256, -32_768])
  t.same([...parseWav(variant(1, 24, Buffer.from([9, 0x34, 0x12]))).samples], [0x1234])
  t.same([...parseWav(variant(7, 8, Buffer.from([0xff, 0x00]))).samples], [0, -32_124])
  const float = Buffer.alloc(8)
  float.writeFloatLE(0.5, 0)
  float.writeFloatLE(Number.NaN, 4)
  t.same([...parseWav(variant(3, 32, float)).samples], [16_384, 0])
  const code = (bytes: Buffer) => {
    try {
      parseWav(bytes)
      return 'read'
    } catch (err) {
      return err instanceof WavError ? err.code : String(err)
    }
  }
  t.equal(code(Buffer.from('ID3 this is an MP3')), 'WAV_NOT_RIFF')
  t.equal(code(file.subarray(0, 20)), 'WAV_FORMAT_INVALID')
  t.equal(code(file.subarray(0, 36)), 'WAV_NO_DATA')
  t.equal(code(variant(85, 16, Buffer.alloc(4))), 'WAV_FORMAT_UNSUPPORTED')
  for (let size = 0; size < 60; size++) t.doesNotThrow(() => code(file.subarray(0, size)))
})

t.test('resampling keeps the tone, its level and its length', async t => {
  for (const [from, to] of [
    [8_000, 16_000],
    [16_000, 8_000],
    [22_050, 8_000],
    [44_100, 8_000],
    [48_000, 8_000],
    [11_025, 8_000]
  ] as const) {
    const tone = generateTone({ frequenciesHz: [1_000], durationMs: 500, sampleRateHz: from })
    const out = resample(tone, from, to)
    t.equal(out.length, Math.round((tone.length * to) / from), `${from} to ${to}`)
    const middle = out.subarray(Math.floor(out.length / 4), Math.floor((out.length * 3) / 4))
    t.ok(toneShare(middle, 1_000, to) > 0.99)
    t.ok(Math.abs(levelDbov(middle) - levelDbov(tone)) < 0.3)
  }
  const high = generateTone({ frequenciesHz: [6_000], durationMs: 200, sampleRateHz: 16_000 })
  t.ok(levelDbov(resample(high, 16_000, 8_000)) < -60, 'what does not fit is taken away, not folded back')
  const whole = generateTone({ frequenciesHz: [700], durationMs: 200 })
  const parts = new StreamResampler(8_000, 16_000)
  const joined: number[] = []
  for (let at = 0; at < whole.length; at += 160) joined.push(...parts.process(whole.subarray(at, at + 160)))
  t.same(joined, [...new StreamResampler(8_000, 16_000).process(whole)], 'blocks give the same as the whole')
})

t.test('tones and speech are told from silence and noise', async t => {
  const tone = generateTone({ frequenciesHz: [440, 480], durationMs: 400 })
  t.ok(Math.abs(goertzelPower(generateTone({ frequenciesHz: [500], durationMs: 200 }), 500) / 8_000 ** 2 - 0.5) < 0.01)
  const detector = new ToneDetector([440, 480])
  t.equal(detector.push(tone), true)
  t.ok(detector.heardMs >= 360)
  t.equal(new ToneDetector([440]).push(generateNoise(3_200, 8_000)), false)
  t.equal(toneShare(new Int16Array(800), 440), 0)
  const speech = new SpeechDetector()
  const frame = (pcm: Int16Array, times: number) =>
    Array.from({ length: times }, () => speech.push(pcm)).filter(change => change !== undefined)
  t.same(frame(new Int16Array(160), 20), [])
  t.same(frame(generateTone({ frequenciesHz: [300], durationMs: 20 }), 20), ['started'])
  t.same(frame(new Int16Array(160), 30), ['stopped'])
  t.equal(levelDbov(new Int16Array(160)), -96)
})
