import { pino } from 'pino'
import { createEspeak } from '../media/prompts/espeak.ts'
import { createPocketsphinx } from '../media/speech/providers/pocketsphinx.ts'
const LONG = 'Thank you for calling. Your parcel has left our warehouse this morning and will reach you tomorrow between nine and twelve. If nobody is at home, the driver leaves it with a neighbour.'
await using e = createEspeak(pino())
await e.synthesize('one', 'en', AbortSignal.timeout(20000))
let t0 = performance.now()
const s = await e.synthesize(LONG, 'en', AbortSignal.timeout(20000))
console.log('espeak', performance.now() - t0, s.length / 8000)
const answer = await e.synthesize('my order has not arrived', 'en', AbortSignal.timeout(20000))
const p = createPocketsphinx('/usr/share/pocketsphinx/model/en-us', pino()) ?? createPocketsphinx('/usr/share/pocketsphinx/model', pino())
console.log(p !== null)
if (p !== null) {
  const request = { language: 'en', phrases: ['my order has not arrived', 'sales', 'support please'] }
  await p.prepare(request, AbortSignal.timeout(20000))
  t0 = performance.now()
  const st = p.open(request); st.write(answer)
  console.log(await st.finish(), performance.now() - t0, answer.length / 8000)
  await p[Symbol.asyncDispose]()
}
