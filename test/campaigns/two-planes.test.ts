import fc from 'fast-check'
import { sql } from 'kysely'
import t from 'tap'
import type { CallStep } from '../../server/campaigns/attempt.ts'
import { openDatabase } from '../../sql/database.ts'
import { LONG_TONE } from '../support/flows.ts'
import { freshDatabase } from '../support/postgres-database.ts'
import { startRtpPeer } from '../support/rtp-peer.ts'
import { type IncomingCall, startSipPhone } from '../support/sip-phone.ts'
import { type TestDatabase, testDatabases } from '../support/parley.ts'
import { type Plane, sharedWorld } from './planes.ts'
import { type Attempt, CampaignWorld } from './support.ts'
import { patient } from '../support/patience.ts'

/** Whom the control plane is busy with when it is killed, and how far it has come with each. */
const HELD = '+12025550161'
const RINGS = '+12025550162'
const TALKS = '+12025550163'
/** For each of them it has come to a step that is drawn. */
const DRAWN = Array.from({ length: 6 }, (_, index) => `+1202555019${index + 1}`)
const STEPS = ['reserved', 'permitted', 'dialling', 'answered', 'ended'] as const satisfies readonly CallStep[]
const OTHERS = Array.from({ length: 20 }, (_, index) => `+120255501${70 + index}`)

