import { SaxesParser } from 'saxes'

/** The attributes of an opening tag, by the names that they are written with; good until the next tag. */
export type XmlTag = Readonly<{ get(name: string): string | undefined }>

/** What a scanner tells of, in the order of the text. Names come without their prefix. */
export type XmlHandlers = Readonly<{
  open?(name: string, tag: XmlTag): void
  text?(text: string): void
  close?(name: string): void
}>

/** Longer than any text or tag of a workbook: a cell holds 32,767 characters at most, each written as ten at worst. */
const MAX_PENDING = 1024 * 1024
const MAX_DEPTH = 64

/** The text is no well-formed XML, or has what no workbook has. */
export class XmlError extends Error {
  override readonly name = 'XmlError'
}

/**
 * Reads the XML of a workbook piece by piece. Bounds what saxes does not: how long a text or tag may be and how deep they stand in each
 * other; and refuses a document type, so that there are no entities but those that XML itself has (XML 1.0, §4.6).
 */
export class XmlScanner {
  // Nobody asks for lines and columns, and counting them costs a tenth.
  readonly #parser = new SaxesParser({ position: false, xmlns: false })
  #attributes: Readonly<Record<string, string>> = {}
  #depth = 0
  /** Characters since the parser told of anything. */
  #pending = 0

  constructor(handlers: XmlHandlers) {
    const tag: XmlTag = { get: name => this.#attributes[name] }
    this.#parser.on('error', cause => {
      throw new XmlError(cause.message, { cause })
    })
    this.#parser.on('doctype', () => {
      throw new XmlError('there is a document type')
    })
    this.#parser.on('opentag', ({ name, attributes }) => {
      this.#pending = 0
      this.#depth += 1
      if (this.#depth > MAX_DEPTH) throw new XmlError('tags stand too deep in each other')
      this.#attributes = attributes
      handlers.open?.(local(name), tag)
    })
    this.#parser.on('closetag', ({ name }) => {
      this.#pending = 0
      this.#depth -= 1
      handlers.close?.(local(name))
    })
    const hear = (text: string) => {
      this.#pending = 0
      // The blanks between the declaration and the root are nobody's.
      if (this.#depth > 0) handlers.text?.(text)
    }
    this.#parser.on('text', hear)
    this.#parser.on('cdata', hear)
  }

  /** Throws XmlError. */
  write(piece: string): void {
    this.#pending += piece.length
    this.#parser.write(piece)
    if (this.#pending > MAX_PENDING) throw new XmlError('a text or a tag is too long')
  }

  /** Throws XmlError when the text ended too early. */
  end(): void {
    this.#parser.close()
  }
}

function local(name: string): string {
  const colon = name.indexOf(':')
  return colon === -1 ? name : name.slice(colon + 1)
}
