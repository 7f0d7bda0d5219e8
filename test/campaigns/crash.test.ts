import assert from 'node:assert/strict'
import fc from 'fast-check'
import { sql } from 'kysely'
import t from 'tap'
import type { CallStep } from '../../server/campaigns/attempt.ts'
import { TestParley } from '../support/parley.ts'
import { type RtpPeer, startRtpPeer } from '../support/rtp-peer.ts'
import { headerIn, type IncomingCall, startSipPhone } from '../support/sip-phone.ts'
import { type Attempt, CampaignWorld } from './support.ts'

const HOUR_MS = 3_600_000
const STEPS = ['reserved', 'permitted', 'dialling', 'answered', 'ended'] as const satisfies readonly CallStep[]

/** One attempt of a control plane that stops in the middle of it. */
type Stopped = Readonly<{
  /** The step that it comes to last. */
  at: CallStep
  /** The others take it for dead; otherwise it was slow. */
  isDead: boolean
  /** It goes on only after the others have done all there was to do. */
  isLate: boolean
  /** Otherwise the number is busy. */
  answers: boolean
}>

const stopped: fc.Arbitrary<Stopped> = fc
  .record({
    at: fc.constantFrom(...STEPS),
    isDead: fc.boolean(),
    isLate: fc.boolean(),
    answers: fc.boolean()
  })
  .map(one => (one.at === 'answered' ? { ...one, answers: true } : one))
const alwaysTried = STEPS.map(at => ({ at, isDead: true, isLate: true, answers: at === 'answered' }))

// A step is where a real crash would leave the database and the network; kills of whole processes are in two-planes.
t.test('whenever a control plane stops, nobody is called twice', { timeout: 280_000 }, async t => {
  await using carrier = await startSipPhone({ transport: 'udp', user: 'carrier' })
  let nowMs = Date.parse('2026-11-24T15:00:00Z')
  let onStep: (step: CallStep, lead: Readonly<{ id: string; number: string }>) => Promise<void> = async () => {}
  await using server = await TestParley.start({
    hasDemoData: true,
    now: () => new Date(nowMs),
    campaignStep: async (step, lead) => await onStep(step, lead)
  })
  const world = await CampaignWorld.open(server, carrier)
  const { db } = server.parley
  let runs = 0
  let last = { id: '', unknown: '' }

  const run = async (people: readonly Stopped[]) => {
    runs += 1
    const numbers = people.map((_, index) => `+120255501${runs * 10 + index}`)
    const personOf = new Map(numbers.map((number, index) => [number, people[index] as Stopped]))
    const stoodStill = new Map<string, string>()
    const early = Promise.withResolvers<void>()
    const late = Promise.withResolvers<void>()
    onStep = async (step, lead) => {
      const person = personOf.get(lead.number)
      if (person?.at !== step || stoodStill.has(lead.number)) return
      stoodStill.set(lead.number, lead.id)
      await (person.isLate ? late : early).promise
    }
    await using called = new Called(carrier, number => {
      const person = personOf.get(number)
      return person?.answers !== true ? 'busy' : person.at === 'answered' && person.isDead ? 'stays' : 'hangsUp'
    })
    try {
      const list = await world.list(numbers.map(number => [number, number] as const))
      const id = await world.start('agentless', { lists: [list], flowId: 'campaign-message' })
      await until(() => stoodStill.size === people.length, 'all stand still')

      // From here on the database says that the owners of these are gone.
      const dead = [...stoodStill].flatMap(([number, one]) => (personOf.get(number)?.isDead ? [one] : []))
      await sql`update campaign_attempts set control_plane_id = 'dead' where id = any(${dead}::text[])`.execute(db)
      nowMs += 40_000
      const isOver = (one: Attempt) => one.state === 'over' || one.state === 'unknown'
      await until(
        async () => (await world.attempts(id)).every(one => isOver(one) || !dead.includes(one.id)),
        'the others close what the dead have left'
      )
      for (const one of await world.attempts(id)) {
        const person = personOf.get(one.contactName)
        if (person?.isDead !== false || person.at === 'ended') continue
        assert.ok(!isOver(one), `who is slow keeps the call: ${one.contactName}`)
      }
      const isServed = people.some(one => one.at === 'answered' && !one.isDead)
      // The media server still had the legs of those who have answered, and nobody served them.
      const { freeswitch } = server.engines
      if (freeswitch !== null && !isServed)
        await until(async () => (await freeswitch.stats()).channels === 0, 'legs that nobody serves are ended')
      early.resolve()
      await until(
        async () =>
          (await world.attempts(id)).every(one => isOver(one) || personOf.get(one.contactName)?.isLate === true),
        'who was slow goes on'
      )
      nowMs += HOUR_MS
      const mayBeCalledAnew = numbers.filter(number => {
        const person = personOf.get(number)
        return person?.isDead === true && (person.at === 'reserved' || person.at === 'permitted')
      })
      await until(async () => {
        const all = await world.attempts(id)
        return mayBeCalledAnew.every(number => all.some(one => one.contactName === number && isTold(one)))
      }, 'who had not been dialled has their turn')
      late.resolve()
      await until(async () => (await world.attempts(id)).every(isOver), 'the others go on')
      // Those whose decision is too old by now have given the contact back for some seconds.
      nowMs += 6_000
      await world.untilWhy(id, 'ended', 40_000)

      const all = await world.attempts(id)
      for (const [number, person] of personOf) {
        const attempts = all.filter(one => one.contactName === number)
        const own = attempts.map(one => one.outcome)
        const times = called.callIdsOf(number).length
        const told = person.answers ? 'person' : 'busy'
        const hint = `${number}: ${JSON.stringify({ ...person, times, attempts })}`
        const isUnknown = person.isDead && (person.at === 'dialling' || person.at === 'answered')
        // Whether it rings after all when the dead come back, nobody is ever called for it a second time.
        if (isUnknown && person.at === 'dialling') assert.ok(times <= 1, hint)
        else assert.equal(times, 1, hint)
        if (isUnknown) assert.deepEqual(own, ['unknown'], hint)
        else if (mayBeCalledAnew.includes(number)) assert.deepEqual(own, [told, 'notDialled'], hint)
        else assert.deepEqual(own, isTooOld(person) ? [told, 'notDialled'] : [told], hint)
      }
      const callIds = numbers.flatMap(number => called.callIdsOf(number))
      assert.equal(new Set(callIds).size, callIds.length, 'no attempt was two calls')
      for (const callId of callIds)
        assert.ok(
          all.some(one => callId.startsWith(one.id)),
          `the rows know of the call ${callId}`
        )
      last = { id, unknown: all.find(one => one.outcome === 'unknown')?.contactId ?? '' }
    } finally {
      early.resolve()
      late.resolve()
    }
  }

  await fc.assert(fc.asyncProperty(fc.array(stopped, { minLength: 6, maxLength: 8 }), run), {
    numRuns: 3,
    endOnFailure: true,
    examples: [[alwaysTried]]
  })
  t.equal(runs, 3)

  await t.test('what is not known is settled by a person, once', async t => {
    await run([{ at: 'answered', isDead: true, isLate: false, answers: true }])
    const settle = `/campaigns/${last.id}/contacts/${last.unknown}/settle`
    await world.call('POST', settle, { action: 'leave', reason: 'the person has called us' }, 204)
    await world.call('POST', settle, { action: 'leave', reason: 'again' }, 409)
    t.match((await world.live(last.id))['leads'], { byState: { done: 1 } })
  })
})

