/**
 * A set of telephone numbers that is built once and then only read: 250 million numbers of one country in about
 * 270 MB, a look-up in a fraction of a microsecond, no garbage.
 *
 * A number is its E.164 digits as an integer (at most 15 digits, so exact in a double). The space is cut in pages of
 * 2^20 numbers and each page in 4096 chunks of 256:
 *
 *     number = page · 2^20 + chunk · 2^8 + low
 *
 *     dense page   starts   256 × uint32: where in `bytes` each block of 16 chunks begins
 *                  bytes    blocks: 16 sizes (how many numbers a chunk has, or 255 for a bitmap), then for each chunk
 *                           its `low` bytes in order, or 32 bytes of bitmap where that is shorter
 *                  What a look-up touches lies together: one block is some 400 bytes, the starts of a whole registry
 *                  are one array of a few megabytes.
 *     sparse page  list     sorted uint32: chunk · 2^8 + low
 */
export class NumberSet {
  readonly #pages: ReadonlyMap<number, Page>
  readonly #index: PageIndex
  /** How many numbers are in the set. */
  readonly size: number

  constructor(pages: ReadonlyMap<number, Page>, size: number) {
    this.#pages = pages
    this.#index = new PageIndex(pages)
    this.size = size
  }

  /** Whether a number is in the set; `e164` with or without its plus. */
  has(e164: string): boolean {
    return this.#index.has(digitsValue(e164))
  }

  hasValue(value: number): boolean {
    return this.#index.has(value)
  }

