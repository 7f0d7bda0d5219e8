import type { CustomerCard, DeskCall, DeskParty, DeskState, Offer } from '../../../server/softphone/protocol.ts'

const ago = (ms: number): string => new Date(Date.now() - ms).toISOString()
const ahead = (ms: number): string => ago(-ms)

export const QUEUE = { id: 'sales-de', name: 'German sales' }

export const WEBER: CustomerCard = {
  number: '+49 .. .. 20',
  name: 'Anna Weber',
  language: 'de',
  country: 'DE',
  timeZone: 'Europe/Berlin',
  reason: 'Refund for order 4711',
  answers: [
    { label: 'Language', value: 'Deutsch', source: 'flow' },
    { label: 'Menu', value: '2', source: 'flow' },
    { label: 'Order', value: '4711', source: 'flow' }
  ],
  bot: null,
  isSimulated: false,
  history: [
    {
      callId: 'old-1',
      at: '2026-11-12T09:10:00.000Z',
      direction: 'inbound',
      queue: 'German sales',
      agent: 'Karim Example',
      disposition: 'Refund promised',
      note: 'Sends the device back.\nWants a mail when it has arrived.',
      talkMs: 362_000
    },
    {
      callId: 'old-2',
      at: '2026-10-03T15:42:00.000Z',
      direction: 'outbound',
      queue: null,
      agent: 'Ana Example',
      disposition: null,
      note: null,
      talkMs: 61_000
    }
  ],
  sources: [
    {
      name: 'ERP',
      state: 'ready',
      tookMs: 400,
      fields: [
        { label: 'Level', value: 'Gold', source: 'ERP' },
        { label: 'Device', value: 'fault E12', source: 'ERP' }
      ],
      problem: null
    },
    { name: 'CRM', state: 'failed', tookMs: 2_000, fields: [], problem: null }
  ]
}

/** The same customer after a bot. */
export const AFTER_BOT: CustomerCard = {
  ...WEBER,
  language: 'en',
  reason: 'How can I return the kettle that I bought?',
  answers: [],
  bot: {
    reason: 'frustrated',
    summary: 'How can I return the kettle that I bought?',
    utterances: [
      { speaker: 'bot', text: 'You are speaking with a computer, not with a human.', atMs: 0 },
      { speaker: 'customer', text: 'How can I return the kettle that I bought?', atMs: 9_000 },
      { speaker: 'bot', text: 'You may return goods within 30 days.', atMs: 12_000 },
      { speaker: 'customer', text: 'This is ridiculous', atMs: 16_000 }
    ],
    facts: [{ label: 'order', value: 'A-4711' }],
    topics: ['Returning goods'],
    mood: 'annoyed',
    endedAt: ago(52_000)
  }
}

export const SALIM: CustomerCard = {
  ...WEBER,
  name: 'سليم الحداد',
  number: '+97 .. .. 04',
  language: 'ar',
  country: 'AE',
  timeZone: 'Asia/Dubai',
  reason: 'استرداد مبلغ الطلب 4711'
}

export function idleState(change: Partial<DeskState> = {}): DeskState {
  return {
    version: 1,
    serverTime: new Date().toISOString(),
    status: 'offline',
    statusReason: null,
    statusSince: ago(252_000),
    nextStatus: null,
    state: 'idle',
    stateSince: ago(252_000),
    isActiveTab: true,
    routable: { isRoutable: true, reasons: [] },
    queues: [
      { ...QUEUE, waiting: 3, longestWaitMs: 38_000, whyNot: 'othersFirst' },
      { id: 'support', name: 'Support', waiting: 0, longestWaitMs: 0, whyNot: 'nothingWaiting' },
      { id: 'ja', name: 'Japanese support', waiting: 1, longestWaitMs: 250_000, whyNot: 'languageMissing' }
    ],
    offer: null,
    call: null,
    wrapUp: null,
    missed: null,
    supervising: null,
    ...change
  }
}

export function offer(change: Partial<Offer> = {}): Offer {
  return {
    id: 'offer-1',
    callId: 'call-1',
    kind: 'queue',
    queue: QUEUE,
    from: null,
    language: 'de',
    waitedMs: 38_000,
    isAutoAnswered: false,
    expiresAt: ahead(20_000),
    customer: WEBER,
    ...change
  }
}

const self = (hears: readonly string[]): DeskParty => ({
  id: 'self',
  kind: 'self',
  name: 'Ana Example',
  number: null,
  state: 'talking',
  since: ago(60_000),
  hears
})

const weber = (change: Partial<DeskParty> = {}): DeskParty => ({
  id: 'weber',
  kind: 'customer',
  name: 'Anna Weber',
  number: '+49 .. .. 20',
  state: 'talking',
  since: ago(60_000),
  hears: ['self'],
  ...change
})

const karim = (change: Partial<DeskParty> = {}): DeskParty => ({
  id: 'karim',
  kind: 'agent',
  name: 'Karim Example',
  number: null,
  state: 'talking',
  since: ago(12_000),
  hears: ['self'],
  ...change
})

