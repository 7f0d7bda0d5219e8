import t from 'tap'
import { encodeG711 } from '../../media/audio/g711.ts'
import { timesOf } from '../../server/quality/live/live-side.ts'
import { ToneSource } from '../media/webrtc/support/tone-talker.ts'
import { CALLERS, keeping, liveCall, settledAs, talkOn } from '../recordings/support.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../support/tone-recognizer.ts'
import { indexed } from '../support/transcripts.ts'

const NUMBER = '+12025550111'
const FLOW = `
id: followed
name: Followed
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, question: { tone: "%(600,0,440)" }, refusal: { tone: "%(300,0,770)" }, next: wait }
  wait: { kind: queue, queue: support, next: bye, overflow: stay, failed: bye }
  stay: { kind: say, prompt: { tone: "%(20000,0,880)" }, next: bye }
  bye: { kind: hangup }
`
const TEXTS = { 500: 'where', 700: 'order', 900: 'tomorrow', 1100: 'secret', 1300: 'thanks' }

/** An agent who is quiet until something is to be said. */
class AgentVoice extends ToneSource {
  #frames = thenSilence(new Int16Array(0))

  say(frequenciesHz: readonly number[]): void {
    this.#frames = thenSilence(toneSpeech(frequenciesHz))
  }

  override next() {
    const pcm = this.#frames()
    const payload = new Uint8Array(pcm.length)
    encodeG711('PCMU', pcm, payload)
    return { ...super.next(), payload }
  }
}

type Shown = Readonly<{
  status: string
  utterances: readonly Readonly<{
    speaker: string
    speakerId: string | null
    text: string
    startMs: number
    endMs: number
    words: readonly (readonly number[])[]
  }>[]
}>

