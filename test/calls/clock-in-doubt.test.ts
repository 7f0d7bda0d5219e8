import { sql } from 'kysely'
import t from 'tap'
import { ring } from '../support/desk-calls.ts'
import { TO_SUPPORT, TONE_MENU } from '../support/flows.ts'
import { signInPeople } from '../support/people.ts'
import { LAWFUL_NOW, TestParley, testDatabases } from '../support/parley.ts'
import { TestSoftphone } from '../support/softphone.ts'

const PASSWORD = 'desk phone secret'
const CUSTOMER = '+12025550150'
const BRANCH = '+12025550160'
const WISH = '+12025550170'
/** The number that test callers show. */
const CALLER = '+12025550123'

for (const database of testDatabases())
  t.test(
    `nobody outside is dialled while nobody knows what time it is, with ${database}`,
    { timeout: 280_000 },
    async t => {
      // Seconds by which this machine's clock and the database's are away from what they were.
      const away = { wall: 0, database: 0 }
      const clockOf = (name: keyof typeof away) => new Date(Date.now() + away[name] * 1_000)
      const law: { now: Date | null } = { now: LAWFUL_NOW }
      await using server = await TestParley.start({
        database,
        hasDemoData: true,
        now: () => law.now ?? new Date(),
        clocks: {
          wall: () => clockOf('wall'),
          steady: () => performance.now(),
          database: async () => clockOf('database')
        }
      })
      for (const flow of [
        TONE_MENU,
        TO_SUPPORT,
        CALL_ME_BACK,
        toNumber('to-branch', BRANCH),
        toNumber('to-wish', FILLED)
      ])
        await server.publish(flow)
      await server.addNumber('+12025550181', 'to-support')
      await server.addNumber('+12025550182', 'call-me-back')
      await server.addNumber('+12025550183', 'to-branch')
      await server.addNumber('+12025550184', 'to-wish')
      const account = { password: PASSWORD, extension: '1001' }
      t.equal((await server.api('PUT', '/sip-accounts/1001', account)).status, 200)
      const { ana, sara } = await signInPeople(server, ['ana', 'sara'])
      await using carrier = await server.phone({ user: 'carrier' })
      const trunk = {
        name: 'carrier',
        authentication: 'ip',
        outboundAddress: `127.0.0.1:${carrier.phone.port}`,
        allowedPrefixes: ['+1'],
        defaultCallerNumber: '+12025550100'
      }
      t.equal((await server.api('POST', '/trunks', trunk)).status, 201)
      const consent = {
        number: CUSTOMER,
        seller: 'Example Trading',
        grade: 'written_signed',
        at: '2026-11-20T12:00:00Z',
        evidence: { method: 'web', textVersion: '1', references: ['form 1'] }
      }
      t.equal((await server.api('POST', '/consents', consent)).status, 201)
      const order = () => server.api('POST', '/calls', { to: CUSTOMER, from: '+12025550100', flowId: 'tone-menu' })
      const invitesTo = (number: string) =>
        carrier.phone.received.filter(one => one.method === 'INVITE' && one.uri?.includes(`sip:${number}@`)).length
      const clock = async () => (await server.api('GET', '/compliance/clock')).body['doubt']
      /** Clocks are compared every second. */
      const untilDoubt = async (kind: string | null) => {
        const limit = AbortSignal.timeout(20_000)
        while (((await clock()) as { kind: string } | null)?.kind !== (kind ?? undefined)) {
          limit.throwIfAborted()
          await new Promise(resolve => setTimeout(resolve, 50))
        }
      }
      /** The carrier gets the call, and the callee is busy. */
      const isDialled = async (number: string) => {
        const incoming = await carrier.phone.nextInvite()
        t.match(incoming.invite.uri, new RegExp(`sip:\\${number}@`))
        incoming.reject(486, 'Busy Here')
      }

      await t.test(
        'a call that a program orders is refused, in every language, and one to our own phone goes on',
        async t => {
          away.wall = 300
          const refused = await order()
          t.match(refused, {
            status: 503,
            body: {
              code: 'CLOCK_IN_DOUBT',
              detail: /clock and the database’s differ by 300 s; calls go on by themselves when they agree/,
              problems: [{ at: '/to', message: 'CLOCK_UNCERTAIN' }]
            }
          })
          const [, decisionId] = /decision ([\w-]+)\./.exec(String(refused.body['detail'])) ?? []
          const decision = await server.api('GET', `/compliance/decisions/${decisionId}?language=de`)
          t.match(decision, {
            status: 200,
            body: {
              decision: { outcome: 'DEFER', reasons: ['CLOCK_UNCERTAIN'], nextAt: null },
              facts: { clockDoubt: { kind: 'differs' } }
            }
          })
          t.match(JSON.stringify(decision.body), /Niemand weiß, wie spät es ist/)
          t.match(await clock(), { kind: 'differs' })

          await using desk = await server.phone({ user: '1001' })
          const registrar = server.uri('').replace('@', '')
          t.equal((await desk.phone.register(registrar, { user: '1001', password: PASSWORD })).status, 200)
          t.equal((await server.api('POST', '/calls', { to: '1001', flowId: 'tone-menu' })).status, 202)
          ;(await desk.phone.nextInvite()).reject(486, 'Busy Here')

          t.equal(invitesTo(CUSTOMER), 0)
          away.wall = 0
          t.equal((await order()).status, 202)
          await isDialled(CUSTOMER)
        }
      )

      await t.test('after both clocks were set a person says that the time is right, and is named', async t => {
        Object.assign(away, { wall: 300, database: 300 })
        await untilDoubt('wasSet')
        t.match(await order(), { status: 503, body: { code: 'CLOCK_IN_DOUBT', detail: /was set by 300 s/ } })
        const confirm = (token: string) => server.api('POST', '/compliance/clock/confirm', {}, token)
        t.match(await confirm(ana.token), { status: 403, body: { code: 'FORBIDDEN' } })
        t.match(await clock(), { kind: 'wasSet' })
        t.match(await confirm(sara.token), { status: 200, body: { doubt: null } })
        t.equal((await order()).status, 202)
        await isDialled(CUSTOMER)
        const { body } = await server.api('GET', '/audit-log?limit=20')
        const entry = (body['items'] as { action: string }[]).find(one => one.action === 'clock.confirmed')
        t.match(entry, { detail: { before: { kind: 'wasSet' } } })

        Object.assign(away, { wall: 900, database: 900 })
        await untilDoubt('wasSet')
        t.match(await order(), { status: 503 }, 'a word holds for the clocks of its time')
        Object.assign(away, { wall: 0, database: 0 })
        await untilDoubt(null)
      })

      await t.test('an agent’s own call and a person to consult are refused; callers are served as ever', async t => {
        law.now = null
        await using page = await TestSoftphone.onShift(server, ana.token, { hz: 600 })
        away.wall = 300
        await t.rejects(page.request('dial', { destination: { kind: 'number', number: WISH } }), {
          code: 'CLOCK_IN_DOUBT'
        })
        await using caller = await ring(server, '+12025550181')
        await page.answers()
        await Promise.all([page.hears(440, 'call'), caller.audio.hears(600)])
        const callId = page.state.call?.callId ?? ''
        await page.request('consult.start', { callId, destination: { kind: 'number', number: WISH } })
        await page.until(state => state.call?.mode === 'onHold')
        await page.request('hangUp', { callId })
        await server.parley.storiesWritten()
        const story = await server.api('GET', `/calls/${callId}`)
        const events = story.body['events'] as { kind: string; data: unknown }[]
        t.match(events.find(one => one.kind === 'partyRefused')?.data, { reasons: ['CLOCK_UNCERTAIN'] })
        t.equal(invitesTo(WISH), 0)
        away.wall = 0
        await page.until(state => state.wrapUp !== null)
        await page.request('wrapUp.finish', { callId, disposition: null, note: '' })
        await page.until(state => state.state === 'idle')
      })

      await t.test('a flow connects its own branch, and nobody whose number comes from elsewhere', async t => {
        away.wall = 300
        await using first = await server.phone()
        const toBranch = first.phone.call(server.uri('+12025550183'), { sdp: first.audio.sdp() })
        first.audio.connect((await toBranch.answered()).sdp).sendSilence()
        await isDialled(BRANCH)
        await first.audio.hears(350)
        await toBranch.waitForBye()

        await using second = await server.phone()
        const toWish = second.phone.call(server.uri('+12025550184'), { sdp: second.audio.sdp() })
        second.audio.connect((await toWish.answered()).sdp).sendSilence()
        await second.audio.hears(350)
        await toWish.waitForBye()
        const story = await server.story(toWish.callId)
        t.match(story.events.find(one => one.kind === 'partyRefused')?.data, { reasons: ['CLOCK_UNCERTAIN'] })
        t.equal(invitesTo(CALLER), 0)
        away.wall = 0
      })

      await t.test('a callback stays promised, and is made by itself when the time is known', async t => {
        const turn = async () => {
          const { rows } = await sql<{ status: string; attempts: number }>`
            select status, attempts from queue_callbacks
            left join queue_callback_turns on callback_id = id`.execute(server.parley.db)
          t.equal(rows.length, 1)
          return rows[0]
        }
        away.wall = 300
        await using caller = await server.phone()
        const call = caller.phone.call(server.uri('+12025550182'), { sdp: caller.audio.sdp() })
        caller.audio.connect((await call.answered()).sdp)
        await caller.audio.hears(900)
        await using page = await TestSoftphone.onShift(server, ana.token, { hz: 600 })
        // The agent is there for callers, and held for nobody who may not be called.
        await using other = await ring(server, '+12025550181')
        await page.answers()
        await Promise.all([page.hears(440, 'call'), other.audio.hears(600)])
        const served = page.state.call?.callId ?? ''
        t.match(await turn(), { status: 'waiting', attempts: null })
        await page.request('hangUp', { callId: served })
        await page.until(state => state.wrapUp !== null)
        await page.request('wrapUp.finish', { callId: served, disposition: null, note: '' })

        away.wall = 0
        const held = await page.until(state => state.offer !== null)
        // In the moment between the decision and the INVITE.
        away.wall = 300
        await page.request('answer', { offerId: held.offer?.id ?? '' })
        await page.until(state => state.offer === null && state.call === null)
        while ((await turn())?.status !== 'waiting') await new Promise(resolve => setTimeout(resolve, 20))
        t.match(await turn(), { attempts: 0 }, 'it was no try')
        t.equal(invitesTo(CALLER), 0)

        away.wall = 0
        const { offer } = await page.until(state => state.offer !== null && state.offer.id !== held.offer?.id)
        await page.request('answer', { offerId: offer?.id ?? '' })
        const incoming = await carrier.phone.nextInvite()
        t.match(incoming.invite.uri, /\+12025550123@/)
        carrier.audio.connect(incoming.sdp).sendTone(440)
        await incoming.answer(carrier.audio.sdp())
        await Promise.all([page.hears(440, 'call'), carrier.audio.hears(600)])
        t.equal(invitesTo(CALLER), 1)
        await incoming.bye()
        await page.until(state => state.wrapUp !== null)
      })

      await t.test('every call outside has its decision, and the chain holds', async t => {
        t.match((await server.api('GET', '/compliance/chain')).body, { broken: null, callsWithoutDecision: [] })
      })
    }
  )

const FILLED = '{{ call.callerNumber }}'

function toNumber(id: string, number: string): string {
  return `
id: ${id}
name: ${id}
languages: [en]
defaultLanguage: en
start: to
onFailure: sorry
nodes:
  to: { kind: transfer, to: { number: "${number}" }, busy: sorry, noAnswer: sorry, failed: sorry }
  sorry: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,350)" }, next: bye }
  bye: { kind: hangup }
`
}

const CALL_ME_BACK = `
id: call-me-back
name: Call me back
languages: [en]
defaultLanguage: en
start: book
onFailure: bye
nodes:
  book: { kind: callback, queue: support, next: thanks, failed: bye }
  thanks: { kind: say, prompt: { tone: '%(600,0,900)' }, next: bye }
  bye: { kind: hangup }
`
