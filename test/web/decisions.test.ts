import t from 'tap'
import { barStateOf } from '../../web/src/call-bar/bar-state.ts'
import { toDialled } from '../../web/src/call-bar/dialled.ts'
import { decideRing, type RingInput, WATCHDOG_MS } from '../../web/src/softphone/ring-decision.ts'
import { FIRST_VIEW, maySend, proofOf, type SoftphoneView, withDesk } from '../../web/src/softphone/view.ts'
import { grow, type StoryStep } from '../../web/src/start/story.ts'
import { call, DESK_STATES, idleState, offer } from './support/desk-states.ts'

const OFFERED: RingInput = {
  offer: { id: 'offer-1', isAutoAnswered: false },
  hasCall: false,
  isActiveTab: true,
  decidedOfferId: null,
  silentMs: 0
}

t.test('an offer rings until it is decided, withdrawn, or the server falls silent', async t => {
  t.equal(decideRing(OFFERED), 'ring')
  t.equal(decideRing({ ...OFFERED, silentMs: WATCHDOG_MS - 1 }), 'ring')
  t.equal(decideRing({ ...OFFERED, silentMs: WATCHDOG_MS }), 'nothing')
  t.equal(decideRing({ ...OFFERED, decidedOfferId: 'offer-1' }), 'nothing')
  t.equal(decideRing({ ...OFFERED, decidedOfferId: 'offer-0' }), 'ring', 'a decision about another offer is another')
  t.equal(decideRing({ ...OFFERED, offer: null }), 'nothing')
  t.equal(decideRing({ ...OFFERED, isActiveTab: false }), 'nothing', 'only one tab rings')
})

t.test('in a call an offer beeps, and an automatic answer announces itself', async t => {
  t.equal(decideRing({ ...OFFERED, hasCall: true }), 'beep')
  t.equal(decideRing({ ...OFFERED, offer: { id: 'offer-1', isAutoAnswered: true } }), 'notes')
})

t.test('the microphone leaves the browser only in a call that is not muted, or while a supervisor speaks', async t => {
  t.equal(maySend(null, false), false)
  t.equal(maySend(idleState(), false), false, 'not between calls')
  t.equal(maySend(idleState({ call: call() }), false), true)
  t.equal(maySend(idleState({ call: call({ isMuted: true }) }), false), false)
  t.equal(maySend(idleState({ call: call() }), true), false, 'from the moment that mute was pressed')
  t.equal(maySend(idleState({ call: call(), isActiveTab: false }), false), false, 'not from another tab')
  const supervising = { callId: 'c', agent: 'Ito', since: '', hears: [] }
  t.equal(maySend(idleState({ supervising: { ...supervising, mode: 'listen' } }), false), false)
  t.equal(maySend(idleState({ supervising: { ...supervising, mode: 'whisper' } }), false), true)
})

t.test('an older state never replaces a newer one on the same connection', async t => {
  const view: SoftphoneView = { ...FIRST_VIEW, connection: 'open', desk: { ...idleState(), version: 7 } }
  t.equal(withDesk(view, { ...idleState(), version: 6 }).desk?.version, 7)
  t.equal(withDesk(view, { ...idleState(), version: 8 }).desk?.version, 8)
})

t.test('an answer is waited for until the offer has become something else', async t => {
  const decided = { offerId: 'offer-1', kind: 'answer', at: '' } as const
  const view: SoftphoneView = { ...FIRST_VIEW, connection: 'open', decided }
  t.same(withDesk(view, idleState({ offer: offer() })).decided, decided)
  t.equal(withDesk(view, idleState({ call: call() })).decided, null)
})

t.test('nothing is proved before the microphone was asked for', async t => {
  t.equal(proofOf(FIRST_VIEW, true), null)
  const view: SoftphoneView = { ...FIRST_VIEW, microphone: { state: 'denied', isHardwareMuted: false }, ice: 'new' }
  t.match(proofOf(view, true), { microphone: 'denied', ice: 'new', isRingAudible: true })
})

t.test('the bar speaks of the most urgent thing', async t => {
  const seen = (name: string, change: Partial<SoftphoneView> = {}) =>
    barStateOf({
      ...FIRST_VIEW,
      connection: 'open',
      shift: 'on',
      desk: DESK_STATES[name]!(),
      ...change
    })
  t.equal(seen('ready'), 'ready')
  t.equal(seen('before-shift', { shift: 'off' }), 'beforeShift')
  t.equal(seen('ready', { shift: 'off' }), 'beforeShift', 'available without sound is no readiness')
  t.equal(seen('second-call'), 'inCall', 'a second call never takes the first one’s place')
  t.equal(seen('reconnecting'), 'reconnecting')
  t.equal(seen('in-call', { connection: 'lost' }), 'lost')
  t.equal(seen('missed'), 'missed')
  t.equal(seen('second-tab'), 'otherTab')
  t.equal(seen('offered', { decided: { offerId: 'offer-1', kind: 'answer', at: '' } }), 'answering')
})

t.test('what a person types becomes a number, an extension, or nothing', async t => {
  const number = { kind: 'number', number: '+12025550100' }
  for (const text of [
    '+12025550100',
    '+1 (202) 555-0100',
    '001 202 555 0100',
    '＋１２０２５５５０１００',
    '\u200e+1 202 555 0100'
  ])
    t.same(toDialled(text), number, text)
  t.same(toDialled('+٤٩٣٠٢٣١٢٥١٠٠'), { kind: 'number', number: '+493023125100' })
  t.same(toDialled('1001'), { kind: 'extension', extension: '1001' })
  for (const text of ['', '7', '+0123456789', 'Weber', '+49', '+1234567890123456']) t.equal(toDialled(text), null, text)
})

t.test('the story of a call grows in order and repeats nothing', async t => {
  const event = (seq: number, kind: string) => ({ seq, at: '2026-11-23T12:00:00Z', kind })
  let story: readonly StoryStep[] = []
  for (const one of [event(3, 'promptStarted'), event(1, 'started'), event(2, 'answered'), event(2, 'answered')])
    story = grow(story, one)
  story = grow(story, event(4, 'promptStarted'))
  story = grow(story, event(5, 'nodeEntered'))
  t.same(
    story.map(step => step.kind),
    ['started', 'answered', 'promptStarted']
  )
})
