import t from 'tap'
import { TO_SUPPORT, TONE_MENU } from '../support/flows.ts'
import { TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'
import { TestSoftphone } from '../support/softphone.ts'

const NUMBER = '+12025550177'
const QUEUED = '+12025550178'

t.test('live events tell a call as it happens', { timeout: 280_000 }, async t => {
  const server = await TestParley.start({ hasDemoData: true })
  let isStopped = false
  t.teardown(async () => {
    if (!isStopped) await server[Symbol.asyncDispose]()
  })
  await server.publish(TONE_MENU)
  await server.addNumber(NUMBER, 'tone-menu')
  const accounts = new Map(server.parley.newAccounts?.map(account => [account.username, account.password]))
  const tokenOf = async (name: string) => (await server.signIn(name, accounts.get(name) ?? '')).body['token'] as string

  await t.test('nobody listens without signing in', async t => {
    t.equal((await fetch(`${server.url}/api/v1/events`)).status, 401)
  })

  const supervisor = await listen(server, await tokenOf('sara'))
  const key = await server.api('POST', '/api-keys', { name: 'crm', role: 'integration' })
  const integration = await listen(server, key.body['key'] as string)

  await t.test('events come in order, from the first to the last, with the number as the role may see it', async t => {
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(440)
    caller.audio.sendDigits('2')
    await call.waitForBye()
    const story = await server.story(call.callId)
    for (const [stream, number] of [
      [supervisor, '+12 .. .. 23'],
      [integration, '+12025550123']
    ] as const) {
      const events = await stream.until(event => event['kind'] === 'ended')
      t.same(
        events.map(event => event['kind']),
        story.events.map(event => event.kind)
      )
      t.same(
        events.map(event => event['seq']),
        events.map((_, index) => index + 1)
      )
      t.same(new Set(events.map(event => event['callerNumber'])), new Set([number]))
      t.match(events.at(-1), { callId: story.id, state: 'ended', endReason: 'flowHungUp' })
      t.notOk(JSON.stringify(events).includes('"digits"'))
    }
  })

  await t.test('a listener who goes away costs nothing', async t => {
    const short = await listen(server, key.body['key'] as string)
    short.close()
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(NUMBER), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await caller.audio.hears(440)
    await call.bye()
    t.match(await server.story(call.callId), { endReason: 'callerHungUp' })
    t.notOk(server.logs.some(line => line.includes('a listener of live events failed')))
  })

  await t.test('a supervisor hears of agents and queues, an agent of calls only', async t => {
    await server.publish(TO_SUPPORT)
    await server.addNumber(QUEUED, 'to-support')
    const { ana } = await signInPeople(server, ['ana'])
    const front = await listen(server, ana.token)
    await using phone = await TestSoftphone.onShift(server, ana.token)
    await using caller = await server.phone()
    const call = caller.phone.call(server.uri(QUEUED), { sdp: caller.audio.sdp() })
    caller.audio.connect((await call.answered()).sdp).sendSilence()
    await supervisor.until(event => event['type'] === 'queue' && event['waiting'] === 1)
    await phone.answers()
    const events = await supervisor.until(event => event['type'] === 'agent' && event['state'] === 'talking')
    const talking = events.filter(event => event['type'] === 'agent').at(-1)
    const story = await server.api('GET', '/calls?limit=1')
    t.match(talking, {
      agentId: ana.id,
      name: 'Ana Example',
      status: 'available',
      callId: (story.body.items as { id: string }[])[0]?.id
    })
    await supervisor.until(event => event['type'] === 'queue' && event['waiting'] === 0)
    await call.bye()
    const heard = await front.until(event => event['kind'] === 'ended')
    t.same(new Set(heard.map(event => event['type'])), new Set(['call']))
    front.close()
  })

  await t.test('whoever signs out, or whose key is revoked, hears no more', async t => {
    const token = await tokenOf('sara')
    const [signedOut, revoked, other] = [
      await listen(server, token),
      await listen(server, key.body['key'] as string),
      await listen(server, await tokenOf('sara'))
    ]
    await server.api('DELETE', '/session', undefined, token)
    await signedOut.ended
    await server.api('DELETE', `/api-keys/${key.body['id']}`)
    await Promise.all([revoked.ended, integration.ended])
    let isOver = false
    void other.ended.then(() => {
      isOver = true
    })
    t.notOk(isOver, 'others hear on')
    other.close()
  })

  await t.test('the stream ends when the server stops, which does not wait for its listeners', async t => {
    const startedAt = performance.now()
    isStopped = true
    await server[Symbol.asyncDispose]()
    await supervisor.ended
    t.ok(performance.now() - startedAt < 20_000)
  })
})

type Event = Record<string, unknown>

async function listen(server: TestParley, token: string) {
  const abort = new AbortController()
  const response = await fetch(`${server.url}/api/v1/events`, {
    headers: { authorization: `Bearer ${token}` },
    signal: AbortSignal.any([abort.signal, AbortSignal.timeout(50_000)])
  })
  const { body } = response
  if (response.status !== 200 || body === null) throw new Error(`events: ${response.status}`)
  const events: Event[] = []
  let arrived = () => {}
  const ended = (async () => {
    let text = ''
    try {
      for await (const part of body.pipeThrough(new TextDecoderStream())) {
        text += part
        const blocks = text.split('\n\n')
        text = blocks.pop() ?? ''
        for (const block of blocks) {
          const data = /^data: (.*)$/m.exec(block)?.[1]
          const type = /^event: (.*)$/m.exec(block)?.[1]
          if (data !== undefined) events.push({ ...(JSON.parse(data) as Event), type })
        }
        arrived()
      }
    } catch (err) {
      // A stream that is cut off has ended too, whoever cut it.
      if (!abort.signal.aborted && !(err instanceof TypeError)) throw err
    }
  })()
  return {
    ended,
    close: () => abort.abort(),
    /** All events so far, once one of them is what is waited for. */
    async until(wanted: (event: Event) => boolean): Promise<readonly Event[]> {
      const limit = AbortSignal.timeout(5_000)
      while (!events.some(wanted)) {
        limit.throwIfAborted()
        await new Promise<void>(resolve => {
          const timer = setTimeout(resolve, 5_000)
          arrived = () => {
            clearTimeout(timer)
            resolve()
          }
        })
      }
      return events
    }
  }
}
