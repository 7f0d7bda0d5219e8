/** Encodings that lists of contacts come in, by their names in the WHATWG Encoding Standard. */
export const ENCODINGS = ['utf-8', 'utf-16le', 'utf-16be', 'windows-1252', 'gb18030', 'shift_jis'] as const
export type Encoding = (typeof ENCODINGS)[number]

const SAMPLE_BYTES = 256 * 1024

/** What the first bytes of a file say about its encoding; a byte order mark decides, then what can be read at all. */
export function detectEncoding(start: Uint8Array): Encoding {
  if (start[0] === 0xef && start[1] === 0xbb && start[2] === 0xbf) return 'utf-8'
  if (start[0] === 0xff && start[1] === 0xfe) return 'utf-16le'
  if (start[0] === 0xfe && start[1] === 0xff) return 'utf-16be'
  const sample = start.subarray(0, SAMPLE_BYTES)
  const zeros = countZeros(sample)
  // Latin letters in UTF-16 have a zero beside each; no other encoding has zeros in text.
  if (zeros.odd > sample.length / 8) return 'utf-16le'
  if (zeros.even > sample.length / 8) return 'utf-16be'
  if (isReadable(sample, 'utf-8')) return 'utf-8'
  const candidates = (['shift_jis', 'gb18030'] as const).filter(one => isReadable(sample, one))
  const best = candidates
    .map(encoding => ({ encoding, score: likeness(sample, encoding) }))
    .toSorted((one, other) => other.score - one.score)[0]
  // Accented letters between ASCII read as rare Chinese characters; what looks like real text is common characters.
  return best !== undefined && best.score > 0.6 ? best.encoding : 'windows-1252'
}

/** Text from bytes in one pass. A byte that is not of the encoding becomes U+FFFD, which the reader of lines reports. */
export async function* decodeText(
  bytes: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  encoding: Encoding
): AsyncGenerator<string> {
  const decoder = new TextDecoder(encoding)
  for await (const chunk of bytes) {
    const text = decoder.decode(chunk, { stream: true })
    if (text !== '') yield text
  }
  const rest = decoder.decode()
  if (rest !== '') yield rest
}

function countZeros(bytes: Uint8Array): Readonly<{ even: number; odd: number }> {
  let even = 0
  let odd = 0
  for (let index = 0; index < bytes.length; index += 1)
    if (bytes[index] === 0) {
      if (index % 2 === 0) even += 1
      else odd += 1
    }
  return { even, odd }
}

function isReadable(sample: Uint8Array, encoding: Encoding): boolean {
  // The sample may end within a character.
  for (let cut = 0; cut < 4 && cut < sample.length; cut += 1)
    try {
      new TextDecoder(encoding, { fatal: true }).decode(sample.subarray(0, sample.length - cut))
      return true
    } catch (err) {
      if (!(err instanceof TypeError)) throw err
    }
  return false
}

const KANA = /[\u3041-\u30ff]/u
const HALF_KANA = /[\uff61-\uff9f]/u
/** Level 1 of GB 2312 (U+4E00… by frequency cannot be told by range, but rows 16 to 55 of its table can: lead bytes B0 to D7). */
const COMMON_LEAD = { from: 0xb0, to: 0xd7 } as const

/** How much of what is not ASCII looks like text of the encoding, from 0 to 1. */
function likeness(sample: Uint8Array, encoding: 'shift_jis' | 'gb18030'): number {
  if (encoding === 'gb18030') {
    let pairs = 0
    let common = 0
    for (let index = 0; index + 1 < sample.length; index += 1) {
      const lead = sample[index] ?? 0
      if (lead < 0x81) continue
      pairs += 1
      const trail = sample[index + 1] ?? 0
      if (lead >= COMMON_LEAD.from && lead <= COMMON_LEAD.to && trail >= 0xa1) common += 1
      index += 1
    }
    return pairs === 0 ? 0 : common / pairs
  }
  let letters = 0
  let common = 0
  for (const letter of new TextDecoder(encoding).decode(sample)) {
    if (letter < '\u0080') continue
    letters += 1
    if (HALF_KANA.test(letter)) common += 0.2
    else if (KANA.test(letter) || /[\u4e00-\u9fff\u3000-\u303f\uff01-\uff5e]/u.test(letter)) common += 1
  }
  const text = new TextDecoder(encoding).decode(sample)
  return letters === 0 ? 0 : (common / letters) * (KANA.test(text) ? 1 : 0.7)
}
