import t from 'tap'
import type { BatchRecognizer } from '../../media/speech/batch-recognizer.ts'
import { SpeechError } from '../../media/speech/recognizer.ts'
import { createOpenaiBatch } from '../../media/speech/providers/openai-speech.ts'
import { newId } from '../../server/ids.ts'
import { createLoggers } from '../../server/log.ts'
import { recordingSource } from '../../server/quality/recording-source.ts'
import type { TranscriptionParts } from '../../server/quality/transcription/transcribe-recording.ts'
import { queueTranscriptions, runTranscription } from '../../server/quality/transcription/transcription-jobs.ts'
import { CALLERS, liveCall, recordingsOf, talk } from '../recordings/support.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { OpenaiServer } from '../support/speech-servers/openai-server.ts'
import { sayInTones, type ToneWord } from '../support/speech-servers/tone-words.ts'
import { thenSilence } from '../support/tone-recognizer.ts'
import { indexed } from '../support/transcripts.ts'

const NUMBER = '+12025550100'
/** The prompt is “thanks” in the language of tones. */
const FLOW = `
id: spoken
name: Spoken
languages: [en]
defaultLanguage: en
start: consent
onFailure: bye
nodes:
  consent: { kind: consent, next: tone }
  tone: { kind: say, prompt: { tone: "%(600,20000,2700)" }, next: bye }
  bye: { kind: hangup }
`

type Job = Readonly<{ status: string; attempts: number; code: string | null; againAt: string | null }>

