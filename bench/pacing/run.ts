/** Campaigns in simulated time: what a pace costs in abandoned calls and what it brings in talk. */
import { parseArgs } from 'node:util'
import { type Figure, tellMissed } from '../figures.ts'
import { simulate, type Strategy } from './simulate.ts'
import { adaptive, fixedRatio, predictive, progressive } from './strategies.ts'
import { worlds } from './worlds.ts'

const { values } = parseArgs({
  // Options of other benches pass by.
  strict: false,
  options: { calls: { type: 'string', default: '100000' }, seed: { type: 'string', default: '1' } }
})

const STRATEGIES: Readonly<Record<string, Strategy>> = {
  predictive,
  progressive,
  'ratio 2': fixedRatio(2),
  'ratio 3': fixedRatio(3),
  'adaptive 3 %': adaptive(3)
}

const figures: Figure[] = []
console.log('world                     strategy      busy   talks/h  abandoned  worst 24 h  worst 30 d  breaches')
for (const [name, world] of Object.entries(worlds(Number(values.calls), Number(values.seed))))
  for (const [strategy, run] of Object.entries(STRATEGIES)) {
    const found = simulate(world, run)
    const percent = (share: number) => `${share.toFixed(2)} %`
    console.log(
      [
        name.padEnd(25),
        strategy.padEnd(13),
        percent(100 * found.occupancy).padStart(7),
        found.callsPerAgentHour.toFixed(1).padStart(8),
        percent((100 * found.abandoned) / Math.max(1, found.live)).padStart(10),
        percent(found.worst['PT24H'] ?? 0).padStart(11),
        percent(found.worst['P30D'] ?? 0).padStart(11),
        String(found.breaches).padStart(9)
      ].join(' ')
    )
    if (strategy === 'predictive')
      figures.push(
        { what: `${name}, agents busy`, measured: percent(100 * found.occupancy), wanted: '≥ 80 %' },
        { what: `${name}, moments above a cap`, measured: String(found.breaches), wanted: '0' }
      )
  }
tellMissed(figures)
