import { Type } from 'typebox'
import type { Db } from '../../../sql/database.ts'
import {
  insertWallboardLink,
  listWallboardLinks,
  revokeWallboardLink,
  useWallboardLink
} from '../../../sql/queries/wallboard-links.ts'
import { AppError } from '../../errors.ts'
import { newId } from '../../ids.ts'
import type { Wallboard } from '../../queues/wallboard.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { hashToken, newToken } from '../passwords.ts'
import { DateString, IdParams, NullableDate, responses } from '../schemas.ts'
import { toWallboardJson, WALLBOARD_DEFINITIONS, WallboardSchema } from './wallboard.ts'

const TOKEN_PREFIX = 'tv'

const LinkSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  createdBy: Type.String({ description: 'Who made it, by name' }),
  createdAt: DateString,
  lastUsedAt: NullableDate,
  revokedAt: NullableDate
})

/**
 * Links for screens on a wall. Whoever has one sees the wallboard without agents: a wall is read by people who may not
 * know who works where. The secret is shown once and kept as a hash.
 */
export function registerWallboardLinkRoutes(
  app: App,
  { db, wallboard }: Readonly<{ db: Db; wallboard: Wallboard }>
): void {
  app.get(
    '/wallboard/links',
    {
      config: { access: 'wallboard:share' },
      schema: {
        summary: 'Links that show the wallboard on a wall',
        tags: ['reports'],
        response: responses({ 200: Type.Object({ items: Type.Array(LinkSchema) }) })
      }
    },
    async () => ({
      items: (await listWallboardLinks(db)).map(row => ({
        id: row.id,
        name: row.name,
        createdBy: row.created_by,
        createdAt: row.created_at.toISOString(),
        lastUsedAt: row.last_used_at?.toISOString() ?? null,
        revokedAt: row.revoked_at?.toISOString() ?? null
      }))
    })
  )

  app.post(
    '/wallboard/links',
    {
      config: { access: 'wallboard:share' },
      schema: {
        summary: 'Make a link for a screen on a wall',
        tags: ['reports'],
        body: Type.Object({
          name: Type.String({ minLength: 1, maxLength: 100, pattern: '\\S', description: 'Where the screen hangs' })
        }),
        response: responses({
          201: Type.Object({
            id: Type.String(),
            path: Type.String({ description: 'Shown only now; what is after # never reaches a log' })
          })
        })
      }
    },
    async (request, reply) => {
      const token = newToken(TOKEN_PREFIX)
      const id = newId()
      const name = request.body.name.trim()
      await insertWallboardLink(db, {
        id,
        name,
        tokenHash: hashToken(token),
        createdBy: actorOf(request).displayName,
        createdAt: new Date()
      })
      await audit(db, request, 'wallboard-link.created', { kind: 'wallboard-link', id }, { name })
      return reply.status(201).send({ id, path: `/tv#${token}` })
    }
  )

  app.delete(
    '/wallboard/links/:id',
    {
      config: { access: 'wallboard:share' },
      schema: {
        summary: 'Withdraw a link; its screens go dark at once',
        tags: ['reports'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await revokeWallboardLink(db, id, new Date()))) throw new AppError('NOT_FOUND', 'No open link has this id.')
      await audit(db, request, 'wallboard-link.revoked', { kind: 'wallboard-link', id })
      return reply.status(204).send(null)
    }
  )

  app.get(
    '/wallboard/tv',
    {
      config: { access: 'public' },
      schema: {
        summary: 'The wallboard for a screen on a wall: no agents',
        description: 'Send the secret of the link as bearer token. A link that was withdrawn answers NOT_SIGNED_IN.',
        tags: ['reports'],
        security: [{ bearer: [] }],
        response: responses({ 200: WallboardSchema })
      }
    },
    async request => {
      const token = /^Bearer (\S+)$/i.exec(request.headers.authorization ?? '')?.[1]
      const isOpen =
        token?.startsWith(`${TOKEN_PREFIX}_`) === true && (await useWallboardLink(db, hashToken(token), new Date()))
      if (!isOpen) throw new AppError('NOT_SIGNED_IN', 'No open link for a wall has this secret.')
      return { ...toWallboardJson(await wallboard.view()), agents: [], definitions: WALLBOARD_DEFINITIONS }
    }
  )
}