/** A slow one that goes on an hour later finds its decision too old, gives the lead back and asks anew. */
function isTooOld({ at, isDead, isLate }: Stopped): boolean {
  return (at === 'permitted' || at === 'dialling') && !isDead && isLate
}

function isTold(attempt: Attempt): boolean {
  return attempt.outcome !== null && attempt.outcome !== 'notDialled'
}

type Answer = 'busy' | 'hangsUp' | 'stays'

/** The side that is called. */
class Called implements AsyncDisposable {
  readonly #calls = new Map<string, IncomingCall[]>()
  readonly #ears: RtpPeer[] = []
  readonly #talks: Promise<unknown>[] = []
  readonly #serving: Promise<void>
  #isOver = false

  constructor(carrier: Awaited<ReturnType<typeof startSipPhone>>, answer: (number: string) => Answer) {
    this.#serving = (async () => {
      for (;;) {
        const incoming = await carrier.nextInvite(500).catch(() => null)
        if (incoming === null && this.#isOver) return
        if (incoming !== null) await this.#take(incoming, answer)
      }
    })()
  }

  callIdsOf(number: string): readonly string[] {
    return (this.#calls.get(number) ?? []).map(one => headerIn(one.invite, 'call-id'))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#isOver = true
    await this.#serving
    await Promise.all(this.#talks)
    for (const ear of this.#ears) await ear[Symbol.asyncDispose]()
  }

  async #take(incoming: IncomingCall, answer: (number: string) => Answer): Promise<void> {
    const number = /sip:(\+\d+)@/.exec(incoming.invite.uri ?? '')?.[1] ?? ''
    this.#calls.set(number, [...(this.#calls.get(number) ?? []), incoming])
    const kind = answer(number)
    if (kind === 'busy') {
      incoming.reject(486, 'Busy Here')
      return
    }
    const ear = await startRtpPeer()
    this.#ears.push(ear)
    ear.connect(incoming.sdp).sendSilence()
    await incoming.answer(ear.sdp())
    // Whoever has picked up hears something before they hang up.
    if (kind === 'hangsUp') this.#talks.push(ear.receives(5).then(() => incoming.bye()))
  }
}

async function until(wanted: () => boolean | Promise<boolean>, what: string, limitMs = 60_000): Promise<void> {
  const limit = AbortSignal.timeout(limitMs)
  while (!(await wanted())) {
    if (limit.aborted) throw new Error(`not within ${limitMs} ms: ${what}`)
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
