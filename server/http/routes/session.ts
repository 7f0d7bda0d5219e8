import { Type } from 'typebox'
import { deleteExpiredSessions, deleteSession, findUserForLogin, insertSession } from '../../../sql/queries/access.ts'
import { insertAudit } from '../../../sql/queries/audit.ts'
import { AppError } from '../../errors.ts'
import { actorOf } from '../actor.ts'
import { SESSION_COOKIE, SESSION_HOURS, SESSION_PREFIX } from '../authentication.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { hashToken, isPassword, newToken, UNMATCHABLE_HASH } from '../passwords.ts'
import { PERMISSIONS, isPermitted } from '../permissions.ts'
import { responses } from '../schemas.ts'

const MeSchema = Type.Object({
  id: Type.String(),
  username: Type.String(),
  displayName: Type.String(),
  role: Type.String(),
  language: Type.String(),
  permissions: Type.Array(Type.String())
})

/** Tries at one name from one address within a minute before 429. */
const LOGIN_TRIES_PER_MINUTE = 5

export function registerSessionRoutes(app: App, parts: HttpParts): void {
  const { db, metrics } = parts

  app.post(
    '/session',
    {
      config: {
        access: 'public',
        rateLimit: {
          max: LOGIN_TRIES_PER_MINUTE,
          timeWindow: '1 minute',
          hook: 'preHandler',
          keyGenerator: request => {
            const { username } = (request.body ?? {}) as { username?: unknown }
            return `login ${request.ip} ${String(username).toLowerCase()}`
          }
        }
      },
      schema: {
        summary: 'Sign in',
        description: 'Sets a session cookie and returns the same token for an Authorization: Bearer header.',
        tags: ['session'],
        security: [],
        body: Type.Object({
          username: Type.String({ minLength: 1, maxLength: 100 }),
          password: Type.String({ minLength: 1, maxLength: 1000 })
        }),
        response: responses({ 200: Type.Object({ token: Type.String(), expiresAt: Type.String(), user: MeSchema }) })
      }
    },
    async (request, reply) => {
      const { username, password } = request.body
      const user = await findUserForLogin(db, username)
      // An unknown name costs the same time as a known one, so that names cannot be found out.
      const isRight = await isPassword(password, user?.passwordHash ?? UNMATCHABLE_HASH)
      if (user === undefined || !isRight || user.disabledAt !== null) {
        metrics.logins.inc({ outcome: 'failed' })
        await insertAudit(db, {
          actorKind: 'anonymous',
          actorId: null,
          actorName: username.slice(0, 100),
          action: 'session.failed',
          ip: request.ip,
          requestId: request.id
        })
        throw new AppError('LOGIN_FAILED', 'Check both; after five tries in a minute there is a pause.')
      }
      metrics.logins.inc({ outcome: 'ok' })
      const token = newToken(SESSION_PREFIX)
      const now = Date.now()
      const expiresAt = new Date(now + SESSION_HOURS * 3_600_000)
      await deleteExpiredSessions(db, new Date(now))
      await insertSession(db, {
        tokenHash: hashToken(token),
        userId: user.id,
        expiresAt,
        ip: request.ip,
        userAgent: request.headers['user-agent']?.slice(0, 300) ?? null
      })
      await insertAudit(db, {
        actorKind: 'user',
        actorId: user.id,
        actorName: user.username,
        action: 'session.started',
        ip: request.ip,
        requestId: request.id
      })
      reply.setCookie(SESSION_COOKIE, token, {
        path: '/',
        httpOnly: true,
        sameSite: 'strict',
        secure: request.protocol === 'https',
        expires: expiresAt
      })
      return { token, expiresAt: expiresAt.toISOString(), user: toMe(user) }
    }
  )

  app.get(
    '/session',
    {
      config: { access: 'session' },
      schema: { summary: 'Who am I', tags: ['session'], response: responses({ 200: MeSchema }) }
    },
    async request => {
      const actor = actorOf(request)
      return toMe({ ...actor, username: actor.name })
    }
  )

  app.delete(
    '/session',
    {
      config: { access: 'session' },
      schema: { summary: 'Sign out', tags: ['session'], response: responses({ 204: Type.Null() }) }
    },
    async (request, reply) => {
      const { sessionHash } = actorOf(request)
      if (sessionHash !== null) await deleteSession(db, sessionHash)
      reply.clearCookie(SESSION_COOKIE, { path: '/' })
      return reply.status(204).send(null)
    }
  )
}

function toMe(
  user: Readonly<{
    id: string
    username: string
    displayName: string
    role: Parameters<typeof isPermitted>[0]
    language: string
  }>
) {
  return {
    id: user.id,
    username: user.username,
    displayName: user.displayName,
    role: user.role,
    language: user.language,
    permissions: PERMISSIONS.filter(permission => isPermitted(user.role, permission))
  }
}
