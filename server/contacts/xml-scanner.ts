/** What a scanner tells of, in the order of the text. Names come without their prefix. */
export type XmlHandlers = Readonly<{
  open?(name: string, tag: XmlTag): void
  text?(text: string): void
  close?(name: string): void
}>

/** Longer than any text or tag of a workbook: a cell holds 32,767 characters at most, each written as ten at worst. */
const MAX_PENDING = 1024 * 1024
const MAX_DEPTH = 64

const LESS = 60
const GREATER = 62
const SLASH = 47
const QUOTE = 34
const APOSTROPHE = 39
const COLON = 58

/** The text is no well-formed XML, or has what no workbook has. */
export class XmlError extends Error {
  override readonly name = 'XmlError'
}

/** The inside of an opening tag. Its attributes are read when they are asked for. */
export class XmlTag {
  #written = ''

  /** For the scanner, which makes one tag serve for all. */
  reset(written: string): void {
    this.#written = written
  }

  /** The attribute of this name, as it is written with its prefix; undefined when it is not there. */
  get(name: string): string | undefined {
    const written = this.#written
    // What programs write: one blank, double quotes, no other kind of quote that could hide a name.
    if (!written.includes("'")) {
      const wanted = ` ${name}="`
      let at = written.indexOf(wanted)
      while (at !== -1 && isQuoted(written, at)) at = written.indexOf(wanted, at + 1)
      if (at !== -1) {
        const from = at + wanted.length
        return decodeAttribute(written.slice(from, written.indexOf('"', from)))
      }
      if (!UNUSUAL_BLANK.test(written)) return undefined
    }
    for (const [, found, , double, single] of written.matchAll(ATTRIBUTE))
      if (found === name) return decodeAttribute(double ?? single ?? '')
    return undefined
  }
}

/** Whether this place is between double quotes. */
function isQuoted(written: string, place: number): boolean {
  let quotes = 0
  for (let at = 0; at < place; at += 1) if (written.charCodeAt(at) === QUOTE) quotes += 1
  return quotes % 2 === 1
}

const UNUSUAL_BLANK = /[\t\r\n]|\s=|=\s/
const ATTRIBUTE = /([^\s=]+)\s*=\s*("([^"]*)"|'([^']*)')/g

/**
 * Reads the part of XML that workbooks are made of, piece by piece: elements, attributes, texts, comments, CDATA. Several times as
 * fast as a parser of all of XML, because nothing is made of what nobody asks for. A document type is refused, so that there are
 * no entities but those that XML itself has (XML 1.0, §4.6).
 */
export class XmlScanner {
  readonly #handlers: XmlHandlers
  readonly #tag = new XmlTag()
  readonly #open: string[] = []
  #rest = ''
  #hasRoot = false

  constructor(handlers: XmlHandlers) {
    this.#handlers = handlers
  }

