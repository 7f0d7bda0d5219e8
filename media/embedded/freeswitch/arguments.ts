/**
 * Splits a command's arguments as the real server does: at spaces, or at the character after `^^`. Quotes keep a part
 * together and are removed. With `limit` the last part takes the rest of the text.
 */
export function splitArguments(text: string, limit = Number.POSITIVE_INFINITY): string[] {
  const own = /^\^\^(.)/.exec(text)
  const delimiter = own === null ? ' ' : (own[1] as string)
  const source = own === null ? text.trim() : text.slice(3)
  if (source === '') return []
  const parts: string[] = []
  let current = ''
  let isQuoted = false
  let position = 0
  while (position < source.length) {
    const character = source[position] as string
    if (parts.length + 1 >= limit) {
      current = source.slice(position)
      break
    }
    if (character === '\\' && source[position + 1] === "'") {
      current += "'"
      position++
    } else if (character === "'") {
      isQuoted = !isQuoted
      // An apostrophe inside a word is kept when nothing closes it.
      if (isQuoted && !source.includes("'", position + 1)) {
        current += character
        isQuoted = false
      }
    } else if (character === delimiter && !isQuoted) {
      parts.push(current)
      current = ''
      if (delimiter === ' ') while (source[position + 1] === ' ') position++
    } else current += character
    position++
  }
  parts.push(current)
  return parts
}

/** Splits `a=1;b=2` (or with another separator) into pairs. */
export function splitPairs(text: string, separator: string): readonly (readonly [name: string, value: string])[] {
  return text
    .split(separator)
    .map(part => part.split('='))
    .filter(parts => (parts[0] ?? '').trim() !== '')
    .map(([name = '', ...value]) => [name.trim(), value.join('=')] as const)
}