/** Control planes share a PostgreSQL server; PGlite belongs to one process. */
const shared: readonly TestDatabase[] = testDatabases().filter(one => one === 'postgres')
for (const database of shared)
  t.test(
    `when one of two control planes is killed in mid-campaign, nobody is called twice and the other one goes on, with ${database}`,
    { timeout: 280_000 },
    async t => {
      await using stack = new AsyncDisposableStack()
      const url = await freshDatabase(stack)
      const carrier = stack.use(await startSipPhone({ transport: 'udp', user: 'carrier' }))
      const called = stack.use(new CalledSide(carrier))
      const ear = stack.use(await startRtpPeer())
      const planes = await sharedWorld(stack, url)
      const seed = Math.floor(Math.random() * 2 ** 31)
      const drawn = fc.sample(fc.constantFrom(...STEPS), { seed, numRuns: DRAWN.length })
      t.comment(`it is killed at ${drawn.join(', ')} (seed ${seed})`)
      const stepOf = new Map(DRAWN.map((number, index) => [number, drawn[index] as CallStep]))
      const at = (...steps: readonly CallStep[]) =>
        DRAWN.filter(number => steps.includes(stepOf.get(number) ?? 'ended'))
      const doomed = await planes.start({ [HELD]: 'reserved', ...Object.fromEntries(stepOf) })
      const first = await CampaignWorld.open(doomed, carrier)
      await doomed.publish(LONG_TONE)
      const list = await first.list([
        ['is reserved', HELD],
        ['is rung', RINGS],
        ['is talked to', TALKS],
        ...DRAWN.map(number => [number, number] as const)
      ])
      const id = await first.start('agentless', { lists: [list], flowId: 'long-tone', maxLines: 12, ringMs: 60_000 })
      const ringing = await called.by(RINGS)
      ringing.ring()
      const talking = await called.by(TALKS)
      ear.connect(talking.sdp).sendSilence()
      await talking.answer(ear.sdp())
      await ear.hears(400)
      for (const number of at('answered')) {
        const incoming = await called.by(number)
        const listener = stack.use(await startRtpPeer())
        listener.connect(incoming.sdp).sendSilence()
        await incoming.answer(listener.sdp())
      }
      for (const number of at('ended')) (await called.by(number)).reject(486, 'Busy Here')
      const counts = {
        reserved: at('reserved').length + 1,
        permitted: at('permitted').length,
        // Whoever is answered at this step counts as dialled until somebody has spoken to them.
        dialling: at('dialling', 'answered').length + 1,
        over: at('ended').length
      }
      await first.until(
        id,
        all =>
          all.length === DRAWN.length + 3 &&
          Object.entries(counts).every(([state, count]) => all.filter(one => one.state === state).length === count)
      )

      called.refuseOthers()
      await first.add(
        list,
        OTHERS.map(number => [`has ${number}`, number])
      )
      const survivor = await planes.start()
      const world = first.at(survivor)
      await world.until(id, all => all.filter(one => one.outcome === 'busy').length >= 3)
      const killedAtMs = performance.now()
      await doomed.kill()

      const attemptOf = async (name: string) => (await world.attempts(id)).filter(one => one.contactName === name)
      await world.until(id, all => isSettled(all, 'is talked to') && isSettled(all, 'is reserved'))
      t.ok(performance.now() - killedAtMs < patient(15_000), 'whose end is clear is settled within seconds')
      t.match(await attemptOf('is reserved'), [{ state: 'over', outcome: 'notDialled', decisionId: null }])
      t.match(await attemptOf('is talked to'), [
        { state: 'unknown', outcome: 'unknown', detail: 'answered, then the server stopped' }
      ])
      await world.until(id, all => isSettled(all, 'is rung'), 30_000)
      t.match(await attemptOf('is rung'), [{ state: 'unknown', outcome: 'unknown' }])
      for (const number of DRAWN) await world.until(id, all => isSettled(all, number), 30_000)
      for (const number of at('reserved', 'permitted'))
        t.match(await attemptOf(number), [{ state: 'over', outcome: 'notDialled' }], `${stepOf.get(number)}`)
      for (const number of at('dialling', 'answered'))
        t.match(await attemptOf(number), [{ state: 'unknown', outcome: 'unknown' }], `${stepOf.get(number)}`)
      for (const number of at('dialling')) t.equal(called.times(number), 0, 'no INVITE had left')
      t.ok(ringing.cancelled, 'it rings no longer')
      await talking.bye()

      await using db = await openDatabase({ kind: 'postgres', url }, err => t.fail(err.message))
      // The minute that whoever had not been dialled is left alone for.
      await sql`update campaign_leads set next_at = reserved_at from campaign_attempts a
        where campaign_leads.contact_id = a.contact_id and campaign_leads.state = 'waiting'`.execute(db.db)
      const live = await world.untilWhy(id, 'ended', 20_000)
      t.equal((await attemptOf('is reserved')).at(0)?.outcome, 'busy', 'who had not been dialled has had their turn')
      await t.test('each of them was called once at most', async t => {
        for (const number of [HELD, RINGS, TALKS, ...at('reserved', 'permitted', 'answered', 'ended')])
          t.equal(called.times(number), 1, number)
        for (const number of at('dialling')) t.equal(called.times(number), 0, 'nor later')
        for (const number of at('ended')) t.equal((await attemptOf(number)).length, 1, 'what was known stays')
        for (const number of OTHERS) t.ok(called.times(number) <= 1, number)
      })
      await t.test('who was called and how it ended is what the database says', async t => {
        const all = await world.attempts(id)
        const known = all.filter(one => one.outcome === 'busy').length
        const unknown = all.filter(one => one.outcome === 'unknown').length
        t.equal(known + unknown, OTHERS.length + DRAWN.length + 3)
        t.match(live['leads'], { byState: { exhausted: known, unknown } })
        for (const one of all.filter(other => other.outcome !== 'notDialled')) t.type(one.decisionId, 'string')
        for (const one of all.filter(other => other.outcome === 'unknown'))
          t.match(await storyOf(survivor, one), { state: 'ended', endReason: 'controlPlaneLost' }, one.contactName)
      })
      await t.test('two of them together keep the limit of a carrier that stands in for another', async t => {
        const front = stack.use(await startSipPhone({ transport: 'udp', user: 'front' }))
        const behind = stack.use(await startSipPhone({ transport: 'udp', user: 'behind' }))
        for (const [name, phone, prefix] of [
          ['Front', front, '+12025550'],
          ['Behind', behind, '+1202555']
        ] as const) {
          const trunk = await survivor.api('POST', '/trunks', {
            name,
            carrier: `Carrier ${name}`,
            authentication: 'ip',
            outboundAddress: `127.0.0.1:${phone.port}`,
            allowedPrefixes: [prefix],
            allowsForeignCallerNumber: true,
            maxCalls: 100,
            maxCallsPerSecond: 100
          })
          t.equal(trunk.status, 201)
        }
        const set = await survivor.api('PUT', '/carrier-limits/Carrier%20Behind', { maxCallsPerSecond: 2 })
        t.equal(set.status, 204)
        const arrivedAtMs: number[] = []
        let isOver = false
        const serving = [front, behind].map(async phone => {
          while (!isOver) {
            const incoming = await phone.nextInvite(500).catch(() => null)
            if (phone === behind && incoming !== null) arrivedAtMs.push(performance.now())
            if (phone === front) incoming?.reject(503, 'Service Unavailable')
            else incoming?.reject(486, 'Busy Here')
          }
        })
        const second = await planes.start()
        const there = world.at(second)
        const people = (from: number) => [0, 1, 2].map(one => [`P${from + one}`, `+120255502${from + one}`] as const)
        const message = { flowId: 'long-tone' }
        const later = await world.draft('agentless', { ...message, lists: [await world.list(people(94))] })
        await world.agree(later)
        // Each takes the people of one campaign.
        second.standStill()
        const sooner = await world.start('agentless', { ...message, lists: [await world.list(people(91))] })
        await world.until(sooner, all => all.length === 3)
        second.goOn()
        survivor.standStill()
        await there.call('POST', `/campaigns/${later}/start`, {}, 200)
        await there.until(later, all => all.length === 3)
        survivor.goOn()
        for (const id of [sooner, later])
          await world.until(id, all => all.filter(one => one.outcome === 'busy').length === 3)
        isOver = true
        await Promise.all(serving)
        const { rows } = await sql<{ planes: number }>`select count(distinct control_plane_id)::int as planes
          from campaign_attempts where number like '+12025550291' or number like '+12025550294'`.execute(db.db)
        t.same(rows, [{ planes: 2 }], 'both have dialled')
        t.equal(arrivedAtMs.length, 6)
        // Half a second apart, less by what the machine takes for one of them.
        for (const [at, one] of arrivedAtMs.entries()) {
          const fourth = arrivedAtMs[at + 3]
          if (fourth !== undefined) t.ok(fourth - one > 900, `four calls within ${Math.round(fourth - one)} ms`)
        }
      })
    }
  )

