import { pino } from 'pino'
import t from 'tap'
import { generateNoise } from '../../media/audio/tone.ts'
import { isAudible } from '../../media/prompts/gather-speech.ts'
import { createEspeak } from '../../media/prompts/espeak.ts'
import { screeningIn } from '../../server/campaigns/screening-words.ts'
import type { CampaignSettings } from '../../server/campaigns/settings.ts'
import { TestParley } from '../support/parley.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { startSipPhone } from '../support/sip-phone.ts'
import { CampaignWorld, WORDS } from './support.ts'

/** What is said first, in few words, because it is said twice. */
const SHORT = { ...WORDS, purpose: 'Your contract.', optOut: 'Nine ends this.', callbackNumber: 'Two oh two.' }

t.test('an assistant that asks who calls is told from a machine that records by its words', async t => {
  const asks: readonly (readonly [string, string])[] = [
    [
      'en',
      'Hi, the person you are calling is using a screening service. Please say your name and why you are calling.'
    ],
    ['en', 'please state your name and the reason for your call'],
    ['de', 'Bitte nennen Sie Ihren Namen und den Grund Ihres Anrufs.'],
    ['es', 'Por favor, diga su nombre y el motivo de su llamada.'],
    ['zh', '请说出您的姓名和来电原因'],
    ['ja', 'お名前とご用件をお願いします'],
    ['ar', 'من فضلك اذكر اسمك وسبب الاتصال']
  ]
  for (const [language, words] of asks) t.equal(screeningIn(words, language), 'asks', words)
  const records: readonly (readonly [string, string])[] = [
    ['en', 'Please leave your name and number after the tone.'],
    ['de', 'Bitte nennen Sie Ihren Namen und hinterlassen Sie eine Nachricht nach dem Ton.'],
    ['es', 'Diga su nombre y deje su mensaje después de la señal.'],
    ['zh', '请在提示音后留言'],
    ['ja', 'ピーという音の後にお名前とご用件をお話しください'],
    ['ar', 'اذكر اسمك بعد سماع الصافرة']
  ]
  for (const [language, words] of records) t.equal(screeningIn(words, language), 'records', words)
  t.equal(screeningIn('hello', 'en'), null)
  t.equal(screeningIn('please say your name', 'xx'), null)
})

t.test('a campaign meets an assistant that screens calls', { timeout: 280_000 }, async t => {
  await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
  await using server = await TestParley.start({ hasDemoData: true })
  await using speech = createEspeak(pino({ level: 'silent' }))
  const say = (text: string) => speech.synthesize(text, 'en', AbortSignal.timeout(30_000))
  const question = await say('Hi, you are calling a person who uses an assistant. Go ahead and tell me who it is.')
  const hello = await say('Hello?')
  const world = await CampaignWorld.open(server, carrier)
  const dial = async (number: string, amd: Omit<CampaignSettings['amd'], 'isOn'>) => {
    const list = await world.list([['Screened', number]])
    const id = await world.start('agentless', {
      languages: { en: SHORT },
      lists: [list],
      flowId: 'campaign-message',
      amd: { isOn: true, ...amd }
    })
    return { id, incoming: await carrier.nextInvite() }
  }

  await t.test('by default not a word is said to it, and no message left', async t => {
    const { id, incoming } = await dial('+12025550261', { onMachine: 'message' })
    await using assistant = await startRtpPeer()
    assistant.connect(incoming.sdp).sendSilence()
    await incoming.answer(assistant.sdp())
    assistant.sendPcm(Int16Array.from([...question, ...generateNoise(80_000, 40)]))
    await incoming.waitForBye(30_000)
    const [attempt] = await world.until(id, ([one]) => one?.outcome !== null && one !== undefined)
    t.match(attempt, { outcome: 'screened', amdResult: 'screening', isAbandoned: false })
    t.notOk(isAudible(assistant.captured()), 'nothing was heard of us')
  })

  await t.test('where the campaign wants it, it hears who calls, and the person who picks up is served', async t => {
    const { id, incoming } = await dial('+12025550262', { onMachine: 'hangUp', onScreening: 'identify' })
    await using assistant = await startRtpPeer()
    assistant.connect(incoming.sdp).sendSilence()
    await incoming.answer(assistant.sdp())
    assistant.sendPcm(Int16Array.from([...question, ...generateNoise(400_000, 40)]))
    await assistant.hearsSpeech()
    // Whoever picks up says hello until somebody answers.
    const again = [...hello, ...generateNoise(20_000, 40)]
    assistant.sendPcm(Int16Array.from(Array.from({ length: 15 }, () => again).flat()))
    // The flow's tone comes after the opening has been said once more, to the person.
    await assistant.hears(880, { limitMs: 40_000 })
    await incoming.waitForBye(20_000)
    const [attempt] = await world.until(id, ([one]) => one?.outcome !== null && one !== undefined)
    t.match(attempt, { outcome: 'person', amdResult: 'screening' })
  })
})
