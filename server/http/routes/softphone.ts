import websocket from '@fastify/websocket'
import type { WebSocket } from 'ws'
import { Type } from 'typebox'
import { Compile } from 'typebox/compile'
import { findSessionUser } from '../../../sql/queries/access.ts'
import { listDispositions, listStatusReasons } from '../../../sql/queries/queues.ts'
import type { AgentCalls, Person } from '../../agent-calls/agent-calls.ts'
import type { AgentDesk } from '../../agent-calls/agent-desk.ts'
import { type AuditActor, handleDeskRequest } from '../../agent-calls/desk-requests.ts'
import { AppError, isDatabaseUnavailable } from '../../errors.ts'
import { newId } from '../../ids.ts'
import {
  CLOSE_CODES,
  RequestSchema,
  type SoftphonePush,
  type SoftphoneReply,
  type SoftphoneRequest
} from '../../softphone/protocol.ts'
import type { Tab } from '../../softphone/softphone.ts'
import { actorOf } from '../actor.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { iceServersFor } from '../turn.ts'

const MAX_MESSAGE_BYTES = 256 * 1024
const MAX_MESSAGES_PER_SECOND = 50
/** A laptop that sleeps answers no ping: its agent is away at the latest after two of these. */
const PING_MS = 4_000
const SESSION_CHECK_MS = 30_000
const PROOF_EVERY_MS = 20_000
/** What a page may leave unread before it is cut off; it comes back and gets the whole state. */
const MAX_UNREAD_BYTES = 1_000_000

const request = Compile(RequestSchema)

/** The WebSocket of agents' and supervisors' desks; its messages are in server/softphone/protocol.ts. */
export async function registerSoftphoneRoute(app: App, parts: HttpParts, calls: AgentCalls): Promise<void> {
  await app.register(websocket, { options: { maxPayload: MAX_MESSAGE_BYTES } })
  app.get(
    '/softphone',
    {
      websocket: true,
      config: { access: 'softphone' },
      schema: {
        summary: 'The softphone’s WebSocket',
        tags: ['softphone'],
        querystring: Type.Object({
          tab: Type.Optional(
            Type.String({ pattern: '^[A-Za-z0-9-]{8,64}$', description: 'Kept by the page over reloads' })
          )
        })
      }
    },
    async (socket, http) => {
      const actor = actorOf(http)
      const { origin } = http.headers
      // A cookie travels by itself, and a WebSocket may be opened from any page of the web (RFC 6455 §10.2).
      if (origin !== undefined && URL.parse(origin)?.host !== http.headers.host)
        return socket.close(CLOSE_CODES.notAllowed, 'The page comes from another host')
      if (actor.kind !== 'user') return socket.close(CLOSE_CODES.notAllowed, 'Only people have a softphone')
      if (parts.liveCalls.isDraining) return socket.close(CLOSE_CODES.draining, 'The server is shutting down')
      const person: Person = {
        id: actor.id,
        username: actor.name,
        displayName: actor.displayName,
        role: actor.role,
        language: actor.language
      }
      const { id, username, role } = person
      const auditActor: AuditActor = { id, username, role, ip: http.ip, requestId: http.id }
      const { tab = newId() } = http.query as { tab?: string }
      await serveTab(parts, calls, person, socket, tab, actor.sessionHash ?? '', auditActor)
    }
  )
}