for (const database of oneDatabase())
  t.test(`recordings are turned into text, with ${database}`, { timeout: 280_000 }, async t => {
    await using openai = await OpenaiServer.start()
    await using server = await TestParley.start({
      database,
      env: {
        PARLEY_TRANSCRIBE: 'recorded',
        PARLEY_SPEECH_REGIONS: 'eu',
        PARLEY_OPENAI_SPEECH_URL: openai.url,
        PARLEY_OPENAI_SPEECH_ASR_MODEL: 'whisper-1',
        PARLEY_OPENAI_SPEECH_LANGUAGES: 'en',
        PARLEY_OPENAI_SPEECH_REGION: 'eu'
      }
    })
    const { db, recordings } = server.parley
    await server.addNumber(NUMBER, await server.publish(FLOW))

    /** Says each group of words, with the card's keys hidden around those in brackets, and hangs up. */
    const callAndSay = async (...groups: readonly Readonly<{ words: readonly ToneWord[]; isCard?: boolean }>[]) => {
      await using caller = await server.phone({ user: CALLERS.washington })
      const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
      caller.audio.connect((await call.answered()).sdp).sendSilence()
      await caller.audio.hears(2_700)
      // The prompt first, so that the two do not begin together.
      await talk(server, 1_000)
      const recording = recordings.of(liveCall(server))
      for (const { words, isCard = false } of groups) {
        if (isCard) recording.startCard('test')
        await new Promise<void>(resolve => {
          const samples = sayInTones(words, 400)
          const next = thenSilence(samples)
          let sent = 0
          caller.audio.sendFrames(() => {
            if (sent >= samples.length) resolve()
            sent += 160
            return next()
          })
        })
        await talk(server, 1_000)
        if (isCard) recording.endCard('test')
      }
      await call.bye()
      const { id } = await server.story(call.callId)
      await recordingsOf(server, id)
      return id
    }
    const transcript = async (callId: string) => await server.api('GET', `/calls/${callId}/transcript`)
    const job = async (callId: string) =>
      (await server.api('GET', `/quality/calls/${callId}`)).body['transcription'] as Job | null
    /** The job once it is so far, as the review desk sees it. */
    const jobThatIs = async (callId: string, status: string): Promise<Job> => {
      const limit = AbortSignal.timeout(90_000)
      for (;;) {
        const found = await job(callId)
        if (found?.status === status && found.attempts > 0) return found
        limit.throwIfAborted()
        await new Promise(resolve => setTimeout(resolve, 50))
      }
    }

    /** What the server's own jobs stand on, to run one at a later hour. */
    const parts: TranscriptionParts = {
      quality: {
        db,
        secretKey: server.secretKey,
        log: createLoggers('fatal').quality,
        recordings: recordingSource(db, recordings.library, () => undefined),
        isRestricted: async () => false
      },
      recognizers: [
        createOpenaiBatch({
          url: openai.url,
          key: null,
          asrModel: 'whisper-1',
          ttsModel: null,
          languages: ['en'],
          region: 'eu'
        })
      ].filter(one => one !== null),
      mayProcess: () => true
    }
    const runLater = async (more: Partial<TranscriptionParts> = {}) =>
      await runTranscription({ ...parts, ...more }, new Date(Date.now() + 3_600_000), new AbortController().signal)
    /** As if nobody had given the job up. */
    const askAgain = async (callId: string) =>
      await db
        .updateTable('transcription_jobs')
        .set({ status: 'waiting', leased_until: null })
        .where('call_id', '=', callId)
        .execute()

    await t.test(
      'what was said is found, who said it and when is known, and what was keyed as a card is not there',
      async t => {
        const callId = await callAndSay(
          { words: ['invoice', 'delivery'] },
          { words: ['cancel'], isCard: true },
          { words: ['tomorrow'] }
        )
        t.match(await jobThatIs(callId, 'done'), { attempts: 1, code: null })
        const { body } = await transcript(callId)
        t.match(body, { origin: 'job', provider: 'openai', region: 'eu', language: 'en', status: 'complete' })
        const said = body['utterances'] as { speaker: string; text: string; words: number[][] }[]
        // A packet that a busy machine loses tears a tone in two, and its ear then hears the word twice.
        const lines = said.map(({ speaker, text }) => `${speaker}: ${text.replace(/(\b\w+)( \1\b)+/g, '$1')}`)
        t.same(lines, ['bot: thanks', 'customer: invoice delivery', 'customer: tomorrow'])
        const { text = '', words = [] } = said[1] ?? {}
        const startOf = (word: string) =>
          words.find(([from = 0, to]) => text.slice(from, to) === word)?.[2] ?? Number.NaN
        const apartMs = startOf('delivery') - startOf('invoice')
        t.ok(apartMs >= 400 && apartMs <= 700, `the second word begins ${apartMs} ms after the first`)
        await indexed(server)
        const found = await server.api('GET', '/search/calls?q=invoice')
        t.match(found.body.items, [{ callId }])
        t.same((await server.api('GET', '/search/calls?q=cancel')).body.items, [])
      }
    )

    await t.test('a recording is queued and heard once', async t => {
      const heard = openai.forms.length
      t.equal(await queueTranscriptions({ db }, new Date(), 100), 0)
      t.equal(await runLater(), false)
      t.equal(openai.forms.length, heard)
    })

    await t.test(
      'an engine that fails is asked again later, and never one outside that may not hear the call',
      async t => {
        openai.trouble = { kind: 'status', status: 503 }
        const callId = await callAndSay({ words: ['balance'] })
        const waiting = await jobThatIs(callId, 'waiting')
        t.match(waiting, { attempts: 1, code: 'SPEECH_FAILED' })
        t.ok(new Date(waiting.againAt ?? 0).getTime() > Date.now() + 30_000)
        openai.trouble = null
        const heard = openai.forms.length
        t.equal(await runLater({ mayProcess: (places, host) => places.length === 0 || host !== '127.0.0.1' }), true)
        t.match(await job(callId), { status: 'failed', code: 'SPEECH_MISSING' })
        t.equal(openai.forms.length, heard, 'nothing was sent')
        await askAgain(callId)
        const away = parts.recognizers.map(one => ({
          ...one,
          name: 'away',
          recognize: () => Promise.reject(new SpeechError('SPEECH_FAILED', 'no connection'))
        }))
        t.equal(await runLater({ recognizers: [...away, ...parts.recognizers] }), true)
        t.match(await job(callId), { status: 'done', attempts: 3, code: null })
        t.match((await transcript(callId)).body, {
          provider: 'openai',
          utterances: [{ text: /thanks/ }, { text: /balance/ }]
        })
      }
    )

    await t.test('nothing is heard of a recording that was erased, or whose consent was taken back', async t => {
      openai.trouble = { kind: 'status', status: 503 }
      const callId = await callAndSay({ words: ['order'] })
      await jobThatIs(callId, 'waiting')
      openai.trouble = null
      const heard = openai.forms.length
      const [recording] = await recordings.library.listByCall(callId)
      const hearsWhile = (happens: () => Promise<unknown>): readonly BatchRecognizer[] =>
        parts.recognizers.map(one => ({
          ...one,
          async recognize({ left }) {
            await happens()
            return { left: [{ text: 'order', startMs: 0, endMs: left.length / 8, confidence: 1 }], right: [] }
          }
        }))
      const stopping = new AbortController()
      const stops = hearsWhile(async () => {
        stopping.abort()
        throw stopping.signal.reason
      })
      await runTranscription({ ...parts, recognizers: stops }, new Date(Date.now() + 3_600_000), stopping.signal)
      t.match(await job(callId), { status: 'waiting', attempts: 1, code: null }, 'a shutdown is no attempt')
      const erases = hearsWhile(() => recordings.library.erase(recording?.id ?? '', 'test', 'test'))
      await runLater({ recognizers: erases })
      t.match(await job(callId), { status: 'failed', code: 'TRANSCRIPT_ERASED' }, 'erased while it was heard')
      await askAgain(callId)
      await runLater()
      t.match(await job(callId), { status: 'failed', code: 'TRANSCRIPT_ERASED' })
      const given = await db
        .selectFrom('recording_consents')
        .selectAll()
        .where('call_id', '=', callId)
        .executeTakeFirstOrThrow()
      await db
        .insertInto('recording_consents')
        .values({
          id: newId(),
          call_id: callId,
          result: 'withdrawn',
          policy: given.policy,
          method: 'agent',
          prompt_version: null,
          language: null,
          jurisdictions: [...given.jurisdictions],
          withdraws: given.id
        })
        .execute()
      await askAgain(callId)
      await runLater()
      t.match(await job(callId), { status: 'failed', code: 'TRANSCRIPT_NOT_ALLOWED' })
      t.equal(openai.forms.length, heard, 'nothing was sent')
      t.equal((await transcript(callId)).status, 404)
    })
  })
