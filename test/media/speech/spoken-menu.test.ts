import t, { type Test } from 'tap'
import { throughAzure, throughGoogle } from '../../support/outside-speech.ts'
import { TestParley } from '../../support/parley.ts'
import { AzureServer } from '../../support/speech-servers/azure-server.ts'
import { GoogleServer } from '../../support/speech-servers/google-server.ts'
import { sayInTones, type ToneWord } from '../../support/speech-servers/tone-words.ts'
import { SPOKEN_MENU } from '../../support/spoken-menu.ts'
import { thenSilence } from '../../support/tone-recognizer.ts'

/** Numbers of a place where nothing need be said before somebody outside hears the caller. */
const CALLERS = [
  { language: 'de', number: '+12025550111', google: { heard: 'de-DE', spoken: 'de-DE' }, azure: 'de-DE' },
  { language: 'zh', number: '+12025550112', google: { heard: 'cmn-Hans-CN', spoken: 'cmn-CN' }, azure: 'zh-CN' },
  { language: 'ar', number: '+12025550113', google: { heard: 'ar-SA', spoken: 'ar-XA' }, azure: 'ar-SA' }
] as const

/** What is said, the branch that it stands for, the branch's tone, and the tone of what its voice says. */
const BRANCHES: readonly Readonly<{ word: ToneWord; key: string; toneHz: number; voiceHz: number }>[] = [
  { word: 'order', key: '1', toneHz: 880, voiceHz: 1_500 },
  { word: 'agent', key: '2', toneHz: 1_200, voiceHz: 1_700 },
  { word: 'address', key: '3', toneHz: 1_600, voiceHz: 2_100 }
]
/** “Please”, which begins the menu in every language. */
const PLEASE_HZ = 2_500

type Caller = (typeof CALLERS)[number]

/** Everybody calls the menu in their language and says each of its choices. */
async function callsTheMenu(t: Test, server: TestParley, check: (t: Test, caller: Caller) => void) {
  await server.publish(SPOKEN_MENU)
  for (const { number, language } of CALLERS) await server.addNumber(number, 'spoken-menu', language)
  // Callers wait most of the time: those of the three languages call beside each other.
  t.jobs = CALLERS.length
  const calls = CALLERS.map(caller =>
    t.test(caller.language, { buffered: true }, async t => {
      for (const { word, key, toneHz, voiceHz } of BRANCHES) {
        const { phone, audio, ...rest } = await server.phone()
        await using _ = rest
        const leg = phone.call(server.uri(caller.number), { sdp: audio.sdp() })
        audio.connect((await leg.answered()).sdp).sendSilence()
        await audio.hears(PLEASE_HZ)
        // A word that arrives with a hole in it, on a busy machine, is said again when the menu asks again.
        do {
          await audio.hears(440)
          audio.sendFrames(thenSilence(sayInTones([word], 400)))
        } while ((await audio.hearsOneOf([toneHz, PLEASE_HZ])) === PLEASE_HZ)
        await audio.hears(voiceHz)
        await leg.waitForBye()
        const { events } = await server.story(leg.callId)
        const left = events.find(one => one.kind === 'nodeLeft' && one.data['node'] === 'menu')
        t.match(left?.data, { outcome: `key ${key}`, detail: { key, by: 'speech' } }, word)
        t.same(
          events.filter(one => /^speech(Failed|FellOver|Unavailable)|^promptFailed/.test(one.kind)),
          []
        )
      }
      check(t, caller)
    })
  )
  await Promise.all(calls)
  const choices = async (more = '') => {
    const day = [Date.now() - 3_600_000, Date.now() + 3_600_000].map(ms => new Date(ms).toISOString())
    return (await server.api('GET', `/reports/bots?from=${day[0]}&to=${day[1]}${more}`)).body['menuChoices']
  }
  const wanted = (count: number) =>
    BRANCHES.map(({ key }) => ({ flowId: 'spoken-menu', node: 'menu', key, count, spoken: count, calls: count }))
  t.same(await choices(), wanted(CALLERS.length), 'supervisors see what callers said that they want')
  t.same(await choices('&language=de'), wanted(1))
}

t.test('callers speak to a menu that Google hears and speaks', { timeout: 280_000 }, async t => {
  await using google = await GoogleServer.start({ hasTongues: true })
  await using server = await TestParley.start(throughGoogle(google))
  await callsTheMenu(t, server, (t, { google: { heard, spoken } }) => {
    t.ok(google.configs.some(one => languageHeard(one) === heard))
    t.ok(google.configs.some(one => languageSpoken(one) === spoken))
  })
})

t.test('callers speak to the same menu that Azure hears and speaks', { timeout: 280_000 }, async t => {
  await using azure = await AzureServer.start({ hasTongues: true })
  await using server = await TestParley.start(throughAzure(azure))
  await callsTheMenu(t, server, (t, { azure: tag }) => {
    t.ok(azure.asked.some(one => one.url.includes(`language=${tag}`)))
    t.ok(azure.ssml.some(one => one.includes(`xml:lang="${tag}"`)))
  })
})

/** Of what was asked for: the language of a recognition. */
function languageHeard(asked: unknown): string | undefined {
  return (asked as { config?: { languageCode?: string } }).config?.languageCode
}

function languageSpoken(asked: unknown): string | undefined {
  return (asked as { voice?: { languageCode?: string } }).voice?.languageCode
}