async function serveTab(
  parts: HttpParts,
  calls: AgentCalls,
  person: Person,
  socket: WebSocket,
  tabId: string,
  sessionHash: string,
  actor: AuditActor
): Promise<void> {
  const { log } = parts
  const tab: Tab = {
    id: tabId,
    send: push => send(socket, push),
    close: (code, reason) => socket.close(code, reason)
  }
  // Messages that come while the desk is being opened wait for it.
  const early: Buffer[] = []
  let take = (data: Buffer): void => {
    early.push(data)
  }
  socket.on('message', data => take(data as Buffer))
  socket.on('error', err => log.debug({ err }, 'a softphone’s socket failed'))
  const closed = new Promise<void>(resolve => socket.once('close', () => resolve()))

  let desk: AgentDesk
  try {
    const [dispositions, reasons] = await Promise.all([listDispositions(parts.db), listStatusReasons(parts.db)])
    send(socket, {
      kind: 'hello',
      protocol: 1,
      agent: person,
      routerRtpCapabilities: calls.parts.sfu.rtpCapabilities,
      iceServers: iceServersFor(parts.config.softphone.turnUrls, parts.turnSecret, person.id, new Date()),
      sfu: calls.parts.sfu.engine,
      proofEveryMs: PROOF_EVERY_MS,
      statusReasons: reasons.map(reason => reason.code),
      dispositions: dispositions
        .filter(one => one.is_active)
        .map(one => ({
          code: one.code,
          label: labelFor(one.labels, person.language) ?? one.code,
          queueIds: one.queue_ids
        }))
    })
    desk = await calls.addTab(person, tab)
  } catch (err) {
    log.warn({ err }, 'a softphone could not be opened')
    return socket.close(1013, isDatabaseUnavailable(err) ? 'The database cannot be reached' : 'Try again later')
  }

  let lastId = 0
  let inThisSecond = 0
  const second = setInterval(() => {
    inThisSecond = 0
  }, 1_000)
  take = data => {
    inThisSecond += 1
    if (inThisSecond > MAX_MESSAGES_PER_SECOND) return socket.close(CLOSE_CODES.tooMany, 'Too many messages')
    const message = parse(data)
    // Ids only grow: a frame that is sent a second time is not carried out a second time.
    if (message === null || message.id <= lastId)
      return socket.close(CLOSE_CODES.badMessage, 'The message is not understood')
    lastId = message.id
    void answer(message)
  }
  const answer = async (message: SoftphoneRequest): Promise<void> => {
    try {
      const data = await handleDeskRequest(calls, actor, desk, tab.id, message)
      send(socket, { kind: 'reply', id: message.id, ok: true, data: data as Readonly<Record<string, unknown>> })
    } catch (err) {
      send(socket, { kind: 'reply', id: message.id, ok: false, problem: problemOf(err, message, parts) })
    }
  }
  for (const data of early.splice(0)) take(data)

  let isAlive = true
  socket.on('pong', () => {
    isAlive = true
  })
  const ping = setInterval(() => {
    if (!isAlive) return socket.terminate()
    isAlive = false
    socket.ping()
  }, PING_MS)
  const session = setInterval(() => void checkSession(), SESSION_CHECK_MS)
  const checkSession = async (): Promise<void> => {
    try {
      if ((await findSessionUser(parts.db, sessionHash, new Date())) !== undefined) return
    } catch (err) {
      // A database that is away signs nobody out.
      return log.debug({ err }, 'a session could not be checked')
    }
    send(socket, { kind: 'notice', code: 'SESSION_ENDED', text: 'Your session has ended. Sign in again.' })
    // A call that is going on is never ended by this.
    if (desk.callId === null) socket.close(CLOSE_CODES.signedOut, 'The session has ended')
  }

  await closed
  clearInterval(second)
  clearInterval(ping)
  clearInterval(session)
  await calls
    .removeTab(person.id, tab)
    .catch(err => log.error({ err, agentId: person.id }, 'a page that was closed could not be taken out'))
}

function parse(data: Buffer): SoftphoneRequest | null {
  try {
    const message: unknown = JSON.parse(data.toString('utf8'))
    return request.Check(message) ? message : null
  } catch {
    // Not JSON: the caller closes the socket with the reason.
    return null
  }
}

function problemOf(err: unknown, { kind }: SoftphoneRequest, parts: HttpParts): { code: string; detail: string } {
  if (err instanceof AppError) return { code: err.code, detail: err.message }
  if (isDatabaseUnavailable(err)) {
    parts.log.warn({ err, kind }, 'a desk’s request met an absent database')
    return { code: 'DATABASE_UNAVAILABLE', detail: 'The database cannot be reached; nothing was changed.' }
  }
  const code = (err as { code?: unknown }).code
  parts.log.error({ err, kind }, 'a desk’s request failed')
  return typeof code === 'string' && /^[A-Z_]+$/.test(code)
    ? { code, detail: err instanceof Error ? err.message : '' }
    : { code: 'INTERNAL', detail: 'The server made an error; it is in the log.' }
}

function send(socket: WebSocket, message: SoftphonePush | SoftphoneReply): void {
  if (socket.readyState !== socket.OPEN) return
  if (socket.bufferedAmount > MAX_UNREAD_BYTES) socket.terminate()
  else socket.send(JSON.stringify(message))
}

function labelFor(labels: Readonly<Record<string, string>>, language: string): string | undefined {
  return labels[language] ?? labels[language.split('-')[0] ?? ''] ?? labels['en']
}
