/** The samples as 16-bit little-endian bytes; shares their memory. */
export function pcmOf(samples: Int16Array): Buffer {
  return Buffer.from(samples.buffer, samples.byteOffset, samples.byteLength)
}

/** The samples in 16-bit little-endian bytes; a copy. An odd last byte is left out. */
export function samplesOf(pcm: Uint8Array): Int16Array {
  const samples = new Int16Array(pcm.byteLength >> 1)
  const view = new DataView(pcm.buffer, pcm.byteOffset, pcm.byteLength)
  for (let index = 0; index < samples.length; index += 1) samples[index] = view.getInt16(index * 2, true)
  return samples
}

/** One array after the other. */
export function joinSamples(parts: readonly Int16Array[]): Int16Array {
  const joined = new Int16Array(parts.reduce((sum, part) => sum + part.length, 0))
  let at = 0
  for (const part of parts) {
    joined.set(part, at)
    at += part.length
  }
  return joined
}

/** Reads samples from bytes that come in pieces of any length. */
export class PcmReader {
  #rest: Uint8Array = new Uint8Array(0)

  read(piece: Uint8Array): Int16Array {
    const bytes = this.#rest.length === 0 ? piece : Buffer.concat([this.#rest, piece])
    const even = bytes.length & ~1
    this.#rest = bytes.slice(even)
    return samplesOf(bytes.subarray(0, even))
  }
}