  /** Bytes of number data held in memory. */
  get bytes(): number {
    let total = 0
    for (const page of this.#pages.values())
      total += page.kind === 'dense' ? page.starts.byteLength + page.bytes.byteLength : page.list.byteLength
    return total
  }

  get pages(): ReadonlyMap<number, Page> {
    return this.#pages
  }

  /** Every number in order. */
  *values(): Generator<number> {
    for (const key of [...this.#pages.keys()].sort((a, b) => a - b)) {
      const page = this.#pages.get(key)
      if (page !== undefined) for (const within of valuesOf(page)) yield key * PAGE + within
    }
  }

  /** Starts a new set from this one. Pages that do not change are shared. */
  edit(): NumberSetBuilder {
    return new NumberSetBuilder(this)
  }
}

export type Page =
  | Readonly<{ kind: 'dense'; count: number; starts: Uint32Array; bytes: Uint8Array }>
  | Readonly<{ kind: 'sparse'; count: number; list: Uint32Array }>

export const PAGE = 2 ** 20
const CHUNKS = 4096
/** Chunks of one block: a look-up adds up the sizes of at most that many. */
const STRIDE = 16
export const BLOCKS = CHUNKS / STRIDE
const BITMAP = 255
const BITMAP_BYTES = 32
const NO_PAGE = -1
const OTHER = -2
/** So many pages from the first one on are found without a hash: all numbers of most sets, in at most 16 MB. */
const MAX_SLOTS = 2 ** 22
/** The bytes of dense pages lie together in pieces of this size. */
const PIECE_BYTES = 4 * 1024 * 1024
/** Below this a sorted list is smaller than the tables of a dense page. */
const SPARSE_MAX = 1_100

/** The digits of a number as an integer; what is not a digit is passed over. */
export function digitsValue(e164: string): number {
  let value = 0
  for (let index = 0; index < e164.length; index += 1) {
    const digit = e164.charCodeAt(index) - 48
    if (digit >= 0 && digit <= 9) value = value * 10 + digit
  }
  return value
}

/**
 * Finds numbers without following pointers from page to page: most of the time of a look-up is spent waiting for memory,
 * so what it reads lies in few places. The bytes of pages lie in few large buffers, the starts of all blocks in one array.
 */
class PageIndex {
  /** The page of `slots[0]`. */
  readonly #firstKey: number
  /** By page: which dense page it is, or NO_PAGE, or OTHER for whatever else has to be looked up by its key. */
  readonly #slots: Int32Array
  readonly #others = new Map<number, Page>()
  /** By block of each dense page: where it begins in its buffer. */
  readonly #starts: Uint32Array
  readonly #bufferOf: Uint32Array
  readonly #buffers: readonly Uint8Array[]

  constructor(pages: ReadonlyMap<number, Page>) {
    let firstKey = Number.POSITIVE_INFINITY
    let lastKey = Number.NEGATIVE_INFINITY
    for (const key of pages.keys()) {
      firstKey = Math.min(firstKey, key)
      lastKey = Math.max(lastKey, key)
    }
    this.#firstKey = pages.size === 0 ? 0 : firstKey
    this.#slots = new Int32Array(pages.size === 0 ? 0 : Math.min(lastKey - firstKey + 1, MAX_SLOTS)).fill(NO_PAGE)
    const buffers = new Map<ArrayBufferLike, number>()
    const dense: Extract<Page, { kind: 'dense' }>[] = []
    for (const [key, page] of pages) {
      const at = key - this.#firstKey
      if (page.kind === 'sparse' || at >= MAX_SLOTS) {
        if (at < MAX_SLOTS) this.#slots[at] = OTHER
        this.#others.set(key, page)
        continue
      }
      this.#slots[at] = dense.length
      dense.push(page)
      const { buffer } = page.bytes
      if (!buffers.has(buffer)) buffers.set(buffer, buffers.size)
    }
    this.#buffers = [...buffers.keys()].map(buffer => new Uint8Array(buffer))
    this.#bufferOf = Uint32Array.from(dense, page => buffers.get(page.bytes.buffer) ?? 0)
    this.#starts = new Uint32Array(dense.length * BLOCKS)
    dense.forEach(({ bytes, starts }, slot) => {
      for (let block = 0; block < BLOCKS; block += 1)
        this.#starts[slot * BLOCKS + block] = bytes.byteOffset + (starts[block] ?? 0)
    })
  }

  has(value: number): boolean {
    const key = Math.floor(value / PAGE)
    const within = value - key * PAGE
    const at = key - this.#firstKey
    if (at < 0) return false
    const slot = at < this.#slots.length ? (this.#slots[at] ?? NO_PAGE) : OTHER
    if (slot >= 0) {
      const bytes = this.#buffers[this.#bufferOf[slot] ?? 0]
      return bytes !== undefined && isInBlock(bytes, this.#starts[slot * BLOCKS + (within >>> 12)] ?? 0, within)
    }
    if (slot === NO_PAGE) return false
    const page = this.#others.get(key)
    if (page === undefined) return false
    return page.kind === 'sparse'
      ? isInSparse(page.list, within)
      : isInBlock(page.bytes, page.starts[within >>> 12] ?? 0, within)
  }
}

function isInBlock(bytes: Uint8Array, block: number, within: number): boolean {
  const sizeAt = block + ((within >>> 8) & (STRIDE - 1))
  const size = bytes[sizeAt] ?? 0
  if (size === 0) return false
  let offset = block + STRIDE
  for (let at = block; at < sizeAt; at += 1) offset += dataBytes(bytes[at] ?? 0)
  const low = within & 255
  if (size === BITMAP) return ((bytes[offset + (low >>> 3)] ?? 0) & (1 << (low & 7))) !== 0
  for (let index = offset; index < offset + size; index += 1) {
    const value = bytes[index] ?? 0
    if (value >= low) return value === low
  }
  return false
}

function dataBytes(size: number): number {
  return size === BITMAP ? BITMAP_BYTES : size
}

function isInSparse(list: Uint32Array, within: number): boolean {
  let low = 0
  let high = list.length - 1
  while (low <= high) {
    const middle = (low + high) >>> 1
    const value = list[middle] ?? 0
    if (value === within) return true
    if (value < within) low = middle + 1
    else high = middle - 1
  }
  return false
}

function* valuesOf(page: Page): Generator<number> {
  if (page.kind === 'sparse') {
    yield* page.list
    return
  }
  const { bytes, starts } = page
  for (let block = 0; block < BLOCKS; block += 1) {
    const start = starts[block] ?? 0
    let offset = start + STRIDE
    for (let chunk = 0; chunk < STRIDE; chunk += 1) {
      const size = bytes[start + chunk] ?? 0
      const first = (block * STRIDE + chunk) * 256
      if (size === BITMAP) {
        for (let low = 0; low < 256; low += 1)
          if (((bytes[offset + (low >>> 3)] ?? 0) & (1 << (low & 7))) !== 0) yield first + low
      } else for (let index = 0; index < size; index += 1) yield first + (bytes[offset + index] ?? 0)
      offset += dataBytes(size)
    }
  }
}

type Draft = { list: Uint32Array; used: number; bits: Uint32Array | null }

const DRAFT_START = 64
const DRAFT_LIST_MAX = 32_768

/** Collects numbers in any order, each as often as it comes, and makes a set of them. */
export class NumberSetBuilder {
  readonly #base: NumberSet | null
  readonly #drafts = new Map<number, Draft>()
  #lastKey = -1
  #last: Draft | null = null

  constructor(base: NumberSet | null = null) {
    this.#base = base
  }

  add(value: number): void {
    const key = Math.floor(value / PAGE)
    const within = value - key * PAGE
    const draft = key === this.#lastKey && this.#last !== null ? this.#last : this.#draft(key)
    if (draft.bits !== null) {
      const word = within >>> 5
      draft.bits[word] = (draft.bits[word] ?? 0) | (1 << (within & 31))
      return
    }
    if (draft.used === draft.list.length) this.#grow(draft)
    if (draft.bits !== null) {
      this.add(value)
      return
    }
    draft.list[draft.used] = within
    draft.used += 1
  }

  delete(value: number): void {
    const key = Math.floor(value / PAGE)
    const within = value - key * PAGE
    const draft = this.#draft(key)
    if (draft.bits === null) this.#toBits(draft)
    const { bits } = draft
    if (bits !== null) bits[within >>> 5] = (bits[within >>> 5] ?? 0) & ~(1 << (within & 31))
  }

  /**
   * Makes the set, after which the builder is of no use, page by page, and awaits `pause` after each: a national registry takes seconds, and calls must not wait for
   * them.
   */
  async build(pause?: () => Promise<void> | undefined): Promise<NumberSet> {
    const pages = new Map<number, Page>(this.#base?.pages)
    const pieces = new Pieces()
    for (const [key, draft] of this.#drafts) {
      await pause?.()
      const page = freeze(draft, pieces)
      if (page.count === 0) pages.delete(key)
      else pages.set(key, page)
      this.#drafts.delete(key)
    }
    let size = 0
    for (const page of pages.values()) size += page.count
    return new NumberSet(pages, size)
  }

  #draft(key: number): Draft {
    let draft = this.#drafts.get(key)
    if (draft === undefined) {
      draft = { list: new Uint32Array(DRAFT_START), used: 0, bits: null }
      this.#drafts.set(key, draft)
      const before = this.#base?.pages.get(key)
      if (before !== undefined) {
        this.#toBits(draft)
        for (const within of valuesOf(before))
          if (draft.bits !== null) draft.bits[within >>> 5] = (draft.bits[within >>> 5] ?? 0) | (1 << (within & 31))
      }
    }
    this.#lastKey = key
    this.#last = draft
    return draft
  }

  #grow(draft: Draft): void {
    if (draft.list.length >= DRAFT_LIST_MAX) {
      this.#toBits(draft)
      return
    }
    const larger = new Uint32Array(draft.list.length * 4)
    larger.set(draft.list)
    draft.list = larger
  }

  #toBits(draft: Draft): void {
    const bits = new Uint32Array(PAGE / 32)
    for (let index = 0; index < draft.used; index += 1) {
      const within = draft.list[index] ?? 0
      bits[within >>> 5] = (bits[within >>> 5] ?? 0) | (1 << (within & 31))
    }
    draft.bits = bits
    draft.list = new Uint32Array(0)
    draft.used = 0
  }
}

/** Cuts what pages need from large pieces of memory. */
class Pieces {
  #piece = new Uint8Array(0)
  #used = 0

