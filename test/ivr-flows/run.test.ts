import t from 'tap'
import type { FlowHost, Prompt } from '../../ivr-flows/host.ts'
import { runFlow } from '../../ivr-flows/run.ts'
import { document, example, flowOf, host, never } from './support.ts'
import { patient } from '../support/patience.ts'

const bye = { kind: 'hangup' }

t.test('a caller who hangs up ends the flow at once, whatever it waits for', async t => {
  for (const name of ['play', 'gather', 'queue', 'transfer', 'voicemail', 'callback', 'request'] as const) {
    const hangUp = new AbortController()
    const gone = new Error('the caller hung up')
    const waits = (_options: unknown, signalOrOptions: unknown, third?: unknown) => {
      const signal = (third ?? signalOrOptions) as AbortSignal
      return new Promise<never>((_resolve, reject) => {
        signal.addEventListener('abort', () => reject(signal.reason))
        queueMicrotask(() => hangUp.abort(gone))
      })
    }
    const nodes = {
      play: { kind: 'say', prompt: 'Hello', next: 'bye', failed: 'bye' },
      gather: { kind: 'menu', prompt: 'Press.', choices: { '1': 'bye' } },
      queue: { kind: 'queue', queue: 'q' },
      transfer: { kind: 'transfer', to: { agent: 'bea' } },
      voicemail: { kind: 'voicemail', mailbox: 'm', next: 'bye' },
      callback: { kind: 'callback', number: '1', next: 'bye' },
      request: { kind: 'request', url: 'http://x.example', next: 'bye' }
    }
    const flow = flowOf(document({ [name]: nodes[name], bye }, { onFailure: 'bye' }))
    const caller = host({ [name]: waits } as Partial<FlowHost>)
    await t.rejects(runFlow(flow, caller, { signal: hangUp.signal }), gone, name)
  }
})

t.test('a caller hears a sentence when a prompt cannot be made, never silence', async t => {
  const flow = flowOf(await example('welcome-de.yaml'))
  const caller = host({
    play: async prompts => {
      caller.heard.push(...prompts)
      return caller.heard.length > 3 ? { kind: 'finished' } : { kind: 'failed', code: 'TTS_FAILED', reason: 'no voice' }
    }
  })
  const end = await runFlow(flow, caller, { signal: never })
  t.equal(end.kind, 'hangup')
  t.match(caller.departures[0], { node: 'greet', outcome: 'failed', detail: { code: 'TTS_FAILED' } })
  t.match(caller.heard.at(-1), { text: /technisches Problem/ })
})

t.test('a call ends when the way out of failures fails itself', async t => {
  const nodes = { a: { kind: 'say', prompt: 'A', next: 'bye' }, b: { kind: 'say', prompt: 'B', next: 'a' }, bye }
  const flow = flowOf(document(nodes, { onFailure: 'b' }))
  const caller = host({ play: async () => ({ kind: 'failed', code: 'TTS_FAILED', reason: 'no voice' }) })
  t.match(await runFlow(flow, caller, { signal: never }), {
    kind: 'failed',
    code: 'TTS_FAILED',
    node: 'b',
    reason: 'no voice'
  })
})

t.test('a call cannot go round in a flow for ever', async t => {
  const nodes = { a: { kind: 'menu', prompt: 'Press 1.', choices: { '1': 'a', '2': 'bye' }, noInput: 'bye' }, bye }
  const flow = flowOf(document(nodes, { onFailure: 'bye', maxSteps: 50 }))
  const caller = host({ gather: async () => ({ kind: 'digits', digits: '1', terminator: null }) })
  t.match(await runFlow(flow, caller, { signal: never }), { kind: 'failed', code: 'MAX_STEPS', node: 'a' })
  t.equal(caller.visits.length, 50)
})

t.test('a call cannot stay in a flow for ever, but talking does not count', async t => {
  let now = Date.parse('2026-03-02T10:00:00Z')
  const takes = (ms: number) => {
    now += ms
  }
  const nodes = {
    talk: { kind: 'queue', queue: 'q', next: 'a' },
    a: { kind: 'menu', prompt: 'Press 1.', choices: { '1': 'a', '2': 'bye' }, noInput: 'bye' },
    bye
  }
  const flow = flowOf(document(nodes, { onFailure: 'bye', maxDurationMs: 60_000 }))
  const caller = host({
    now: () => new Date(now),
    queue: async () => {
      takes(3_600_000)
      return { kind: 'served' }
    },
    gather: async () => {
      takes(7_000)
      return { kind: 'digits', digits: '1', terminator: null }
    }
  })
  t.match(await runFlow(flow, caller, { signal: never }), { kind: 'failed', code: 'MAX_DURATION', node: 'a' })
  t.equal(caller.visits.length, 10, 'nine questions of seven seconds fit after the talk')
})

t.test('digits that a caller types stay out of the call’s story', async t => {
  const gather = { kind: 'gather', prompt: 'PIN', save: 'pin', next: 'bye' }
  const story = async (node: Record<string, unknown>) => {
    const flow = flowOf(document({ ask: node, bye }, { onFailure: 'bye', vars: { pin: { type: 'string' } } }))
    const caller = host({ gather: async () => ({ kind: 'digits', digits: '4711', terminator: '#' }) })
    await runFlow(flow, caller, { signal: never })
    return JSON.stringify(caller.departures)
  }
  t.notMatch(await story(gather), /4711/)
  t.match(await story({ ...gather, public: true }), /4711/)
})