export function call(change: Partial<DeskCall> = {}): DeskCall {
  return {
    callId: 'call-1',
    direction: 'inbound',
    queue: QUEUE,
    language: 'de',
    connectedAt: ago(252_000),
    mode: 'talking',
    audio: 'connected',
    isMuted: false,
    parties: [self(['weber']), weber()],
    recording: { state: 'recording', reason: null, since: ago(252_000), card: null },
    supervisor: null,
    customer: WEBER,
    note: '',
    script: 'Greet by name.\nAsk for the order number.\nSay what happens next before you end the call.',
    ...change
  }
}

const available = { status: 'available', state: 'idle' } as const
const talking = { status: 'available', state: 'talking' } as const

/** Every state of the agent desk, by the name of its picture. */
export const DESK_STATES: Readonly<Record<string, () => DeskState>> = {
  'before-shift': () => idleState(),
  ready: () => idleState(available),
  'not-routable': () => idleState({ ...available, routable: { isRoutable: false, reasons: ['microphoneEnded'] } }),
  offered: () => idleState({ status: 'available', state: 'ringing', offer: offer() }),
  'in-call': () => idleState({ ...talking, call: call() }),
  muted: () => idleState({ ...talking, call: call({ isMuted: true }) }),
  hold: () =>
    idleState({
      ...talking,
      call: call({
        mode: 'onHold',
        parties: [self([]), weber({ state: 'onHold', since: ago(31_000), hears: [] })],
        recording: { state: 'paused', reason: 'pause', since: ago(42_000), card: null }
      })
    }),
  consult: () =>
    idleState({
      ...talking,
      call: call({
        mode: 'consulting',
        parties: [self(['karim']), weber({ state: 'onHold', since: ago(31_000), hears: [] }), karim()]
      })
    }),
  conference: () =>
    idleState({
      ...talking,
      call: call({
        mode: 'conference',
        parties: [self(['weber', 'karim']), weber({ hears: ['self', 'karim'] }), karim({ hears: ['self', 'weber'] })],
        recording: { state: 'notRecorded', reason: 'refused', since: ago(100_000), card: null }
      })
    }),
  'card-entry': () =>
    idleState({
      ...talking,
      call: call({
        recording: { state: 'paused', reason: 'card', since: ago(20_000), card: { endsAt: ahead(160_000), keys: 7 } }
      })
    }),
  'not-asked': () =>
    idleState({
      ...talking,
      call: call({ recording: { state: 'notRecorded', reason: 'unasked', since: ago(3_000), card: null } })
    }),
  'ringing-out': () =>
    idleState({
      ...talking,
      call: call({
        mode: 'ringing',
        direction: 'outbound',
        connectedAt: null,
        parties: [self([]), weber({ state: 'ringing', hears: [] })],
        recording: { state: 'notRecorded', reason: 'unasked', since: ago(3_000), card: null }
      })
    }),
  reconnecting: () => idleState({ ...talking, call: call({ audio: 'reconnecting' }) }),
  supervised: () => idleState({ ...talking, call: call({ supervisor: { name: 'Sara Example', mode: 'listen' } }) }),
  'second-call': () =>
    idleState({
      ...talking,
      call: call(),
      offer: offer({
        id: 'offer-2',
        callId: 'call-2',
        kind: 'consult',
        from: 'Karim Example',
        queue: null,
        customer: SALIM
      })
    }),
  'wrap-up': () =>
    idleState({
      status: 'available',
      state: 'wrapUp',
      wrapUp: {
        callId: 'call-1',
        endedBy: 'caller',
        startedAt: ago(25_000),
        endsAt: ahead(35_000),
        limitAt: ahead(95_000),
        note: 'Refund agreed.',
        customer: WEBER,
        queue: QUEUE
      }
    }),
  'cut-off': () =>
    idleState({
      status: 'available',
      state: 'wrapUp',
      wrapUp: {
        callId: 'call-1',
        endedBy: 'system',
        startedAt: ago(5_000),
        endsAt: ahead(55_000),
        limitAt: ahead(115_000),
        note: '',
        customer: WEBER,
        queue: QUEUE
      }
    }),
  missed: () =>
    idleState({
      ...available,
      routable: { isRoutable: false, reasons: ['missedCall'] },
      missed: { reason: 'missed', at: ago(65_000), callId: 'call-1', queue: 'German sales' }
    }),
  'on-break': () => idleState({ status: 'onBreak', statusReason: 'lunch' }),
  'second-tab': () => idleState({ ...available, isActiveTab: false }),
  'after-call': () => idleState({ ...talking, call: call(), nextStatus: { status: 'onBreak', reason: 'lunch' } }),
  supervising: () =>
    idleState({
      status: 'onBreak',
      supervising: {
        callId: 'call-9',
        agent: 'Ito Example',
        mode: 'whisper',
        since: ago(20_000),
        hears: [
          { from: 'Ana Example', to: 'Ito Example', isHeard: true },
          { from: 'Ana Example', to: 'the customer', isHeard: false }
        ]
      }
    })
}
