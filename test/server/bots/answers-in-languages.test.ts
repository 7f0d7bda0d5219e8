import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import t from 'tap'
import { TestParley } from '../../support/parley.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../../support/tone-recognizer.ts'

const DAY = '2027-11-05'
/** In the order of the questions. Each first says something that is no date. */
const HZ = { wrong: 500, date: 800, number: 1_500, spelled: 1_800, yesNo: 2_100, order: 2_600 }
const QUESTIONS = { date: 440, number: 620, spelled: 700, yesNo: 1_000, order: 1_100 } as const

type Said = Readonly<Record<keyof typeof HZ, string> & { grammar: string; spelling: string }>

/** What callers of each language say, and how a flow's author writes down what may be ordered. */
const SAID: Readonly<Record<string, Said>> = {
  en: {
    wrong: 'the thirtieth of february',
    date: 'the fifth of november twenty twenty seven',
    number: 'two hundred and fifty one',
    spelled: 'B as in Bravo, O, B like Berlin',
    spelling: 'BOB',
    yesNo: 'yes',
    order: 'I would like two pizzas please',
    grammar: 'public <order> = [ i would like ] ( one {1} | two {2} ) ( pizza | pizzas ) {pizza} [ please ];'
  },
  de: {
    wrong: 'am dreißigsten Februar',
    date: 'am fünften November zweitausendsiebenundzwanzig',
    number: 'zweihunderteinundfünfzig',
    spelled: 'M wie Martha, Ü, L, Ludwig, E, R',
    spelling: 'MÜLLER',
    yesNo: 'ja',
    order: 'Ich möchte zwei Pizzen bitte',
    grammar: 'public <order> = [ ich möchte ] ( eine {1} | zwei {2} ) ( Pizza | Pizzen ) {pizza} [ bitte ];'
  },
  es: {
    wrong: 'el treinta de febrero',
    date: 'el cinco de noviembre de dos mil veintisiete',
    number: 'doscientos cincuenta y uno',
    spelled: 'be de barcelona, eñe, i griega',
    spelling: 'BÑY',
    yesNo: 'sí',
    order: 'quiero dos pizzas por favor',
    grammar: 'public <order> = [ quiero ] ( una {1} | dos {2} ) ( pizza | pizzas ) {pizza} [ por favor ];'
  },
  zh: {
    wrong: '二月三十号',
    date: '二〇二七年11月5号',
    number: '二百五十一',
    spelled: '张三',
    spelling: '张三',
    yesNo: '是',
    order: '我要两个披萨',
    grammar: 'public <order> = [ 我要 ] ( 一个 {1} | 两个 {2} ) 披萨 {pizza};'
  },
  ar: {
    wrong: 'ثلاثون فبراير',
    date: 'خمسة نوفمبر ألفين وسبعة وعشرين',
    number: 'مئتان وواحد وخمسون',
    spelled: 'ميم حاء ميم دال',
    spelling: 'محمد',
    yesNo: 'نعم',
    order: 'أريد بيتزا اثنتين من فضلك',
    grammar: 'public <order> = [ أريد ] بيتزا {pizza} ( واحدة {1} | اثنتين {2} ) [ من فضلك ];'
  },
  ja: {
    wrong: '二月三十日',
    date: '二千二十七年十一月五日',
    number: '二百五十一',
    spelled: 'た、な、か',
    spelling: 'たなか',
    yesNo: 'はい',
    order: 'ピザを二枚お願いします',
    grammar: 'public <order> = ピザを {pizza} ( 一枚 {1} | 二枚 {2} ) [ お願いします ];'
  }
}

const flow = (language: string, url: string) => `
id: answers-${language}
name: Answers ${language}
languages: [${language}]
defaultLanguage: ${language}
start: date
onFailure: failed
vars: { date: { type: string }, number: { type: number }, spelled: { type: string }, yesNo: { type: boolean }, order: { type: list } }
nodes:
${Object.entries(QUESTIONS)
  .map(
    ([kind, hz], at, all) => `
  ${kind}:
    kind: gather
    prompt: { tone: "%(6000,0,${hz})" }
    noMatchPrompt: { tone: "%(600,0,2400)" }
    speech:
      kind: ${kind === 'order' ? 'grammar' : kind}
      confirm: { when: never }
${kind === 'order' ? `      grammar: { ${language}: "${SAID[language]?.grammar}" }` : ''}
    save: ${kind}
    next: ${all[at + 1]?.[0] ?? 'tell'}
    noInput: failed
    noMatch: failed`
  )
  .join('\n')}
  tell: { kind: request, method: POST, url: "${url}${language}", body: { vars: "{{ vars }}" }, next: right }
  right: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,300)" }, next: bye }
  bye: { kind: hangup }
`

t.test('callers answer every kind of question in every language', { timeout: 280_000 }, async t => {
  const told = new Map<string, unknown>()
  const service = createServer(async (request, response) => {
    const chunks: Buffer[] = []
    for await (const chunk of request) chunks.push(chunk as Buffer)
    told.set((request.url ?? '').slice(1), JSON.parse(Buffer.concat(chunks).toString('utf8')).vars)
    response.writeHead(200, { 'content-type': 'application/json' }).end('{}')
  })
  service.listen(0, '127.0.0.1')
  await once(service, 'listening')
  t.teardown(() => service.close())
  const url = `http://127.0.0.1:${(service.address() as AddressInfo).port}/`
  await using server = await TestParley.start({
    // It comes first where a grammar says all that can be said, and knows no tones.
    env: { PARLEY_POCKETSPHINX: 'off' },
    recognizers: Object.entries(SAID).map(([language, said]) =>
      createToneRecognizer({
        languages: [language],
        name: `tones-${language}`,
        texts: Object.fromEntries(Object.entries(HZ).map(([what, hz]) => [hz, said[what as keyof typeof HZ]])),
        sameWithinMs: 200
      })
    )
  })
  for (const [at, [language, { spelling }]] of Object.entries(SAID).entries())
    await t.test(language, async t => {
      const number = `+1202555012${at}`
      await server.publish(flow(language, url))
      await server.addNumber(number, `answers-${language}`, language)
      await using caller = await server.phone()
      const { phone, audio } = caller
      const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
      audio.connect((await leg.answered()).sdp).sendSilence()
      const say = (what: keyof typeof HZ) => audio.sendFrames(thenSilence(toneSpeech([HZ[what]])))
      await audio.hears(QUESTIONS.date)
      say('wrong')
      await audio.hears(2_400)
      audio.forget()
      for (const [what, hz] of Object.entries(QUESTIONS)) {
        await audio.hears(hz)
        say(what as keyof typeof HZ)
      }
      await audio.hears(1_200)
      await leg.waitForBye()
      const { order, ...others } = told.get(language) as Record<string, unknown>
      t.same(others, { date: DAY, number: 251, spelled: spelling, yesNo: true })
      t.same([...(order as string[])].sort(), ['2', 'pizza'])
      const { events } = await server.story(leg.callId)
      const attempts = events
        .filter(one => one.kind === 'nodeLeft' && Object.hasOwn(QUESTIONS, one.data['node'] as string))
        .map(one => (one.data['detail'] as { attempts: number }).attempts)
      t.same(attempts, [2, 1, 1, 1, 1], 'only what was no date was asked again')
    })
})
