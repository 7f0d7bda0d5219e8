const OPEN = /<think(?:ing)?>/i
const CLOSE = /<\/think(?:ing)?>/i
const TAGS = ['<think>', '<thinking>', '</think>', '</thinking>']

/**
 * Takes out what a reasoning model thinks aloud between `<think>` and `</think>`, as DeepSeek's models write it where the
 * server (Ollama, vLLM) does not put it into a field of its own. The text may arrive in any pieces.
 */
export class ThinkingFilter {
  #rest = ''
  #isThinking = false

  /** What of the text so far is surely no thought. */
  push(text: string): string {
    this.#rest += text
    let words = ''
    for (;;) {
      const match = (this.#isThinking ? CLOSE : OPEN).exec(this.#rest)
      if (match === null) break
      if (!this.#isThinking) words += this.#rest.slice(0, match.index)
      this.#rest = this.#rest.slice(match.index + match[0].length)
      this.#isThinking = !this.#isThinking
    }
    // What may be the beginning of a tag waits for the next piece.
    const from = this.#rest.lastIndexOf('<')
    const tail = this.#rest.slice(from).toLowerCase()
    const keepFrom = from >= 0 && TAGS.some(tag => tag.startsWith(tail)) ? from : this.#rest.length
    if (!this.#isThinking) words += this.#rest.slice(0, keepFrom)
    this.#rest = this.#rest.slice(keepFrom)
    return words
  }

  /** What is left when the text is over; a thought without an end was one all the same. */
  end(): string {
    const words = this.#isThinking ? '' : this.#rest
    this.#rest = ''
    return words
  }
}
