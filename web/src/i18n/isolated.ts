/** Keeps a name or a date together in a sentence of the other direction (Unicode UAX #9, isolates). */
export function isolated(text: string): string {
  return `\u2068${text}\u2069`
}