for (const database of oneDatabase())
  t.test(`what is said can be read while the call goes on, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({
      database,
      hasDemoData: true,
      recognizers: [createToneRecognizer({ texts: TEXTS, preparesMs: 1_200 })],
      env: {
        PARLEY_TRANSCRIBE: 'live',
        PARLEY_POCKETSPHINX: 'off',
        // The setting wants somebody who hears; this one knows no English, and the test's own ear does.
        PARLEY_OPENAI_SPEECH_URL: 'http://127.0.0.1:9/v1',
        PARLEY_OPENAI_SPEECH_ASR_MODEL: 'whisper-1',
        PARLEY_OPENAI_SPEECH_LANGUAGES: 'de'
      }
    })
    await server.addNumber(NUMBER, await server.publish(FLOW))
    const people = await signInPeople(server, ['ana', 'quinn'])
    const get = (path: string) => server.api('GET', path, undefined, people.quinn.token)
    const shows = async (callId: string, isSo: (transcript: Shown) => boolean) => {
      const limit = AbortSignal.timeout(15_000)
      for (;;) {
        const { body } = await get(`/calls/${callId}/transcript?isFollowing=true`)
        const transcript = body as unknown as Shown
        if (transcript.utterances !== undefined && isSo(transcript)) return transcript
        if (limit.aborted) throw new Error(`it shows ${JSON.stringify(body)}`)
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }
    const dial = async (user: string) => {
      const caller = await server.phone({ user })
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      return { audio: caller.audio, call, [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose]() }
    }
    const said = (transcript: Shown) => transcript.utterances.map(one => [one.speaker, one.text])

    await t.test('both sides, each as who they are, and nothing from a pause', async t => {
      const voice = new AgentVoice(600)
      await using ana = await TestSoftphone.onShift(server, people.ana.token, { voice })
      await using caller = await dial(CALLERS.washington)
      const { call: shown } = await ana.answers()
      const callId = shown?.callId ?? ''
      await ana.until(state => state.call?.recording.state === 'recording')
      caller.audio.sendFrames(thenSilence(toneSpeech([500, 700])))
      const first = await shows(callId, one => one.utterances.length === 1)
      t.match(first, { status: 'writing', utterances: [{ speaker: 'customer', text: 'where order' }] })
      const [utterance] = first.utterances
      t.equal(utterance?.words.length, 2, 'each word has its time')
      const times = (utterance?.words ?? []).flatMap(word => word.slice(2))
      t.same(
        times,
        [...times].sort((a, b) => a - b)
      )
      t.ok((times[0] ?? 0) >= (utterance?.startMs ?? 0) && (times[3] ?? 0) <= (utterance?.endMs ?? 0))
      t.match(await get(`/quality/calls/${callId}`), { status: 200, body: { isRunning: true, transcript: 'writing' } })

      voice.say([900])
      const second = await shows(callId, one => one.utterances.length === 2)
      t.match(second.utterances[1], { speaker: 'agent', speakerId: people.ana.id, text: 'tomorrow' })

      await ana.request('recording', { callId, action: 'pause' })
      await ana.until(state => state.call?.recording.state === 'paused')
      caller.audio.sendFrames(thenSilence(toneSpeech([1100])))
      await talkOn(server, 1_500)
      await ana.request('recording', { callId, action: 'resume' })
      await ana.until(state => state.call?.recording.state === 'recording')
      // Cut off by hanging up: the last words are understood all the same.
      caller.audio.sendFrames(thenSilence(toneSpeech([1300, 1300])))
      await talkOn(server, 500)
      await caller.call.bye()
      const whole = await shows(callId, one => one.status === 'complete')
      t.match(said(whole).slice(0, 2), [
        ['customer', 'where order'],
        ['agent', 'tomorrow']
      ])
      t.match(said(whole).at(-1), ['customer', /^thanks/])
      t.notMatch(JSON.stringify(whole), /secret/)
      await indexed(server)
      const found = await get('/search/calls?q=agent:tomorrow')
      t.match(found.body.items, [{ callId }])
      const log = await server.api('GET', '/audit-log?action=transcript.read&limit=100')
      t.equal((log.body.items as unknown[]).length < 4, true, 'following is logged, and not each look')
      await ana.until(state => state.wrapUp !== null)
    })

    await t.test('who takes the consent back where a yes was needed takes the words back too', async t => {
      await using caller = await dial(CALLERS.berlin)
      await caller.audio.hears(440)
      caller.audio.sendDigits('1').sendSilence()
      await keeping(server)
      const callId = liveCall(server).id
      // Said at once, while a recogniser still gets ready.
      caller.audio.sendFrames(thenSilence(toneSpeech([700, 700])))
      await shows(callId, one => one.utterances.some(utterance => utterance.text.endsWith('order')))
      caller.audio.sendDigits('*0').sendSilence()
      await settledAs(server, 'withdrawn')
      await caller.call.bye()
      const limit = AbortSignal.timeout(15_000)
      while ((await get(`/calls/${callId}/transcript`)).status !== 410) {
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
      t.match(await get(`/calls/${callId}/transcript`), { body: { code: 'TRANSCRIPT_ERASED' } })
    })
  })

t.test('a word has the time at which it was first understood, within what was said', async t => {
  t.same(timesOf(['where', 'is', 'it'], [1_200, 1_500, 2_900], 1_000, 2_400), [
    { text: 'where', startMs: 1_000, endMs: 1_200 },
    { text: 'is', startMs: 1_200, endMs: 1_500 },
    { text: 'it', startMs: 1_500, endMs: 2_400 }
  ])
  t.same(
    timesOf(['my', 'order', 'please'], [1_700, 1_700, 2_000], 1_000, 2_400),
    [
      { text: 'my', startMs: 1_000, endMs: 1_200 },
      { text: 'order', startMs: 1_200, endMs: 1_700 },
      { text: 'please', startMs: 1_700, endMs: 2_000 }
    ],
    'words that were understood at once share their time by their length'
  )
  t.same(timesOf(['where', 'is'], [], 1_000, 2_400), [], 'no times are made up')
})
