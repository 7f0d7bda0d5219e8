import { Type } from 'typebox'
import {
  findUser,
  insertApiKey,
  insertUser,
  listApiKeys,
  listUsers,
  revokeApiKey,
  updateUser,
  type ApiKeyRow,
  type UserRow
} from '../../../sql/queries/access.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { newId } from '../../ids.ts'
import { actorOf } from '../actor.ts'
import { audit } from '../audit.ts'
import { API_KEY_PREFIX } from '../authentication.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { hashPassword, hashToken, newToken } from '../passwords.ts'
import {
  decodeCursor,
  IdParams,
  LanguageTag,
  NullableDate,
  NullableString,
  PageQuery,
  pageOf,
  responses,
  toPage
} from '../schemas.ts'

const RoleSchema = Type.Union([
  Type.Literal('agent'),
  Type.Literal('supervisor'),
  Type.Literal('campaign-manager'),
  Type.Literal('qa-reviewer'),
  Type.Literal('admin'),
  Type.Literal('privacy-officer')
])
const ApiKeyRoleSchema = Type.Union([...RoleSchema.anyOf, Type.Literal('integration')])
const UsernameSchema = Type.String({ pattern: '^[A-Za-z0-9][A-Za-z0-9._@-]{0,99}$' })
const PasswordSchema = Type.String({ minLength: 12, maxLength: 1000, description: 'At least 12 characters' })

const UserSchema = Type.Object({
  id: Type.String(),
  username: Type.String(),
  displayName: Type.String(),
  role: RoleSchema,
  language: Type.String(),
  createdAt: Type.String(),
  disabledAt: NullableDate
})

const ApiKeySchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  prefix: Type.String({ description: 'First characters of the key, to tell keys apart' }),
  role: ApiKeyRoleSchema,
  createdBy: Type.String(),
  createdAt: Type.String(),
  expiresAt: NullableDate,
  lastUsedAt: NullableDate,
  revokedAt: NullableDate
})

/** People and the keys of programs. */
export function registerUserRoutes(app: App, { db, passwordCost }: HttpParts): void {
  app.get(
    '/users',
    {
      config: { access: 'users:read' },
      schema: {
        summary: 'List users',
        tags: ['users'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(UserSchema) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listUsers(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1)
      return toPage(rows, limit, toUser, row => [row.id])
    }
  )

  app.post(
    '/users',
    {
      config: { access: 'users:write' },
      schema: {
        summary: 'Create a user',
        tags: ['users'],
        body: Type.Object(
          {
            username: UsernameSchema,
            displayName: Type.String({ minLength: 1, maxLength: 200 }),
            password: PasswordSchema,
            role: RoleSchema,
            language: Type.Optional(LanguageTag)
          },
          { additionalProperties: false }
        ),
        response: responses({ 201: UserSchema })
      }
    },
    async (request, reply) => {
      const { username, displayName, password, role, language = 'en' } = request.body
      const id = newId()
      const passwordHash = await hashPassword(password, passwordCost)
      await insertUser(db, { id, username, displayName, passwordHash, role, language }).catch(
        refuseDuplicate(`A user ${username} exists.`)
      )
      await audit(db, request, 'user.created', { kind: 'user', id }, { username, role })
      return reply.status(201).send(await existingUser(id))
    }
  )

  app.patch(
    '/users/:id',
    {
      config: { access: 'users:write' },
      schema: {
        summary: 'Change a user',
        description: 'A new password, a new role or disabling ends all sessions of the user.',
        tags: ['users'],
        params: IdParams,
        body: Type.Object(
          {
            displayName: Type.Optional(Type.String({ minLength: 1, maxLength: 200 })),
            password: Type.Optional(PasswordSchema),
            role: Type.Optional(RoleSchema),
            language: Type.Optional(LanguageTag),
            isDisabled: Type.Optional(Type.Boolean())
          },
          { additionalProperties: false, minProperties: 1 }
        ),
        response: responses({ 200: UserSchema })
      }
    },
    async request => {
      const { id } = request.params
      const { password, isDisabled, ...rest } = request.body
      const actor = actorOf(request)
      if (id === actor.id && (isDisabled === true || (rest.role !== undefined && rest.role !== actor.role)))
        throw new AppError('CONFLICT', 'Nobody can disable or demote themselves; ask another administrator.')
      const isFound = await updateUser(db, id, {
        ...rest,
        ...(password !== undefined && { passwordHash: await hashPassword(password, passwordCost) }),
        ...(isDisabled !== undefined && { disabledAt: isDisabled ? new Date() : null })
      })
      if (!isFound) throw new AppError('NOT_FOUND', 'No user has this id.')
      await audit(db, request, 'user.changed', { kind: 'user', id }, { fields: Object.keys(request.body) })
      return await existingUser(id)
    }
  )

  app.get(
    '/api-keys',
    {
      config: { access: 'api-keys:write' },
      schema: {
        summary: 'List API keys',
        tags: ['users'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(ApiKeySchema) })
      }
    },
    async request => {
      const { cursor, limit = 50 } = request.query
      const rows = await listApiKeys(db, decodeCursor(cursor, 1)?.[0] ?? null, limit + 1)
      return toPage(rows, limit, toApiKey, row => [row.id])
    }
  )

  app.post(
    '/api-keys',
    {
      config: { access: 'api-keys:write' },
      schema: {
        summary: 'Create an API key',
        description: 'The key itself is in this answer only; it cannot be shown again.',
        tags: ['users'],
        body: Type.Object(
          {
            name: Type.String({ minLength: 1, maxLength: 200 }),
            role: ApiKeyRoleSchema,
            expiresAt: Type.Optional(Type.String({ format: 'date-time' }))
          },
          { additionalProperties: false }
        ),
        response: responses({
          201: Type.Object({ id: Type.String(), key: Type.String(), prefix: Type.String(), role: NullableString })
        })
      }
    },
    async (request, reply) => {
      const { name, role, expiresAt } = request.body
      const id = newId()
      const key = newToken(API_KEY_PREFIX)
      const prefix = key.slice(0, 10)
      await insertApiKey(db, {
        id,
        name,
        prefix,
        keyHash: hashToken(key),
        role,
        createdBy: actorOf(request).id,
        expiresAt: expiresAt === undefined ? null : new Date(expiresAt)
      })
      await audit(db, request, 'api-key.created', { kind: 'api-key', id }, { name, role })
      return reply.status(201).send({ id, key, prefix, role })
    }
  )

  app.delete(
    '/api-keys/:id',
    {
      config: { access: 'api-keys:write' },
      schema: {
        summary: 'Revoke an API key',
        tags: ['users'],
        params: IdParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { id } = request.params
      if (!(await revokeApiKey(db, id, new Date()))) throw new AppError('NOT_FOUND', 'No key in force has this id.')
      await audit(db, request, 'api-key.revoked', { kind: 'api-key', id })
      return reply.status(204).send(null)
    }
  )

  async function existingUser(id: string) {
    const user = await findUser(db, id)
    if (user === undefined) throw new AppError('NOT_FOUND', 'No user has this id.')
    return toUser(user)
  }
}

function toUser(row: UserRow) {
  return { ...row, createdAt: row.createdAt.toISOString(), disabledAt: row.disabledAt?.toISOString() ?? null }
}

function toApiKey(row: ApiKeyRow) {
  return {
    ...row,
    createdAt: row.createdAt.toISOString(),
    expiresAt: row.expiresAt?.toISOString() ?? null,
    lastUsedAt: row.lastUsedAt?.toISOString() ?? null,
    revokedAt: row.revokedAt?.toISOString() ?? null
  }
}
