import type { ServerResponse } from 'node:http'
import type { Db } from '../../../sql/database.ts'
import type { ApiKeyRole } from '../../../sql/tables.ts'
import type { AgentService, AgentView } from '../../agents/agent-service.ts'
import type { BusinessEvents, LiveEvent } from '../../events.ts'
import { numberFor } from '../../number-mask.ts'
import type { QueueService } from '../../queues/queue-service.ts'
import type { Logger } from '../../log.ts'
import { actorOf } from '../actor.ts'
import { findActor } from '../authentication.ts'
import type { App } from '../fastify-types.ts'
import { isPermitted } from '../permissions.ts'

const HEARTBEAT_MS = 15_000
/** Who has signed out, was disabled or has another role hears no more after this. */
const ACCESS_CHECK_MS = 5_000
/** Bytes that a slow listener may leave unread before it is cut off; it comes back and reads the lists. */
const MAX_UNREAD_BYTES = 1_000_000
/** Callers come and go in bursts; who looks at a queue needs no more than this. */
const QUEUES_EVERY_MS = 250

export type LiveEventParts = Readonly<{
  db: Db
  log: Logger
  events: BusinessEvents
  agents: AgentService
  queues: QueueService
}>

/**
 * What happens now, as server-sent events (HTML living standard §9.2) for dashboards: `call` for each event of a call of this control plane, and
 * for whoever may see the wallboard `agent` and `queue` for each change of theirs on any. A client that was away reads the lists.
 */
export function registerLiveEventRoutes(app: App, { db, log, events, agents, queues }: LiveEventParts): void {
  app.get(
    '/events',
    {
      config: { access: 'events:read' },
      schema: {
        summary: 'Live events of calls, agents and queues (server-sent events)',
        tags: ['operations'],
        produces: ['text/event-stream']
      }
    },
    (request, reply) => {
      const { role } = actorOf(request)
      reply.hijack()
      const { raw } = reply
      raw.writeHead(200, {
        'content-type': 'text/event-stream',
        'cache-control': 'no-store',
        'x-accel-buffering': 'no'
      })
      raw.write(': connected\n\n')
      const gone = new AbortController()
      const beat = setInterval(() => raw.write(': still here\n\n'), HEARTBEAT_MS)
      const checkAccess = async () => {
        try {
          if ((await findActor(db, request))?.role !== role) raw.end()
        } catch (err) {
          // A database that is away signs nobody out.
          log.debug({ err }, 'the access of a listener could not be checked')
        }
      }
      const check = setInterval(() => void checkAccess(), ACCESS_CHECK_MS)
      raw.once('close', () => {
        clearInterval(beat)
        clearInterval(check)
        gone.abort()
      })
      events.listen(one => send(raw, 'call', callData(one, role), `${one.event.callId}:${one.event.seq}`), gone.signal)
      if (!isPermitted(role, 'wallboard:read')) return
      sendAgents(raw, agents, gone.signal)
      sendQueues(raw, queues, gone.signal)
    }
  )
}

function send(raw: ServerResponse, event: string, data: object, id?: string): void {
  if (raw.writableLength > MAX_UNREAD_BYTES) {
    raw.destroy()
    return
  }
  raw.write(`event: ${event}\n${id === undefined ? '' : `id: ${id}\n`}data: ${JSON.stringify(data)}\n\n`)
}

function callData({ event, cdr }: LiveEvent, role: ApiKeyRole): object {
  const isInbound = cdr.direction === 'inbound'
  return {
    callId: event.callId,
    seq: event.seq,
    at: event.at,
    kind: event.kind,
    direction: cdr.direction,
    state: cdr.state,
    callerNumber: isInbound ? numberFor(role, cdr.callerNumber) : cdr.callerNumber,
    calledNumber: isInbound ? cdr.calledNumber : numberFor(role, cdr.calledNumber),
    flowId: cdr.flowId,
    language: cdr.language,
    endReason: cdr.endReason
  }
}

/** Much of an agent changes that nobody looks at from outside: only what differs is sent. */
function sendAgents(raw: ServerResponse, agents: AgentService, signal: AbortSignal): void {
  const sent = new Map(agents.views().map(view => [view.id, JSON.stringify(agentData(view))]))
  agents.onChange(view => {
    const data = agentData(view)
    const text = JSON.stringify(data)
    if (sent.get(view.id) === text) return
    sent.set(view.id, text)
    send(raw, 'agent', data)
  }, signal)
}

function agentData(view: AgentView): object {
  return {
    agentId: view.id,
    name: view.profile.displayName,
    status: view.status,
    statusReason: view.statusReason,
    state: view.state,
    since: view.stateSince.toISOString(),
    isRoutable: view.isRoutable,
    notRoutable: view.notRoutable,
    queueId: view.queueId,
    callId: view.callId
  }
}

function sendQueues(raw: ServerResponse, queues: QueueService, signal: AbortSignal): void {
  const facts = () =>
    queues.queues().map(queue => ({ queueId: queue.id, name: queue.name, waiting: queues.load(queue.id).waiting }))
  const sent = new Map(facts().map(one => [one.queueId, JSON.stringify(one)]))
  let due: NodeJS.Timeout | undefined
  signal.addEventListener('abort', () => clearTimeout(due), { once: true })
  queues.onChange(() => {
    due ??= setTimeout(() => {
      due = undefined
      for (const one of facts()) {
        const text = JSON.stringify(one)
        if (sent.get(one.queueId) === text) continue
        sent.set(one.queueId, text)
        send(raw, 'queue', one)
      }
    }, QUEUES_EVERY_MS)
  }, signal)
}
