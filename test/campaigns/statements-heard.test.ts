import { pino } from 'pino'
import t from 'tap'
import { joinSamples } from '../../media/audio/pcm.ts'
import { generateNoise, generateTone } from '../../media/audio/tone.ts'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { throughAzure } from '../support/outside-speech.ts'
import { oneDatabase, TestParley } from '../support/parley.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { AzureServer } from '../support/speech-servers/azure-server.ts'
import { type HeardTone, hearTones, inTongue, type ToneWord } from '../support/speech-servers/tone-words.ts'
import { thenSilence } from '../support/tone-recognizer.ts'
import { CampaignWorld } from './support.ts'

/** What each statement is heard as. The disclosure takes longer than the two seconds of the law for the key. */
const TONES = {
  identification: ['agent', 'order'],
  aiDisclosure: ['change', 'number', 'change', 'number', 'change', 'number', 'change', 'number', 'change'],
  optOut: ['cancel', 'please'],
  purpose: ['invoice'],
  callbackNumber: ['address', 'delivery'],
  voicemail: ['balance', 'tomorrow']
} as const satisfies Record<string, readonly ToneWord[]>
type Statement = keyof typeof TONES
const FLOW: readonly ToneWord[] = ['thanks', 'delivery', 'thanks']

/** California wants the key within two seconds of who calls, and that a machine says it is one; Germany only the latter. */
const PEOPLE = [
  {
    language: 'en',
    number: '+14155550101',
    obligations: ['OPTOUT_WITHIN_2S_OF_ID', 'AI_DISCLOSE'],
    order: ['identification', 'optOut', 'aiDisclosure', 'purpose', 'callbackNumber']
  },
  {
    language: 'ar',
    number: '+14155550102',
    obligations: ['OPTOUT_WITHIN_2S_OF_ID', 'AI_DISCLOSE'],
    order: ['identification', 'optOut', 'aiDisclosure', 'purpose', 'callbackNumber']
  },
  {
    language: 'de',
    number: '+493023125201',
    obligations: ['IDENTIFY_AT_START', 'AI_DISCLOSE', 'PURPOSE_DISCLOSE'],
    order: ['identification', 'aiDisclosure', 'optOut', 'purpose', 'callbackNumber']
  }
] as const satisfies readonly Readonly<{ order: readonly Statement[]; [more: string]: unknown }>[]
type Person = (typeof PEOPLE)[number]

const written = (words: readonly ToneWord[], language: string) =>
  words.map(word => inTongue({ word, startMs: 0, endMs: 0 }, language).word).join(' ')

const statementsIn = (language: string) =>
  Object.fromEntries(Object.entries(TONES).map(([name, words]) => [name, `${written(words, language)}.`])) as Record<
    Statement,
    string
  >

const LANGUAGES = Object.fromEntries(PEOPLE.map(({ language }) => [language, statementsIn(language)]))

const MESSAGE = `
id: message
name: Message
languages: [en, de, ar]
defaultLanguage: en
start: say
onFailure: bye
nodes:
  say:
    kind: say
    bargeIn: false
    prompt: { ${PEOPLE.map(({ language }) => `${language}: "${written(FLOW, language)}."`).join(', ')} }
    next: bye
  bye: { kind: hangup }
`

