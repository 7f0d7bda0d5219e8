/** Characters that the event socket percent-encodes besides everything outside printable ASCII. */
const UNSAFE = /[^\x20-\x7e]|[\r\n #%&+:;<=>?@[\\\]^`{|}"]/gu

/** Encodes a value as the event socket's plain format does; text that already holds `%XX` is left alone there. */
export function urlEncode(value: string): string {
  return value.replace(UNSAFE, (character, at: number, whole: string) => {
    if (character === '%' && /^[0-9a-f]{2}$/i.test(whole.slice(at + 1, at + 3))) return '%'
    return [...Buffer.from(character, 'utf8')]
      .map(byte => `%${byte.toString(16).toUpperCase().padStart(2, '0')}`)
      .join('')
  })
}

/** One event: its headers in order and perhaps a body. Serialised once per format, however many listen. */
export class FsEvent {
  readonly name: string
  readonly subclass: string | undefined
  readonly headers: Map<string, string>
  readonly body: string | undefined
  #json: Buffer | undefined
  #plain: Buffer | undefined

  constructor(headers: Map<string, string>, body?: string) {
    this.headers = headers
    this.name = headers.get('Event-Name') ?? ''
    this.subclass = headers.get('Event-Subclass')
    this.body = body
  }

  /** A header's value; names are compared without regard to case, as the filters do. */
  header(name: string): string | undefined {
    const exact = this.headers.get(name)
    if (exact !== undefined) return exact
    const wanted = name.toLowerCase()
    for (const [key, value] of this.headers) if (key.toLowerCase() === wanted) return value
    return undefined
  }

  /** The frame for a listener that asked for `json`. */
  toJsonFrame(): Buffer {
    this.#json ??= frame('json', this.toJson())
    return this.#json
  }

  /** The frame for a listener that asked for `plain`. */
  toPlainFrame(): Buffer {
    this.#plain ??= frame('plain', this.toPlain(true))
    return this.#plain
  }

  /** The frame for a listener that asked for `xml`. */
  toXmlFrame(): Buffer {
    const lines = [...this.headers]
      .map(([key, value]) => `    <${key}>${escapeXml(urlEncode(value))}</${key}>\n`)
      .join('')
    const body =
      this.body === undefined
        ? ''
        : `  <Content-Length>${Buffer.byteLength(this.body)}</Content-Length>\n  <body>${escapeXml(this.body)}</body>\n`
    return frame('xml', `<event>\n  <headers>\n${lines}  </headers>\n${body}</event>\n`)
  }

  toJson(): string {
    const data: Record<string, string> = Object.fromEntries(this.headers)
    if (this.body !== undefined) {
      data['Content-Length'] = String(Buffer.byteLength(this.body))
      data['_body'] = this.body
    }
    return JSON.stringify(data)
  }

  toPlain(encode: boolean): string {
    let text = ''
    for (const [key, value] of this.headers) text += `${key}: ${encode ? urlEncode(value) : value}\n`
    if (this.body === undefined) return `${text}\n`
    return `${text}Content-Length: ${Buffer.byteLength(this.body)}\n\n${this.body}`
  }
}

function frame(format: string, text: string): Buffer {
  return Buffer.from(
    `Content-Length: ${Buffer.byteLength(text)}\nContent-Type: text/event-${format}\n\n${text}`,
    'utf8'
  )
}

function escapeXml(text: string): string {
  return text.replace(/[&<>"']/g, character => `&#${character.charCodeAt(0)};`)
}
