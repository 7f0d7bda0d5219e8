/** "Yes = 100, Partly = 50, No = 0" as answers; the value of each is its place, so that a label may be in any script. */
export function readOptions(text: string): readonly Readonly<{ value: string; label: string; points: number }>[] {
  return text.split(/[,，、]/).map((part, at) => {
    const [label = '', points = ''] = part.split(/[=＝]/)
    return { value: `a${at + 1}`, label: label.trim(), points: Number(points.trim() || 0) }
  })
}