for (const database of oneDatabase())
  t.test(
    `what the law wants said is heard in its order, in each language, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using azure = await AzureServer.start({ hasTongues: true })
      await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
      await using server = await TestParley.start({ database, hasDemoData: true, ...throughAzure(azure) })
      await using espeak = createEspeak(pino({ level: 'silent' }))
      const spoken = async (text: string) => await espeak.synthesize(text, 'en', AbortSignal.timeout(30_000))
      const world = await CampaignWorld.open(server, carrier)
      await server.publish(MESSAGE)
      const campaign = async (people: readonly (readonly [Person, string])[], voicemail = LANGUAGES) => {
        const lists = await Promise.all(
          people.map(([{ language }, number]) => world.list([[language, number]], { language }))
        )
        return await world.start('agentless', {
          purpose: 'marketing',
          isAi: true,
          lists,
          flowId: 'message',
          languages: voicemail,
          amd: { isOn: true, onMachine: 'message' }
        })
      }
      /** Answers as many calls with this sound; what each number heard from the answer to the end. */
      const answer = async (calls: number, sound: Int16Array) => {
        const heard = new Map<string, readonly HeardTone[]>()
        const answering = Array.from({ length: calls }, async () => {
          const incoming = await carrier.nextInvite()
          await using ear = await startRtpPeer()
          ear.connect(incoming.sdp).sendSilence()
          await incoming.answer(ear.sdp())
          ear.sendFrames(thenSilence(sound))
          await incoming.waitForBye(90_000)
          heard.set(/sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? '', hearTones(ear.captured()))
        })
        await Promise.all(answering)
        return heard
      }
      const wordsOf = (names: readonly Statement[]) => names.flatMap((name): readonly ToneWord[] => TONES[name])

      await t.test('a person hears it in the order of the decision’s obligations', async t => {
        const hello = await spoken('Hello?')
        const id = await campaign(PEOPLE.map(one => [one, one.number] as const))
        const heard = await answer(PEOPLE.length, joinSamples([hello, new Int16Array(8 * 2_500), hello]))
        const attempts = await world.until(id, all => all.every(one => one.outcome !== null))
        for (const { language, number, order, obligations } of PEOPLE) {
          const attempt = attempts.find(one => one.contactName === language)
          t.match(attempt, { outcome: 'person', amdResult: 'human' }, language)
          const decision = await world.call('GET', `/compliance/decisions/${attempt?.decisionId}`, undefined, 200)
          const wanted = (decision['decision'] as { obligations: { code: string }[] }).obligations.map(one => one.code)
          for (const code of obligations) t.ok(wanted.includes(code), `${language}: the law wants ${code}`)
          const tones = heard.get(number) ?? []
          t.same(
            tones.map(one => one.word),
            [...wordsOf(order), ...FLOW],
            `${language}: ${order.join(', ')}, then the flow`
          )
          if (!(obligations as readonly string[]).includes('OPTOUT_WITHIN_2S_OF_ID')) continue
          // In the time of the sound itself, whatever the machine has to do.
          const identified = tones[TONES.identification.length - 1]?.endMs ?? Number.NaN
          const key = tones.find(one => one.word === TONES.optOut[0])?.startMs ?? Number.NaN
          t.ok(key - identified <= 2_000, `${language}: the key is told ${key - identified} ms after who calls`)
        }
      })

      await t.test('a machine records who has called and the message, once', async t => {
        const greeting = await spoken(
          'You have reached Ann and Ben. We cannot come to the phone right now. Please leave a message after the tone.'
        )
        const beep = generateTone({ frequenciesHz: [1_000], durationMs: 400, amplitude: 9_000 })
        const sound = joinSamples([greeting, generateNoise(3_200, 40), beep])
        const numbers = PEOPLE.map(one => [one, `${one.number.slice(0, -2)}5${one.number.slice(-1)}`] as const)
        const id = await campaign(numbers)
        const heard = await answer(PEOPLE.length, sound)
        const attempts = await world.until(id, all => all.every(one => one.outcome !== null))
        for (const [{ language }, number] of numbers) {
          t.match(
            attempts.find(one => one.contactName === language),
            { outcome: 'machine', amdResult: 'machine' },
            language
          )
          t.same(
            heard.get(number)?.map(one => one.word),
            wordsOf(['identification', 'voicemail']),
            `${language}: who calls, then the message`
          )
        }
        const whole = {
          ...statementsIn('de'),
          voicemail: `${statementsIn('de').identification} ${statementsIn('de').voicemail}`
        }
        const [german] = PEOPLE.filter(one => one.language === 'de')
        if (german === undefined) throw new Error('nobody speaks German')
        await campaign([[german, '+493023125209']], { ...LANGUAGES, de: whole })
        t.same(
          (await answer(1, sound)).get('+493023125209')?.map(one => one.word),
          wordsOf(['identification', 'voicemail']),
          'who calls is not said twice where the message says it'
        )
      })
    }
  )
