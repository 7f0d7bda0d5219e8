import t from 'tap'
import type { ModelEvent } from '../../server/bots/model/language-model.ts'
import { createOpenAiModel } from '../../server/bots/model/openai-model.ts'
import { CallBudget } from '../../server/bots/model/budget.ts'
import { type LlmStep, LlmServer } from '../support/llm-server.ts'

const END = { kind: 'end', toolCalls: [], isCutShort: false }

t.test('a language model behind the OpenAI-compatible API', async t => {
  await using server = await LlmServer.start()
  const model = createOpenAiModel({
    url: server.url,
    key: 'sk-test',
    model: 'small',
    region: null,
    timeoutMs: 300,
    centsPerMillion: { input: 100, output: 400 }
  })
  const reply = async (step: LlmStep, signal = new AbortController().signal): Promise<readonly ModelEvent[]> => {
    server.steps = [step]
    const events: ModelEvent[] = []
    const request = { messages: [{ role: 'user', content: 'Hello' } as const], tools: [], maxTokens: 100 }
    for await (const event of model.reply(request, signal)) events.push(event)
    return events
  }

  await t.test('words come as they are written, with what they cost', async t => {
    const events = await reply({ kind: 'say', pieces: ['Good ', 'morning.'] })
    t.same(events, [
      { kind: 'text', text: 'Good ' },
      { kind: 'text', text: 'morning.' },
      { kind: 'end', toolCalls: [], isCutShort: false, usage: { inputTokens: 100, outputTokens: 20 } }
    ])
    t.equal(model.costCents({ inputTokens: 1_000_000, outputTokens: 500_000 }), 300)
    t.match(server.requests.at(-1), { authorization: 'Bearer sk-test' })
  })

  await t.test('a server that does not count is estimated', async t => {
    const events = await reply({ kind: 'say', pieces: ['a'.repeat(300)], usage: false })
    t.match(events.at(-1), { usage: { outputTokens: 100 } })
  })

  await t.test('tool calls are put together from their pieces', async t => {
    const call = { name: 'order_status', arguments: '{"orderId":"4711-AB"}' }
    t.match((await reply({ kind: 'call', calls: [call] })).at(-1), { toolCalls: [{ id: 'call_0', ...call }] })
  })

  const raw = (...chunks: readonly (object | string)[]) => ({
    kind: 'raw' as const,
    lines: [...chunks.map(one => (typeof one === 'string' ? one : `data: ${JSON.stringify(one)}`)), 'data: [DONE]']
  })
  const delta = (given: object, finish: string | null = null) => ({
    choices: [{ index: 0, delta: given, finish_reason: finish }]
  })
  const textOf = (events: readonly ModelEvent[]) => events.map(one => (one.kind === 'text' ? one.text : '')).join('')

  await t.test(
    'calls that come whole, without numbers, all of them called 0, or without ids are told apart',
    async t => {
      const orders = { name: 'my_orders', arguments: '{}' }
      const status = { name: 'order_status', arguments: '{"orderId":"4711-AB"}' }
      const part = (id: string | undefined, named: object, index?: number) => ({
        ...(index !== undefined && { index }),
        ...(id !== undefined && { id }),
        type: 'function',
        function: named
      })
      const both = [
        { id: 'a', ...orders },
        { id: 'b', ...status }
      ]
      const whole = [
        ['at once', raw(delta({ tool_calls: [part('a', orders, 0), part('b', status, 1)] }, 'tool_calls'))],
        [
          'all called 0',
          raw(delta({ tool_calls: [part('a', orders, 0)] }), delta({ tool_calls: [part('b', status, 0)] }, 'stop'))
        ],
        ['without numbers', raw(delta({ tool_calls: [part('a', orders), part('b', status)] }, 'stop'))],
        [
          'without numbers, in pieces',
          raw(
            delta({ tool_calls: [part('a', orders)] }),
            delta({ tool_calls: [part('b', { name: 'order_status', arguments: '{"orderId":' })] }),
            delta({ tool_calls: [part(undefined, { arguments: '"4711-AB"}' })] }, 'tool_calls')
          )
        ]
      ] as const
      for (const [what, step] of whole) t.match((await reply(step)).at(-1), { ...END, toolCalls: both }, what)
      const nameless = raw(delta({ tool_calls: [part(undefined, orders), part(undefined, status)] }, 'tool_calls'))
      t.match((await reply(nameless)).at(-1), { toolCalls: [{ id: 'call_0' }, { id: 'call_1' }] })
    }
  )

  await t.test('what a reasoning model thinks is not said, wherever the server puts it', async t => {
    const thought = 'The caller wants [[2]]. Is 3 < 5? I could say anything.'
    const said = '[[1]] Within 30 days, if 3 < 5.'
    const inline = `<think>\n${thought}\n</think>\n\n${said}`
    const letters = [...inline].map(letter => delta({ content: letter }))
    t.equal(textOf(await reply(raw(...letters, delta({}, 'stop')))).trim(), said, 'letter by letter')
    t.equal(textOf(await reply(raw(delta({ content: inline }, 'stop')))).trim(), said, 'at once')
    const apart = ['reasoning_content', 'reasoning'].map(field =>
      raw(delta({ role: 'assistant', content: null, [field]: thought }), delta({ content: said }), delta({}, 'stop'))
    )
    for (const step of apart) {
      const events = await reply(step)
      t.equal(textOf(events), said)
      const { usage } = events.at(-1) as Extract<ModelEvent, { kind: 'end' }>
      t.ok(usage.outputTokens >= (thought.length + said.length) / 3, 'thoughts are paid for')
    }
    t.equal(
      textOf(await reply(raw(delta({ content: `<THINKING>${thought}` }, 'length')))),
      '',
      'a thought without an end'
    )
    t.equal(textOf(await reply(raw(delta({ content: 'I <thi' }), delta({ content: 'nk so' }, 'stop')))), 'I <think so')
  })

  await t.test('a server that says that it lives, and thinks long before its first word, is waited for', async t => {
    const alive = [': keep-alive', '', ': OPENROUTER PROCESSING', 'event: ping\ndata: {"choices":[]}']
    t.equal(textOf(await reply(raw(...alive, delta({ content: 'Yes.' }), delta({}, 'stop')))), 'Yes.')
    const step: LlmStep = {
      kind: 'raw',
      lines: [...Array(4).fill(': keep-alive'), ...raw(delta({ content: 'Yes.' }, 'stop')).lines],
      betweenMs: 150
    }
    t.equal(textOf(await reply(step)), 'Yes.', 'after 600 ms of which none was silent for 300 ms')
  })

  const FAULTS: readonly (readonly [string, LlmStep, string])[] = [
    ['a refused key', { kind: 'status', status: 401 }, 'MODEL_KEY_REFUSED'],
    ['too many requests', { kind: 'status', status: 429 }, 'MODEL_BUSY'],
    ['an error of the server', { kind: 'status', status: 500 }, 'MODEL_FAILED'],
    ['a server that hangs', { kind: 'hang' }, 'MODEL_TIMEOUT'],
    ['a pause within the reply', { kind: 'say', pieces: ['Well', ' ...'], betweenMs: 400 }, 'MODEL_TIMEOUT'],
    ['a connection cut within the reply', { kind: 'cutOff', pieces: ['You can'] }, 'MODEL_CUT_OFF'],
    [
      'a stream that just ends',
      { kind: 'raw', lines: ['data: {"choices":[{"delta":{"content":"x"}}]}'] },
      'MODEL_CUT_OFF'
    ],
    ['what is not JSON', { kind: 'raw', lines: ['data: {{{'] }, 'MODEL_NONSENSE'],
    ['JSON of another form', { kind: 'raw', lines: ['data: {"choices":"many"}'] }, 'MODEL_NONSENSE'],
    ['an error within the stream', { kind: 'raw', lines: ['data: {"error":{"message":"x"}}'] }, 'MODEL_FAILED'],
    [
      'words without end',
      { kind: 'say', pieces: Array.from({ length: 50 }, () => 'x'.repeat(1_000)) },
      'MODEL_NONSENSE'
    ]
  ]
  for (const [what, step, code] of FAULTS)
    await t.test(`${what} is ${code}`, async t => {
      await t.rejects(reply(step), { name: 'ModelError', code })
    })

  await t.test('nobody at the address is MODEL_UNREACHABLE', async t => {
    const nowhere = createOpenAiModel({
      url: 'http://127.0.0.1:9/v1',
      key: undefined,
      model: 'none',
      region: null,
      timeoutMs: 1_000,
      centsPerMillion: { input: 0, output: 0 }
    })
    const events = nowhere.reply({ messages: [], tools: [], maxTokens: 1 }, new AbortController().signal)
    await t.rejects(events[Symbol.asyncIterator]().next(), { code: 'MODEL_UNREACHABLE' })
  })

  await t.test('a slow but living stream is not cut off', async t => {
    const events = await reply({ kind: 'say', pieces: ['a', 'b', 'c', 'd'], betweenMs: 150 })
    t.equal(events.length, 5)
  })

  await t.test('a caller who hangs up ends the request', async t => {
    const hangUp = new AbortController()
    const running = reply({ kind: 'hang' }, hangUp.signal)
    hangUp.abort(new Error('hung up'))
    await t.rejects(running, { message: 'hung up' })
  })

  await t.test('a call’s budget ends', async t => {
    const budget = new CallBudget({ tokens: 100, cents: 5 })
    budget.demand()
    budget.spend({ inputTokens: 90, outputTokens: 10 }, 0.01)
    t.throws(() => budget.demand(), { code: 'MODEL_BUDGET' })
    const money = new CallBudget({ tokens: 1_000_000, cents: 5 })
    money.spend({ inputTokens: 1, outputTokens: 1 }, 5)
    t.throws(() => money.demand(), { code: 'MODEL_BUDGET' })
  })
})
