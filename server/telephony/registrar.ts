import type { Db } from '../../sql/database.ts'
import {
  deleteExpiredRegistrations,
  deleteRegistrations,
  findSipAccount,
  listRegistrations,
  type RegistrationRow,
  upsertRegistration
} from '../../sql/queries/telephony.ts'
import type { Logger } from '../log.ts'
import type { DigestGuard } from './digest.ts'
import { userOf } from './incoming-invite.ts'
import type { IncomingRequest } from './sip-server.ts'

const MIN_EXPIRES_S = 60
const MAX_EXPIRES_S = 3_600
const MAX_CONTACTS = 5

/** Answers REGISTER of desk phones (RFC 3261 §10.3). */
export class Registrar {
  readonly #db: Db
  readonly #guard: DigestGuard
  readonly #log: Logger

  constructor(db: Db, guard: DigestGuard, log: Logger) {
    this.#db = db
    this.#guard = guard
    this.#log = log
  }

  async handle(request: IncomingRequest): Promise<void> {
    try {
      await this.#register(request)
    } catch (err) {
      this.#log.error({ err }, 'a registration could not be stored')
      request.respond(500)
    }
  }

  async #register(request: IncomingRequest): Promise<void> {
    const check = await this.#guard.check(request.header('Authorization'), 'REGISTER', username =>
      findSipAccount(this.#db, username)
    )
    if (check.kind === 'challenge')
      return request.respond(401, { headers: { 'WWW-Authenticate': this.#guard.challenges(check.isStale)[1] ?? '' } })
    if (check.kind === 'wrong') {
      this.#log.warn({ sourceAddress: request.sourceAddress }, 'a phone failed to sign in')
      return request.respond(403)
    }
    // RFC 3261 §10.3 step 4: nobody registers for somebody else.
    if (userOf(uriOf(request.header('To') ?? '')) !== check.username) return request.respond(403)

    const now = new Date()
    await deleteExpiredRegistrations(this.#db, now)
    const contact = request.header('Contact')?.trim()
    const sipCallId = request.header('Call-ID') ?? ''
    const cseq = Number.parseInt(request.header('CSeq') ?? '', 10)
    const known = await listRegistrations(this.#db, check.username, now)
    if (contact === '*') {
      if (request.header('Expires')?.trim() !== '0') return request.respond(400)
      await deleteRegistrations(this.#db, check.username, null)
    } else if (contact !== undefined) {
      const contacts = splitContacts(contact).map(one => ({ uri: uriOf(one), expires: expiresOf(one, request) }))
      // All or nothing (RFC 3261 §10.3 step 7): looked at before the first one is stored.
      if (contacts.some(({ expires }) => expires > 0 && expires < MIN_EXPIRES_S))
        return request.respond(423, { headers: { 'Min-Expires': String(MIN_EXPIRES_S) } })
      if (contacts.length > MAX_CONTACTS) return request.respond(403)
      const places = known.map(row => row.contact)
      for (const { uri, expires } of contacts) {
        const previous = known.find(row => row.contact === uri)
        // RFC 3261 §10.3 step 7: an older request of the same call changes nothing.
        if (previous?.sipCallId === sipCallId && cseq <= previous.cseq) continue
        if (expires === 0) {
          await deleteRegistrations(this.#db, check.username, uri)
          continue
        }
        // A phone that lost its address registers a new one: the one that expires first makes room.
        const oldest = previous === undefined && places.length >= MAX_CONTACTS ? places.pop() : undefined
        if (oldest !== undefined) await deleteRegistrations(this.#db, check.username, oldest)
        if (previous === undefined) places.unshift(uri)
        await upsertRegistration(this.#db, {
          username: check.username,
          contact: uri,
          sourceAddress: request.sourceAddress,
          sourcePort: request.sourcePort,
          protocol: request.protocol,
          sipCallId,
          cseq,
          userAgent: request.header('User-Agent')?.slice(0, 200) ?? null,
          expiresAt: new Date(now.getTime() + Math.min(expires, MAX_EXPIRES_S) * 1000)
        })
      }
    }
    const current = await listRegistrations(this.#db, check.username, now)
    const headers: Record<string, string> = { Date: now.toUTCString() }
    if (current.length > 0)
      headers['Contact'] = current
        .map(row => `<${row.contact}>;expires=${Math.round((row.expiresAt.getTime() - now.getTime()) / 1000)}`)
        .join(', ')
    request.respond(200, { headers })
  }
}

/** Where a registered phone is reached: its contact, by way of the address that its REGISTER came from. */
export function phoneAddress(row: RegistrationRow): Readonly<{ uri: string; proxy: string }> {
  const transport = row.protocol.toLowerCase() === 'tcp' ? ';transport=tcp' : ''
  return { uri: row.contact, proxy: `sip:${row.sourceAddress}:${row.sourcePort}${transport}` }
}

/** Seconds; a malformed value counts as an hour (RFC 3261 §20.10 and §20.19). */
function expiresOf(contact: string, request: IncomingRequest): number {
  const written = /;\s*expires\s*=\s*"?(\d+)/i.exec(contact)?.[1] ?? request.header('Expires') ?? ''
  const expires = Number.parseInt(written, 10)
  return Number.isNaN(expires) ? 3600 : expires
}

function uriOf(value: string): string {
  return (/<([^>]+)>/.exec(value)?.[1] ?? value.split(';')[0] ?? '').trim()
}

/** Splits a Contact header at commas outside quotes and angle brackets. */
function splitContacts(value: string): readonly string[] {
  return value.match(/(?:"(?:[^"\\]|\\.)*"|<[^>]*>|[^,])+/g) ?? []
}
