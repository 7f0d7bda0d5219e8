import t from 'tap'
import { PAGE_COLOURS, STATE_COLOURS } from '../../web/src/styles/state-colours.ts'

type Rgb = readonly [number, number, number]

const MIN_CONTRAST = 4.7
const MIN_DISTANCE = 15

/** Linear light as a dichromat sees it: Viénot, Brettel and Mollon 1999 for red and green, Machado 2009 for blue. */
const EYES: Readonly<Record<string, readonly (readonly [number, number, number])[]>> = {
  protanopia: [
    [0.11238, 0.88762, 0],
    [0.11238, 0.88762, 0],
    [0.00401, -0.00401, 1]
  ],
  deuteranopia: [
    [0.29275, 0.70725, 0],
    [0.29275, 0.70725, 0],
    [-0.02234, 0.02234, 1]
  ],
  tritanopia: [
    [1.255528, -0.076749, -0.178779],
    [-0.078411, 0.930809, 0.147602],
    [0.004733, 0.691367, 0.3039]
  ]
}

const linear = (hex: string): Rgb => {
  const [r = 0, g = 0, b = 0] = [1, 3, 5].map(at => {
    const share = Number.parseInt(hex.slice(at, at + 2), 16) / 255
    return share <= 0.04045 ? share / 12.92 : ((share + 0.055) / 1.055) ** 2.4
  })
  return [r, g, b]
}

/** Relative luminance, WCAG 2.2. */
const luminance = ([r, g, b]: Rgb) => 0.2126 * r + 0.7152 * g + 0.0722 * b

function contrast(a: string, b: string): number {
  const [light = 0, dark = 0] = [luminance(linear(a)), luminance(linear(b))].sort((one, other) => other - one)
  return (light + 0.05) / (dark + 0.05)
}

/** CIE L*a*b* of linear sRGB under D65. */
function lab([r, g, b]: Rgb): Rgb {
  const f = (share: number) => (share > (6 / 29) ** 3 ? Math.cbrt(share) : share / (3 * (6 / 29) ** 2) + 4 / 29)
  const x = f((0.4124564 * r + 0.3575761 * g + 0.1804375 * b) / 0.95047)
  const y = f(0.2126729 * r + 0.7151522 * g + 0.072175 * b)
  const z = f((0.0193339 * r + 0.119192 * g + 0.9503041 * b) / 1.08883)
  return [116 * y - 16, 500 * (x - y), 200 * (y - z)]
}

function seenBy(eye: string, hex: string): Rgb {
  const colour = linear(hex)
  const [r = 0, g = 0, b = 0] = (EYES[eye] ?? []).map(row =>
    Math.min(1, Math.max(0, row[0] * colour[0] + row[1] * colour[1] + row[2] * colour[2]))
  )
  return [r, g, b]
}

/** Delta E 1976. */
const distance = (a: Rgb, b: Rgb) => Math.hypot(a[0] - b[0], a[1] - b[1], a[2] - b[2])

for (const scheme of ['light', 'dark'] as const)
  t.test(`states can be read and told apart on a ${scheme} page`, async t => {
    const states = Object.entries(STATE_COLOURS)
    for (const [kind, colours] of states) {
      const found = contrast(colours[scheme], PAGE_COLOURS[scheme])
      t.ok(found >= MIN_CONTRAST, `${kind} has contrast ${found.toFixed(2)}`)
    }
    for (const eye of Object.keys(EYES))
      for (const [at, [kind, colours]] of states.entries())
        for (const [other, others] of states.slice(at + 1)) {
          const found = distance(lab(seenBy(eye, colours[scheme])), lab(seenBy(eye, others[scheme])))
          t.ok(found >= MIN_DISTANCE, `${kind} and ${other} are ${found.toFixed(1)} apart with ${eye}`)
        }
  })
