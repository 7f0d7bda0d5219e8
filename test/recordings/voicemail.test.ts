import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import t from 'tap'
import { toneShare } from '../../media/audio/goertzel.ts'
import { parseWav } from '../../media/audio/wav.ts'
import { listRecordingConsents } from '../../sql/queries/recordings.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { audioBytes, CALLERS, hear, recordingsOf, talk, toneTime } from './support.ts'

const NUMBER = '+12025550100'
const TOLD = '+12025550101'

/** The words before the tone are the flow's (440 Hz), or there are none and they are ours. */
const mailbox = (id: string, prompt: string) => `
id: ${id}
name: Mailbox ${id}
languages: [en]
defaultLanguage: en
start: mail
onFailure: sorry
nodes:
  mail: { kind: voicemail, ${prompt} mailbox: sales, maxMs: 20000, silenceMs: 1500, next: thanks, empty: nothing, failed: sorry }
  thanks: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,1200)" }, next: bye }
  nothing: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,1500)" }, next: bye }
  sorry: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,350)" }, next: bye }
  bye: { kind: hangup }
`

for (const database of oneDatabase())
  t.test(
    `a message that a caller leaves is a recording by a grant, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using server = await TestParley.start({ database })
      await server.addNumber(NUMBER, await server.publish(mailbox('mailbox', '')))
      await server.addNumber(TOLD, await server.publish(mailbox('told', 'prompt: { tone: "%(600,0,440)" },')))
      const { db } = server.parley

      const dial = async (number: string, user: string) => {
        const caller = await server.phone({ user })
        const call = caller.phone.call(server.uri(number), { sdp: caller.audio.sdp() })
        caller.audio.connect((await call.answered()).sdp).sendSilence()
        return { ...caller, call, [Symbol.asyncDispose]: () => caller[Symbol.asyncDispose]() }
      }
      /** A caller leaves a message of 700 Hz; the id of the call. */
      const leave = async (user: string) => {
        await using caller = await dial(TOLD, user)
        await caller.audio.hears(1000)
        caller.audio.sendTone(700)
        await talk(server, 2_000)
        caller.audio.sendDigits('#').sendSilence()
        await caller.audio.hears(1200)
        await caller.call.waitForBye()
        return (await server.story(caller.call.callId)).id
      }
      const mailboxOf = async (callId: string) =>
        (await server.api('GET', `/voicemails?callId=${callId}`)).body.items as {
          id: string
          recordingId: string
          durationMs: number
        }[]

      await t.test('not a byte is kept before something is said, and the words told are proof', async t => {
        await using caller = await dial(TOLD, CALLERS.berlin)
        await caller.audio.hears(440)
        await caller.audio.hears(1000)
        t.equal(await audioBytes(server), 0)
        t.same(await db.selectFrom('recording_consents').selectAll().execute(), [], 'nobody has agreed to anything yet')
        caller.audio.sendTone(700)
        await talk(server, 2_000)
        caller.audio.sendDigits('#').sendSilence()
        await caller.audio.hears(1200)
        await caller.call.waitForBye()
        const story = await server.story(caller.call.callId)
        t.match(
          story.events.filter(one => /^(recording|voicemail)/.test(one.kind)).map(one => [one.kind, one.data]),
          [
            ['recordingConsent', { party: 'voicemail', result: 'granted', policy: 'opt_in', method: 'conduct' }],
            ['voicemailLeft', { durationMs: Number }]
          ]
        )
        const [consent] = await listRecordingConsents(db, story.id)
        t.match(consent, { party: 'voicemail', method: 'conduct', prompt_version: /^[0-9a-f]{32}$/, language: 'en' })
        const { prompts } = await db
          .selectFrom('recording_prompts')
          .select('prompts')
          .where('version', '=', consent?.prompt_version ?? '')
          .executeTakeFirstOrThrow()
        t.match(prompts, [
          { kind: 'tone', spec: '%(600,0,440)' },
          { kind: 'tone', spec: /1000/ }
        ])
        const [recording] = await recordingsOf(server, story.id)
        if (recording === undefined) throw new Error('the message was not kept')
        t.match(recording, { kind: 'voicemail', state: 'stored', consentId: consent?.id, problem: null })
        t.match(recording.gaps, [{ kind: 'beforeConsent', fromMs: 0 }], 'nothing from before the tone')
        const from = recording.gaps[0]?.toMs ?? 0
        const { left } = await hear(server, recording.id, { fromMs: from + 500, toMs: from + 1_800 })
        t.ok(toneTime(left, 700) > 0.8, 'what was said since the tone is whole')
      })

      await t.test('a caller whom no flow has told is told by us, and stays free to say nothing', async t => {
        const bytesBefore = await audioBytes(server)
        await using caller = await dial(NUMBER, CALLERS.washington)
        await caller.audio.hears(1000)
        await caller.audio.hears(1500)
        await caller.call.waitForBye()
        const story = await server.story(caller.call.callId)
        t.same(await recordingsOf(server, story.id), [])
        t.same(await listRecordingConsents(db, story.id), [], 'silence is no consent')
        t.equal(await audioBytes(server), bytesBefore)
      })

      await t.test(
        'a message is heard, held and erased like every recording, and leaves its mailbox with it',
        async t => {
          const callId = await leave(CALLERS.london)
          const [message] = await mailboxOf(callId)
          if (message === undefined) throw new Error('the mailbox is empty')
          t.match(message, { id: message.recordingId })
          const heard = await fetch(`${server.url}/api/v1/voicemails/${message.id}/audio`, {
            headers: { authorization: `Bearer ${await server.adminToken()}` }
          })
          const wav = parseWav(Buffer.from(await heard.arrayBuffer()))
          t.same([wav.channels, wav.sampleRateHz], [1, 8000])
          t.ok(toneShare(wav.samples.subarray(8_000, 9_600), 700) > 0.6)
          t.match((await server.api('GET', '/audit-log?action=voicemail.heard')).body.items, [
            { subjectId: message.id }
          ])
          t.match((await server.api('GET', `/recordings?callId=${callId}`)).body.items, [
            { id: message.recordingId, kind: 'voicemail' }
          ])

          const kept = async () =>
            ((await server.api('GET', `/calls/${callId}/retention`)).body['items'] as Record<string, unknown>[]).filter(
              one => one['store'] === 'voicemails' || one['store'] === 'recordings'
            )
          t.match(await kept(), [{ store: 'voicemails', id: message.id, hold: null }], 'once, among the messages')
          await server.api('PUT', `/recordings/${message.recordingId}/legal-hold`, { reason: 'Case 7' })
          t.match(await kept(), [{ store: 'voicemails', hold: 'Case 7' }])
          await t.rejects(server.parley.recordings.library.erase(message.recordingId, 'test', 'test'), {
            code: 'CONFLICT'
          })
          await server.api('PUT', `/recordings/${message.recordingId}/legal-hold`, { reason: null })

          await server.parley.recordings.settled()
          const files = async () =>
            (await readdir(join(server.dataDir, 'recordings'), { recursive: true })).filter(one =>
              one.includes(message.id)
            )
          t.equal((await files()).length, 1)
          t.match(await server.parley.recordings.library.erase(message.recordingId, 'test', 'test'), {
            bytesGone: true
          })
          t.same([await mailboxOf(callId), await files()], [[], []])
          t.match(await recordingsOf(server, callId), [{ state: 'erased', kind: 'voicemail' }], 'a tombstone stays')
        }
      )

      await t.test(
        'retention deletes messages by their own rule, and the calls’ recordings are another matter',
        async t => {
          const callId = await leave(CALLERS.london)
          await server.parley.recordings.settled()
          const rule = { name: 'Messages', stores: ['voicemails'], keepDays: 0, reason: 'test' }
          t.equal((await server.api('POST', '/retention/rules', rule)).status, 201)
          const dry = (await server.api('POST', '/retention/dry-run', {})).body
          t.match(dry['byRule'], [{ store: 'voicemails', name: 'Messages' }])
          await server.api('POST', '/retention/sweep', {})
          t.same(await mailboxOf(callId), [])
          t.match(await recordingsOf(server, callId), [{ state: 'erased' }])
          t.match(await db.selectFrom('erasures').select(['store', 'method']).where('call_id', '=', callId).execute(), [
            { store: 'voicemails', method: 'data key destroyed, then the sound deleted' }
          ])
        }
      )
    }
  )
