import type { CampaignSettings } from '../../server/campaigns/settings.ts'
import { signInPeople } from '../support/people.ts'
import type { TestParley } from '../support/parley.ts'

export const SHOWN = '+12025550100'

/** A flow that an agentless call runs: a tone, and the end. */
export const MESSAGE_FLOW = `
id: campaign-message
name: Campaign message
languages: [en]
defaultLanguage: en
start: tone
onFailure: bye
nodes:
  tone: { kind: say, prompt: { tone: "%(700,0,880)" }, next: bye }
  bye: { kind: hangup }
`

export const WORDS = {
  identification: 'This is Example Energy.',
  purpose: 'We call about your contract.',
  optOut: 'Press nine to never be called again.',
  callbackNumber: 'Our number is two oh two, five five five, oh one hundred.',
  abandoned: 'This was Example Energy, two oh two, five five five, oh one hundred.',
  voicemail: 'This is Example Energy. Please call two oh two, five five five, oh one hundred.'
} as const

export function settings(change: Partial<CampaignSettings> = {}): CampaignSettings {
  return {
    purpose: 'service',
    seller: 'Example Energy',
    lists: [],
    schedule: { weekly: { daily: ['00:00-24:00'] } },
    callerIds: [],
    languages: { en: WORDS },
    defaultLanguage: 'en',
    optOutKey: '9',
    amd: { isOn: false, onMachine: 'hangUp' },
    ringMs: 15_000,
    retries: {},
    maxAttempts: 5,
    maxLines: 20,
    maxCallsPerSecond: 50,
    ...change
  }
}

export type Attempt = Readonly<{
  id: string
  contactId: string
  contactName: string
  outcome: string | null
  detail: string
  decisionId: string | null
  amdResult: string | null
  isAbandoned: boolean
  sipStatus: number | null
  state: string
  agentId: string | null
  notice: Readonly<{ by: string | null; atMs: number | null }> | null
}>

/** What a campaign needs of a server under test, be it in this process or another. */
export type CampaignServer = Pick<TestParley, 'api' | 'signIn' | 'publish' | 'logs'>

/** Lists and campaigns that this process has made: each has a name of its own, on whichever server. */
let namesGiven = 0

/** A server with a trunk to a scripted carrier, a proved number to show, and people of the demo data. */
export class CampaignWorld {
  readonly server: CampaignServer
  readonly callerId: string
  readonly author: string
  readonly approver: string
  readonly agents: Readonly<Record<'ana' | 'karim', { id: string; token: string }>>

  private constructor(
    server: CampaignServer,
    callerId: string,
    people: Readonly<Record<string, { id: string; token: string }>>
  ) {
    this.server = server
    this.callerId = callerId
    this.author = people['author']?.token ?? ''
    this.approver = people['approver']?.token ?? ''
    this.agents = people as unknown as CampaignWorld['agents']
  }

  static async open(server: CampaignServer, carrier: Readonly<{ port: number }>): Promise<CampaignWorld> {
    const people: Record<string, { id: string; token: string }> = { ...(await signInPeople(server, ['ana', 'karim'])) }
    for (const name of ['author', 'approver']) {
      const password = 'a password that is long enough'
      const made = await server.api('POST', '/users', {
        username: name,
        displayName: name,
        role: 'campaign-manager',
        password
      })
      if (made.status !== 201) throw new Error(JSON.stringify(made.body))
      const signedIn = await server.signIn(name, password)
      people[name] = { id: made.body['id'] as string, token: signedIn.body['token'] as string }
    }
    const trunk = await server.api('POST', '/trunks', {
      name: 'carrier',
      carrier: 'Example Carrier',
      authentication: 'ip',
      outboundAddress: `127.0.0.1:${carrier.port}`,
      allowedPrefixes: ['+1', '+4', '+6', '+8', '+9'],
      allowsForeignCallerNumber: true,
      maxCalls: 200,
      maxCallsPerSecond: 100
    })
    if (trunk.status !== 201) throw new Error(JSON.stringify(trunk.body))
    const shown = await server.api('POST', '/caller-ids', {
      number: SHOWN,
      carrier: 'Example Carrier',
      evidence: 'Letter of authorisation of 2026-10-01',
      attestation: 'A'
    })
    if (shown.status !== 201) throw new Error(JSON.stringify(shown.body))
    await server.publish(MESSAGE_FLOW)
    return new CampaignWorld(server, shown.body['id'] as string, people)
  }

  /** The same world as another server on the same database shows it. */
  at(server: CampaignServer): CampaignWorld {
    const { author, approver } = this
    const people = { ...this.agents, author: { id: '', token: author }, approver: { id: '', token: approver } }
    return new CampaignWorld(server, this.callerId, people)
  }

