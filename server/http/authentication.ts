import type { FastifyRequest } from 'fastify'
import type { Db } from '../../sql/database.ts'
import { findSessionUser, useApiKey } from '../../sql/queries/access.ts'
import { AppError } from '../errors.ts'
import type { Actor, App } from './fastify-types.ts'
import { hashToken } from './passwords.ts'
import { isPermitted } from './permissions.ts'

export const SESSION_COOKIE = 'parley_session'
export const SESSION_PREFIX = 'ps'
export const API_KEY_PREFIX = 'pk'
export const SESSION_HOURS = 12

/** Proves who calls and whether the role allows it, before the body of any route is read. */
export function registerAuthentication(app: App, db: Db): void {
  app.decorateRequest('actor', null)
  app.addHook('onRequest', async request => {
    const access = request.routeOptions.config.access
    if (access === 'public') return
    // A path that no route serves answers 404 to everybody.
    if (access === undefined) return
    const actor = await findActor(db, request)
    if (actor === null) throw new AppError('NOT_SIGNED_IN', 'Send a session cookie, a bearer token or an API key.')
    if (!isPermitted(actor.role, access))
      throw new AppError('FORBIDDEN', `The role ${actor.role} may not do this (${access}).`)
    request.actor = actor
  })
}

/** Who calls, as the database says now; null when the session or key is not, or no longer, in force. */
export async function findActor(db: Db, request: FastifyRequest): Promise<Actor | null> {
  const bearer = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
  const cookie = request.cookies[SESSION_COOKIE]
  const token = bearer ?? cookie
  if (token === undefined) return null
  if (bearer === undefined) refuseCrossSite(request)
  const tokenHash = hashToken(token)
  if (token.startsWith(`${API_KEY_PREFIX}_`)) {
    const key = await useApiKey(db, tokenHash, new Date())
    if (key === undefined) return null
    return {
      kind: 'api-key',
      id: key.id,
      name: key.name,
      displayName: key.name,
      role: key.role,
      language: 'en',
      sessionHash: null
    }
  }
  const user = await findSessionUser(db, tokenHash, new Date())
  if (user === undefined) return null
  return {
    kind: 'user',
    id: user.id,
    name: user.username,
    displayName: user.displayName,
    role: user.role,
    language: user.language,
    sessionHash: tokenHash
  }
}

/** A cookie travels by itself, so a change made with one must come from our own pages. */
function refuseCrossSite(request: FastifyRequest): void {
  if (request.method === 'GET' || request.method === 'HEAD') return
  const site = request.headers['sec-fetch-site']
  if (site !== undefined && site !== 'same-origin' && site !== 'none')
    throw new AppError('CROSS_SITE', `The browser says ${site}.`)
  const origin = request.headers.origin
  if (origin !== undefined && new URL(origin).host !== request.headers.host)
    throw new AppError('CROSS_SITE', 'The Origin header names another host.')
}
