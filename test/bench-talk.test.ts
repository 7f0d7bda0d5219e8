import t from 'tap'
import { makeTalk } from '../bench/quality/talk.ts'

/** Numbers from 0 to below 1, the same in every run (xorshift32). */
function seeded(): () => number {
  let state = 7
  return () => {
    state ^= state << 13
    state ^= state >>> 17
    state ^= state << 5
    return (state >>> 0) / 2 ** 32
  }
}

for (const [language, share, functionBytes, bytes] of [
  ['en', 0.546, 2.67, 4.81],
  ['de', 0.54, 3.41, 6.13],
  ['es', 0.501, 2.79, 6.16]
] as const) {
  t.test(`made-up talk has the proportions of real talk: ${language}`, async t => {
    const talk = makeTalk(language, seeded())
    let functions = 0
    let spoken = 0
    let bytesOfFunctions = 0
    let bytesOfContent = 0
    const different = new Map([
      [80, 0],
      [185, 0],
      [455, 0]
    ])
    const calls = 200
    for (let call = 0; call < calls; call++) {
      const word = talk.beginCall()
      const seen = new Set<string>()
      for (let content = 0; content < 455; ) {
        const next = word()
        spoken += 1
        if (talk.isFunctionWord(next)) {
          functions += 1
          bytesOfFunctions += Buffer.byteLength(next)
          continue
        }
        bytesOfContent += Buffer.byteLength(next)
        seen.add(next)
        content += 1
        if (different.has(content)) different.set(content, (different.get(content) ?? 0) + seen.size)
      }
    }
    const near = (what: string, is: number, wanted: number, by: number) =>
      t.ok(Math.abs(is - wanted) <= by, `${what}: ${is.toFixed(3)}, of real talk ${wanted}`)
    near('share of function words', functions / spoken, share, 0.01)
    near('bytes of a function word', bytesOfFunctions / functions, functionBytes, 0.35)
    near('bytes of a content word', bytesOfContent / (spoken - functions), bytes, 0.35)
    near('different of 80', (different.get(80) ?? 0) / calls / 80, 0.674, 0.03)
    near('different of 185', (different.get(185) ?? 0) / calls / 185, 0.575, 0.03)
    near('different of 455', (different.get(455) ?? 0) / calls / 455, 0.467, 0.03)
    t.equal(new Set(talk.content).size, talk.content.length, 'no word stands for two')
  })
}
