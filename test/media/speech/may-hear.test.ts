import t from 'tap'
import { RecognizerChain } from '../../../media/speech/recognizer-chain.ts'
import { createToneRecognizer, toneSpeech } from '../../support/tone-recognizer.ts'

const REGIONS = ['eu']
const one = createToneRecognizer({ name: 'one', host: 'one.example.com', region: 'eu', texts: { 500: 'one' } })
const two = createToneRecognizer({ name: 'two', host: 'two.example.com', region: 'eu', texts: { 500: 'two' } })
const here = createToneRecognizer({ name: 'here', texts: { 500: 'here' } })

async function hear(chain: RecognizerChain, mayHear: (host: string) => boolean) {
  const request = { language: 'en', phrases: null, mayHear }
  await chain.prepare(request, AbortSignal.timeout(1_000))
  using stream = chain.open(request)
  stream.write(toneSpeech([500]))
  return (await stream.finish())?.text
}

t.test('of several recognisers only those hear a customer that may', async t => {
  const chain = new RecognizerChain([one, two, here], REGIONS)
  t.equal(await hear(chain, () => true), 'one')
  t.equal(await hear(chain, host => host === 'two.example.com'), 'two')
  t.equal(await hear(chain, () => false), 'here', 'one on this machine always may')
  const outside = new RecognizerChain([one, two], REGIONS)
  await t.rejects(
    hear(outside, () => false),
    { code: 'SPEECH_MISSING' }
  )
})