t.test('a key pressed during a prompt counts for the next question', async t => {
  const nodes = {
    hello: { kind: 'say', prompt: 'Hello', bargeIn: true, next: 'news' },
    news: { kind: 'say', prompt: 'News', bargeIn: true, next: 'menu' },
    menu: { kind: 'menu', prompt: 'Press 1.', choices: { '1': 'bye' } },
    bye
  }
  const flow = flowOf(document(nodes, { onFailure: 'bye' }))
  const firsts: unknown[] = []
  const caller = host({
    play: async prompts => {
      caller.heard.push(...prompts)
      return { kind: 'interrupted', digit: '1' }
    },
    gather: async ({ firstDigit }) => {
      firsts.push(firstDigit)
      return { kind: 'digits', digits: firstDigit ?? '', terminator: null }
    }
  })
  t.match(await runFlow(flow, caller, { signal: never }), { kind: 'hangup', node: 'bye' })
  t.same(firsts, ['1'])
  t.same(
    caller.heard.map(prompt => (prompt as { text: string }).text),
    ['Hello'],
    'who pressed a key hears no news'
  )
})

t.test('a caller hears the nearest language there is', async t => {
  const hears = async (language: string) => {
    const prompt = { en: 'Hello', de: 'Hallo', 'pt-BR': 'Oi', 'zh-Hant': '你好' }
    const flow = flowOf(
      document(
        { a: { kind: 'say', prompt, next: 'bye' }, bye },
        { onFailure: 'bye', languages: ['en', 'de', 'pt-BR', 'zh-Hant'] }
      )
    )
    const caller = host()
    await runFlow(flow, caller, { signal: never, language })
    return caller.heard[0] as Extract<Prompt, { kind: 'speech' }>
  }
  t.match(await hears('de-AT'), { text: 'Hallo', language: 'de' })
  t.match(await hears('pt-PT'), { text: 'Oi', language: 'pt-BR' })
  t.match(await hears('zh-Hant-TW'), { text: '你好' })
  t.match(await hears('fr'), { text: 'Hello', language: 'en' })
})

t.test('a caller is not caught in flows that call each other', async t => {
  const flows = new Map(
    ['one', 'two'].map(id => {
      const other = id === 'one' ? 'two' : 'one'
      const nodes = { go: { kind: 'subflow', flow: other, next: 'back' }, back: { kind: 'return' } }
      return [id, flowOf(document(nodes, { id, onFailure: 'back' }))]
    })
  )
  const caller = host()
  const resolveSubflow = async (id: string) => flows.get(id) ?? null
  const flow = flows.get('one')
  if (flow === undefined) throw new Error('no flow')
  t.match(await runFlow(flow, caller, { signal: never, resolveSubflow }), { kind: 'hangup', node: 'back' })
  t.match(caller.departures[0], { flowId: 'two', node: 'go', outcome: 'failed', detail: { code: 'RECURSION' } })
})

t.test('a caller goes the way of failure when a subflow is missing or nested too deeply', async t => {
  const level = (index: number) =>
    flowOf(
      document(
        { go: { kind: 'subflow', flow: `level${index + 1}`, next: 'back' }, back: { kind: 'return' } },
        { id: `level${index}`, onFailure: 'back' }
      )
    )
  const deep = host()
  await runFlow(level(0), deep, { signal: never, resolveSubflow: async id => level(Number(id.slice(5))) })
  t.match(deep.departures[0], { flowId: 'level7', detail: { code: 'TOO_DEEP' } })
  const alone = host()
  await runFlow(level(0), alone, { signal: never })
  t.match(alone.departures[0], { flowId: 'level0', detail: { code: 'UNKNOWN_FLOW' } })
})

t.test('a condition that fails takes the way of failure', async t => {
  const nodes = {
    a: { kind: 'branch', cases: [{ when: '$number("x") > 1', next: 'bye' }], otherwise: 'bye', failed: 'sorry' },
    bye,
    sorry: bye
  }
  const caller = host()
  t.match(await runFlow(flowOf(document(nodes)), caller, { signal: never }), { node: 'sorry' })
  t.match(caller.departures[0], { outcome: 'failed', detail: { code: 'EXPRESSION_FAILED' } })
})

t.test('a regular expression that runs away only refuses the digits', async t => {
  const nodes = {
    a: { kind: 'gather', prompt: 'N', pattern: '(1+)+', attempts: 1, max: 60, next: 'bye', noMatch: 'bye' },
    bye,
    sorry: bye
  }
  const caller = host({ gather: async () => ({ kind: 'digits', digits: `${'1'.repeat(50)}2`, terminator: null }) })
  const begin = performance.now()
  await runFlow(flowOf(document(nodes, { onFailure: 'sorry' })), caller, { signal: never })
  t.ok(performance.now() - begin < patient(2_000))
})

t.test('a queue is asked for with what the flow has found out', async t => {
  const asked: unknown[] = []
  const flow = flowOf(await example('welcome-es.yaml'))
  const caller = host({
    gather: async () => ({ kind: 'digits', digits: '0', terminator: null }),
    queue: async options => {
      asked.push(options)
      return { kind: 'overflow', reason: 'full' }
    },
    callback: async () => ({ kind: 'failed', code: 'NO', reason: 'no' })
  })
  await runFlow(flow, caller, { signal: never, language: 'es' })
  t.match(asked[0], {
    queue: 'support',
    priority: 50,
    skills: [],
    maxWaitMs: 180_000,
    answers: []
  })
})

t.test('a call starts with the variables that it is given, as far as they fit', async t => {
  const vars = { count: { type: 'number', default: 1 }, name: { type: 'string', default: 'nobody' } }
  const prompt = '{{ vars.count + 1 }} {{ vars.name }}'
  const flow = flowOf(document({ a: { kind: 'hangup', prompt } }, { vars }))
  const caller = host()
  await runFlow(flow, caller, { signal: never, variables: { count: '41', name: ['x'], other: 'y' } })
  t.match(caller.heard[0], { text: '42 nobody' })
})
