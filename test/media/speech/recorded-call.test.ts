import t, { type Test } from 'tap'
import { CALLERS, liveCall, recordingsOf, talk } from '../../recordings/support.ts'
import { throughAzure, throughGoogle } from '../../support/outside-speech.ts'
import { TestParley, type TestParleyOptions } from '../../support/parley.ts'
import { AzureServer } from '../../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../../support/speech-servers/google-server.ts'
import { sayInTones, type ToneWord } from '../../support/speech-servers/tone-words.ts'

const NUMBER = '+12025550100'
const FLOW = `
id: recorded
name: Recorded
languages: [de]
defaultLanguage: de
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, next: tone }
  tone: { kind: say, prompt: { tone: "%(600,20000,2700)" }, next: bye }
  bye: { kind: hangup }
`
const SAID: readonly (readonly ToneWord[])[] = [['invoice', 'delivery'], ['tomorrow']]

/** A caller is recorded, says German words and hangs up; what a provider made of the recording later. */
async function recordedCall(server: TestParley): Promise<Record<string, unknown>> {
  await server.addNumber(NUMBER, await server.publish(FLOW), 'de')
  await using caller = await server.phone({ user: CALLERS.washington })
  const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
  caller.audio.connect((await call.answered()).sdp).sendSilence()
  await caller.audio.hears(2_700)
  liveCall(server)
  for (const words of SAID) {
    await talk(server, 1_000)
    await new Promise<void>(resolve => {
      const samples = sayInTones(words, 400)
      let at = 0
      caller.audio.sendFrames(() => {
        const frame = new Int16Array(160)
        frame.set(samples.subarray(at, at + 160))
        at += 160
        if (at >= samples.length) resolve()
        return frame
      })
    })
  }
  await talk(server, 1_000)
  await call.bye()
  const { id } = await server.story(call.callId)
  await recordingsOf(server, id)
  const limit = AbortSignal.timeout(60_000)
  for (;;) {
    const { status, body } = await server.api('GET', `/calls/${id}/transcript`)
    if (status === 200) return body
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

function recorded(options: TestParleyOptions): TestParleyOptions {
  return { ...options, env: { ...options.env, PARLEY_TRANSCRIBE: 'recorded' } }
}

function saysWhatWasSaid(t: Test, transcript: Record<string, unknown>, provider: string, region: string): void {
  t.match(transcript, { origin: 'job', provider, region, language: 'de', status: 'complete' })
  const said = transcript['utterances'] as { speaker: string; text: string; startMs: number }[]
  const customer = said.filter(one => one.speaker === 'customer')
  // A packet that a busy machine loses tears a tone in two, and its ear then hears the word twice.
  const words = customer.map(one => one.text.replace(/(\S+)( \1)+/g, '$1'))
  t.same(words, ['Rechnung Lieferung', 'morgen'])
}

t.test('what a recorded caller said is heard later by Google', { timeout: 280_000 }, async t => {
  await using google = await GoogleServer.start({ hasTongues: true })
  await using server = await TestParley.start(recorded(throughGoogle(google)))
  saysWhatWasSaid(t, await recordedCall(server), 'google', 'eu')
})

t.test('what a recorded caller said is heard later by Azure', { timeout: 280_000 }, async t => {
  await using azure = await AzureServer.start({ hasTongues: true })
  await using server = await TestParley.start(recorded(throughAzure(azure)))
  saysWhatWasSaid(t, await recordedCall(server), 'azure', 'westeurope')
  const [asked] = azure.asked.filter(one => one.url.startsWith('/speechtotext/transcriptions:transcribe'))
  t.match(asked?.documents, [{ locales: ['de-DE'], channels: [0, 1] }])
})
