/** `wanted`: `≤ 20 ms`, `< 500 MB`, `≥ 80 %`, the very text that is measured, or nothing where no aim is stated. */
export type Figure = Readonly<{ what: string; measured: string; wanted: string }>

/** Prints a table of figures. One that misses its aim is named, and the bench ends with an error. */
export function printFigures(figures: readonly Figure[]): void {
  console.table(figures)
  tellMissed(figures)
}

/** The same of figures that were printed in another form. */
export function tellMissed(figures: readonly Figure[]): void {
  for (const figure of figures.filter(isMissed)) {
    console.error(`missed: ${figure.what}: ${figure.measured}, wanted ${figure.wanted}`)
    process.exitCode = 1
  }
}

/** What was not measured misses every aim. */
export function isMissed({ measured, wanted }: Figure): boolean {
  if (wanted === '') return false
  const [, sign, bound] = /^([≤<≥]) (\d+(?:\.\d+)?)/.exec(wanted) ?? []
  if (bound === undefined) return measured !== wanted
  const value = Number(/^-?\d+(?:\.\d+)?/.exec(measured)?.[0] ?? Number.NaN)
  if (sign === '≥') return !(value >= Number(bound))
  return !(sign === '<' ? value < Number(bound) : value <= Number(bound))
}