  /** Throws XmlError. */
  write(piece: string): void {
    const text = this.#rest === '' ? piece : this.#rest + piece
    let at = 0
    for (;;) {
      const less = text.indexOf('<', at)
      if (less === -1) break
      const end = this.#markup(text, less, at)
      if (end === -1) break
      at = end
    }
    this.#rest = at === 0 ? text : text.slice(at)
    if (this.#rest.length > MAX_PENDING) throw new XmlError('a text or a tag is too long')
  }

  /** Throws XmlError when the text ended too early. */
  end(): void {
    if (this.#open.length > 0 || !this.#hasRoot) throw new XmlError('the text ends in the middle')
    if (this.#rest.trim() !== '') throw new XmlError('there is something after the end')
  }

  /** Reads the markup at `less` and the text before it, from `from` on. Where it ends; -1 when it is not all there. */
  #markup(text: string, less: number, from: number): number {
    const next = text.charCodeAt(less + 1)
    if (next === 33) return this.#declaration(text, less, from)
    if (next === 63) {
      const end = text.indexOf('?>', less)
      if (end === -1) return -1
      this.#text(text, from, less)
      return end + 2
    }
    if (next === SLASH) {
      const end = text.indexOf('>', less)
      if (end === -1) return -1
      this.#text(text, from, less)
      const name = text.slice(less + 2, end).trimEnd()
      if (this.#open.pop() !== name) throw new XmlError('a tag is closed that is not open')
      this.#handlers.close?.(local(name))
      return end + 1
    }
    const end = endOfTag(text, less + 1)
    if (end === -1) return -1
    this.#text(text, from, less)
    this.#opening(text, less + 1, end)
    return end + 1
  }

  #opening(text: string, from: number, end: number): void {
    const isEmpty = text.charCodeAt(end - 1) === SLASH
    const to = isEmpty ? end - 1 : end
    let nameEnd = from
    while (nameEnd < to && text.charCodeAt(nameEnd) > 32) nameEnd += 1
    if (nameEnd === from) throw new XmlError('a tag has no name')
    const name = text.slice(from, nameEnd)
    if (this.#open.length === 0) {
      if (this.#hasRoot) throw new XmlError('there is more than one root')
      this.#hasRoot = true
    }
    if (this.#open.length >= MAX_DEPTH) throw new XmlError('tags stand too deep in each other')
    this.#tag.reset(text.slice(nameEnd, to))
    this.#handlers.open?.(local(name), this.#tag)
    if (isEmpty) this.#handlers.close?.(local(name))
    else this.#open.push(name)
  }

  #declaration(text: string, less: number, from: number): number {
    if (text.startsWith('<!--', less)) {
      const end = text.indexOf('-->', less + 4)
      if (end === -1) return -1
      this.#text(text, from, less)
      return end + 3
    }
    if (text.startsWith('<![CDATA[', less)) {
      const end = text.indexOf(']]>', less)
      if (end === -1) return -1
      this.#text(text, from, less)
      this.#inside()
      this.#handlers.text?.(text.slice(less + 9, end))
      return end + 3
    }
    // What is not all there may still become one of the two.
    if (text.length < less + 9) return -1
    throw new XmlError('there is a document type')
  }

  #text(text: string, from: number, to: number): void {
    if (from === to) return
    const written = text.slice(from, to)
    if (this.#open.length === 0) {
      if (written.trim() === '' || written === '\ufeff') return
      this.#inside()
    }
    this.#handlers.text?.(decode(written))
  }

  #inside(): void {
    if (this.#open.length === 0) throw new XmlError('there is a text outside of the root')
  }
}

/** Where the tag ends whose inside begins here; quotes may hold a `>`. */
function endOfTag(text: string, from: number): number {
  let quote = 0
  for (let at = from; at < text.length; at += 1) {
    const code = text.charCodeAt(at)
    if (quote !== 0) {
      if (code === quote) quote = 0
    } else if (code === GREATER) return at
    else if (code === QUOTE || code === APOSTROPHE) quote = code
    else if (code === LESS) throw new XmlError('a tag begins inside of a tag')
  }
  return -1
}

function local(name: string): string {
  for (let at = 0; at < name.length; at += 1) if (name.charCodeAt(at) === COLON) return name.slice(at + 1)
  return name
}

const ENTITIES: Readonly<Record<string, string>> = { amp: '&', lt: '<', gt: '>', quot: '"', apos: "'" }

/** Blanks of all kinds are one kind there (XML 1.0, §3.3.3). */
function decodeAttribute(written: string): string {
  return decode(/[\t\r\n]/.test(written) ? written.replace(/\r\n|[\t\r\n]/g, ' ') : written)
}

/** Line ends become one character (XML 1.0, §2.11), references what they stand for. */
function decode(written: string): string {
  const text = written.includes('\r') ? written.replace(/\r\n?/g, '\n') : written
  if (!text.includes('&')) return text
  return text.replace(/&([^;]{0,12});?/g, (whole, name: string) => {
    if (!whole.endsWith(';')) throw new XmlError('a reference does not end')
    const known = Object.hasOwn(ENTITIES, name) ? ENTITIES[name] : undefined
    if (known !== undefined) return known
    const digits = /^#(?:x([0-9a-fA-F]+)|([0-9]+))$/.exec(name)
    const code =
      digits === null ? Number.NaN : Number.parseInt(digits[1] ?? digits[2] ?? '', digits[1] === undefined ? 10 : 16)
    if (!(code > 0 && code <= 0x10ffff)) throw new XmlError('a reference stands for nothing')
    return String.fromCodePoint(code)
  })
}