function isSettled(all: readonly Attempt[], name: string): boolean {
  const found = all.filter(one => one.contactName === name)
  return found.length > 0 && found.every(one => one.state === 'over' || one.state === 'unknown')
}

async function storyOf(plane: Plane, attempt: Attempt): Promise<unknown> {
  return (await plane.api('GET', `/calls/${attempt.id}`)).body
}

/** The side that is called: it counts the INVITEs for each number. */
class CalledSide implements AsyncDisposable {
  readonly #times = new Map<string, number>()
  readonly #waiting = new Map<string, PromiseWithResolvers<IncomingCall>>()
  readonly #listening: Promise<void>
  #isOver = false
  #refusesOthers = false

  constructor(carrier: Awaited<ReturnType<typeof startSipPhone>>) {
    this.#listening = (async () => {
      for (;;) {
        const incoming = await carrier.nextInvite(500).catch(() => null)
        if (incoming === null && this.#isOver) return
        if (incoming !== null) this.#take(incoming)
      }
    })()
  }

  /** The first call for a number. */
  async by(number: string): Promise<IncomingCall> {
    return await this.#first(number).promise
  }

  times(number: string): number {
    return this.#times.get(number) ?? 0
  }

  /** From now on whoever is not waited for is busy. */
  refuseOthers(): void {
    this.#refusesOthers = true
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#listening
  }

  #take(incoming: IncomingCall): void {
    const number = /sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? ''
    this.#times.set(number, this.times(number) + 1)
    if (this.#refusesOthers) incoming.reject(486, 'Busy Here')
    else this.#first(number).resolve(incoming)
  }

  #first(number: string): PromiseWithResolvers<IncomingCall> {
    const found = this.#waiting.get(number) ?? Promise.withResolvers<IncomingCall>()
    this.#waiting.set(number, found)
    return found
  }
}