  /** A list with these people: name and numbers. */
  async list(people: readonly (readonly [name: string, ...numbers: string[]])[], more: object = {}): Promise<string> {
    namesGiven += 1
    const name = `List ${namesGiven}`
    const list = (await this.server.api('POST', '/contact-lists', { name }, this.author)).body['id'] as string
    await this.add(list, people, more)
    return list
  }

  /** More people in a list. */
  async add(
    list: string,
    people: readonly (readonly [name: string, ...numbers: string[]])[],
    more: object = {}
  ): Promise<void> {
    const added = await this.server.api(
      'POST',
      `/contact-lists/${list}/contacts`,
      {
        contacts: people.map(([one, ...numbers]) => ({ name: one, numbers, language: 'en', ...more })),
        consent: { seller: 'Example Energy', grade: 'written_signed', textVersion: 'form of 2026-10' }
      },
      this.author
    )
    if (added.status !== 201 || added.body['imported'] !== people.length) throw new Error(JSON.stringify(added.body))
  }

  /** Drafts a campaign, runs it dry, lets the second person agree, and starts it. */
  async start(pacing: string, change: Partial<CampaignSettings>): Promise<string> {
    const id = await this.draft(pacing, change)
    await this.agree(id)
    await this.call('POST', `/campaigns/${id}/start`, {}, 200)
    return id
  }

  async draft(pacing: string, change: Partial<CampaignSettings>): Promise<string> {
    namesGiven += 1
    const made = await this.call(
      'POST',
      '/campaigns',
      { name: `Campaign ${namesGiven}`, pacing, settings: settings({ callerIds: [this.callerId], ...change }) },
      201
    )
    return made['id'] as string
  }

  async agree(id: string): Promise<void> {
    await this.dryRun(id)
    await this.call('POST', `/campaigns/${id}/submit`, {}, 200)
    await this.call('POST', `/campaigns/${id}/approve`, {}, 200, this.approver)
  }

  async dryRun(id: string): Promise<Readonly<{ total: number; parts: Record<string, number> }>> {
    await this.call('POST', `/campaigns/${id}/dry-run`, undefined, 202)
    const limit = AbortSignal.timeout(15_000)
    for (;;) {
      const found = await this.call('GET', `/campaigns/${id}/dry-run`, undefined, 200)
      if (found['isStale'] === false) return found['dryRun'] as { total: number; parts: Record<string, number> }
      if ((found['progress'] as { hasFailed?: boolean } | null)?.hasFailed) throw new Error('the dry run has failed')
      limit.throwIfAborted()
      await new Promise(resolve => setTimeout(resolve, 20))
    }
  }

  async call(
    method: string,
    path: string,
    body: unknown,
    status: number,
    token = this.author
  ): Promise<Record<string, unknown>> {
    const answer = await this.server.api(method, path, body, token)
    if (answer.status !== status) throw new Error(`${method} ${path}: ${answer.status} ${JSON.stringify(answer.body)}`)
    return answer.body
  }

  async attempts(id: string): Promise<readonly Attempt[]> {
    return (await this.call('GET', `/campaigns/${id}/attempts?limit=200`, undefined, 200))['items'] as Attempt[]
  }

  /** The attempts of a campaign as soon as they are as wanted. */
  async until(
    id: string,
    wanted: (attempts: readonly Attempt[]) => boolean,
    limitMs = 20_000
  ): Promise<readonly Attempt[]> {
    const limit = AbortSignal.timeout(limitMs)
    for (;;) {
      const attempts = await this.attempts(id)
      if (wanted(attempts)) return attempts
      if (limit.aborted)
        throw new Error(`not in time: ${JSON.stringify(attempts)}\n${this.server.logs.slice(-12).join('')}`)
      await new Promise(resolve => setTimeout(resolve, 30))
    }
  }

  async live(
    id: string
  ): Promise<Record<string, unknown> & { why: { code: string; values: Record<string, unknown> } }> {
    return (await this.call('GET', `/campaigns/${id}/live`, undefined, 200)) as never
  }

  /** The live view as soon as its sentence has this code. */
  async untilWhy(id: string, code: string, limitMs = 10_000): Promise<Record<string, unknown>> {
    const limit = AbortSignal.timeout(limitMs)
    for (;;) {
      const live = await this.live(id)
      if (live.why.code === code) return live
      if (limit.aborted) throw new Error(`it says ${JSON.stringify(live.why)}, not ${code}`)
      await new Promise(resolve => setTimeout(resolve, 30))
    }
  }
}