  take(length: number): Uint8Array {
    if (this.#used + length > this.#piece.length) {
      this.#piece = new Uint8Array(Math.max(PIECE_BYTES, length))
      this.#used = 0
    }
    const taken = this.#piece.subarray(this.#used, this.#used + length)
    this.#used += length
    return taken
  }
}

function freeze(draft: Draft, pieces: Pieces): Page {
  const sorted = draft.bits === null ? uniqueSorted(draft.list.subarray(0, draft.used)) : listOf(draft.bits)
  return sorted.length <= SPARSE_MAX ? { kind: 'sparse', count: sorted.length, list: sorted } : toDense(sorted, pieces)
}

function uniqueSorted(list: Uint32Array): Uint32Array {
  const sorted = list.slice().sort()
  let used = 0
  for (let index = 0; index < sorted.length; index += 1)
    if (index === 0 || sorted[index] !== sorted[index - 1]) {
      sorted[used] = sorted[index] ?? 0
      used += 1
    }
  return sorted.slice(0, used)
}

function listOf(bits: Uint32Array): Uint32Array {
  let count = 0
  for (const word of bits) count += bitCount(word)
  const list = new Uint32Array(count)
  let used = 0
  for (let index = 0; index < bits.length; index += 1) {
    let word = bits[index] ?? 0
    while (word !== 0) {
      const lowest = 31 - Math.clz32(word & -word)
      list[used] = index * 32 + lowest
      used += 1
      word &= word - 1
    }
  }
  return list
}

function bitCount(word: number): number {
  let value = word - ((word >>> 1) & 0x55555555)
  value = (value & 0x33333333) + ((value >>> 2) & 0x33333333)
  return (((value + (value >>> 4)) & 0x0f0f0f0f) * 0x01010101) >>> 24
}

function toDense(sorted: Uint32Array, pieces: Pieces): Page {
  const counts = new Uint16Array(CHUNKS)
  for (const within of sorted) counts[within >>> 8] = (counts[within >>> 8] ?? 0) + 1
  let total = CHUNKS
  for (const count of counts) total += Math.min(count, BITMAP_BYTES)
  const bytes = pieces.take(total)
  const starts = new Uint32Array(BLOCKS)
  let start = 0
  let at = 0
  let index = 0
  for (let chunk = 0; chunk < CHUNKS; chunk += 1) {
    const count = counts[chunk] ?? 0
    const inBlock = chunk & (STRIDE - 1)
    if (inBlock === 0) {
      start = at
      starts[chunk >>> 4] = start
      at += STRIDE
    }
    bytes[start + inBlock] = count >= BITMAP_BYTES ? BITMAP : count
    for (let one = 0; one < count; one += 1) {
      const low = (sorted[index] ?? 0) & 255
      if (count >= BITMAP_BYTES) bytes[at + (low >>> 3)] = (bytes[at + (low >>> 3)] ?? 0) | (1 << (low & 7))
      else bytes[at + one] = low
      index += 1
    }
    at += Math.min(count, BITMAP_BYTES)
  }
  return { kind: 'dense', count: sorted.length, starts, bytes }
}
