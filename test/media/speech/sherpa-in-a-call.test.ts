import { join } from 'node:path'
import t from 'tap'
import { CALLERS, recordingsOf, talk } from '../../recordings/support.ts'
import { TestParley } from '../../support/parley.ts'
import { hearTones, sayInTones } from '../../support/speech-servers/tone-words.ts'
import { thenSilence } from '../../support/tone-recognizer.ts'
import { writeToneRecordingModel } from '../../support/tone-recording-model.ts'
import { writeToneVoice } from '../../support/tone-voice-model.ts'

const NUMBER = '+12025550100'
const READY_HZ = 2_900
const FLOW = `
id: alone
name: Alone
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, next: greet }
  greet: { kind: say, prompt: { en: "Order agent. Delivery, please!" }, next: ready }
  ready: { kind: say, prompt: { tone: "%(600,20000,${READY_HZ})" }, next: bye }
  bye: { kind: hangup }
`

type Listed = Readonly<{ kind: string; name: string; host: string | null; centsPerMinute: number; state: string }>

t.test('a company that asks nobody outside speaks and listens by models of its own', { timeout: 280_000 }, async t => {
  const models = t.testdir({})
  await writeToneVoice(join(models, 'a-broken-voice'), { languages: ['en'], fault: 'rateless' })
  await writeToneRecordingModel(join(models, 'a-deaf-model'), ['en'], 'misshapen')
  await writeToneVoice(join(models, 'voice'), { languages: ['en'] })
  await writeToneRecordingModel(join(models, 'ears'), ['en'])
  await using server = await TestParley.start({
    env: { PARLEY_SHERPA_MODELS: models, PARLEY_TRANSCRIBE: 'recorded' }
  })
  await server.addNumber(NUMBER, await server.publish(FLOW))
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendSilence()

  await t.test('the caller hears a prompt by the voice that works', async t => {
    await caller.audio.hears(READY_HZ)
    // A packet that a busy machine loses tears a tone in two, which is then heard as the same word twice.
    const heard = hearTones(caller.audio.captured()).map(one => one.word)
    t.same(
      heard.filter((word, at) => word !== heard[at - 1]),
      ['order', 'agent', 'delivery', 'please']
    )
  })

  await t.test('what both said is written down from the recording by the model that works', async t => {
    await talk(server, 1_000)
    await new Promise<void>(resolve => {
      const samples = sayInTones(['invoice', 'balance'], 400)
      const next = thenSilence(samples)
      let sent = 0
      caller.audio.sendFrames(() => {
        if (sent >= samples.length) resolve()
        sent += 160
        return next()
      })
    })
    await talk(server, 1_000)
    await call.bye()
    const { id } = await server.story(call.callId)
    await recordingsOf(server, id)
    const limit = AbortSignal.timeout(90_000)
    let transcript = await server.api('GET', `/calls/${id}/transcript`)
    while (transcript.status !== 200) {
      limit.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 100))
      transcript = await server.api('GET', `/calls/${id}/transcript`)
    }
    t.match(transcript.body, { origin: 'job', provider: 'sherpa-ears', region: null, status: 'complete' })
    const said = transcript.body['utterances'] as { speaker: string; text: string; startMs: number }[]
    t.same(
      said.map(({ speaker, text }) => `${speaker}: ${text.replace(/(\b\w+)( \1\b)+/g, '$1')}`),
      ['bot: order agent delivery', 'customer: invoice balance']
    )
  })

  await t.test('a supervisor sees all of them, and that nothing leaves this machine', async t => {
    const listed = (await server.api('GET', '/speech/providers')).body.items as Listed[]
    const facts = (kind: string) =>
      listed.filter(one => one.kind === kind && one.name.startsWith('sherpa-')).map(one => one.name)
    t.same(facts('synthesizer'), ['sherpa-a-broken-voice', 'sherpa-voice'])
    t.same(facts('recognizer'), ['sherpa-a-deaf-model', 'sherpa-ears'])
    t.ok(listed.every(one => one.host === null && one.centsPerMinute === 0))
    t.equal(listed.find(one => one.name === 'sherpa-a-broken-voice')?.state, 'open')
  })
})

t.test('recordings cannot be turned into text where no model hears them, and the start says so', async t => {
  const models = t.testdir({})
  await writeToneVoice(join(models, 'voice'), { languages: ['en'] })
  await t.rejects(TestParley.start({ env: { PARLEY_SHERPA_MODELS: models, PARLEY_TRANSCRIBE: 'recorded' } }), {
    code: 'SPEECH_MISSING',
    message: /no model of sherpa-onnx hears recordings/
  })
})
