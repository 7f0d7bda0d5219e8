/**
 * Agreement beyond chance. Cohen's kappa for two raters (Cohen 1960, Educational and Psychological Measurement 20:37-46),
 * weighted by squared distance where the answers have an order (Cohen 1968, Psychological Bulletin 70:213-220), and
 * Fleiss' kappa for more (Fleiss 1971, Psychological Bulletin 76:378-382).
 */

export type Agreement = Readonly<{
  /** 1 is full agreement, 0 what chance gives; null where chance alone explains everything or nothing was rated twice. */
  kappa: number | null
  method: 'cohen' | 'cohenWeighted' | 'fleiss'
  /** Share of pairs of raters that agree. */
  agreed: number | null
  items: number
  raters: number
}>

/** `ratings`: for each item what each rater chose, in the order of raters; null where one did not rate it. */
export function agreementOf(
  ratings: readonly (readonly (string | null)[])[],
  categories: readonly string[],
  isOrdinal = false
): Agreement {
  const raters = Math.max(0, ...ratings.map(item => item.length))
  const whole = ratings.filter(item => item.length === raters && item.every(one => one !== null)) as string[][]
  const base = { items: whole.length, raters, agreed: shareAgreed(whole) }
  if (raters < 2 || whole.length === 0) return { ...base, kappa: null, method: raters > 2 ? 'fleiss' : 'cohen' }
  if (raters === 2) {
    const method = isOrdinal ? 'cohenWeighted' : 'cohen'
    return { ...base, kappa: cohen(whole, categories, isOrdinal), method }
  }
  return { ...base, kappa: fleiss(whole, categories), method: 'fleiss' }
}

function cohen(
  items: readonly (readonly string[])[],
  categories: readonly string[],
  isOrdinal: boolean
): number | null {
  const size = categories.length
  const place = new Map(categories.map((category, at) => [category, at]))
  const first = Array.from({ length: size }, () => 0)
  const second = Array.from({ length: size }, () => 0)
  const distance = (a: number, b: number) => (isOrdinal ? ((a - b) / Math.max(1, size - 1)) ** 2 : a === b ? 0 : 1)
  let observed = 0
  for (const item of items) {
    const a = place.get(item[0] ?? '') ?? 0
    const b = place.get(item[1] ?? '') ?? 0
    first[a] = (first[a] ?? 0) + 1
    second[b] = (second[b] ?? 0) + 1
    observed += distance(a, b)
  }
  let expected = 0
  for (const [a, countA] of first.entries())
    for (const [b, countB] of second.entries()) expected += distance(a, b) * countA * countB
  expected /= items.length
  return expected === 0 ? null : 1 - observed / expected
}

function fleiss(items: readonly (readonly string[])[], categories: readonly string[]): number | null {
  const raters = items[0]?.length ?? 0
  const totals = new Map(categories.map(category => [category, 0]))
  let agreement = 0
  for (const item of items) {
    const counts = new Map<string, number>()
    for (const rating of item) counts.set(rating, (counts.get(rating) ?? 0) + 1)
    let pairs = 0
    for (const [category, count] of counts) {
      pairs += count * (count - 1)
      totals.set(category, (totals.get(category) ?? 0) + count)
    }
    agreement += pairs / (raters * (raters - 1))
  }
  const observed = agreement / items.length
  let chance = 0
  for (const total of totals.values()) chance += (total / (items.length * raters)) ** 2
  return chance === 1 ? null : (observed - chance) / (1 - chance)
}

function shareAgreed(items: readonly (readonly string[])[]): number | null {
  let pairs = 0
  let same = 0
  for (const item of items)
    for (let a = 0; a < item.length; a++)
      for (let b = a + 1; b < item.length; b++) {
        pairs += 1
        if (item[a] === item[b]) same += 1
      }
  return pairs === 0 ? null : same / pairs
}

/** Kappa in a word, by the bands of Landis and Koch (1977, Biometrics 33:159-174); a convention, not a law. */
export function wordFor(kappa: number): 'poor' | 'slight' | 'fair' | 'moderate' | 'substantial' | 'almostPerfect' {
  if (kappa < 0) return 'poor'
  if (kappa <= 0.2) return 'slight'
  if (kappa <= 0.4) return 'fair'
  if (kappa <= 0.6) return 'moderate'
  if (kappa <= 0.8) return 'substantial'
  return 'almostPerfect'
}
