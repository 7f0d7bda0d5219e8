import { randomBytes } from 'node:crypto'
import { Type } from 'typebox'
import {
  deleteSipAccount,
  insertSipAccount,
  listLiveRegistrations,
  listSipAccounts,
  updateSipAccount
} from '../../../sql/queries/sip-accounts.ts'
import { findSipAccount, type SipAccountRow } from '../../../sql/queries/telephony.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { hashDigestPassword } from '../../telephony/digest.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import type { HttpParts } from '../parts.ts'
import { NullableString, pageOf, responses } from '../schemas.ts'

/** 120 bits, in characters that every phone's form takes. */
const PASSWORD_BYTES = 15

const UsernameParams = Type.Object({ username: Type.String({ pattern: '^[A-Za-z0-9._-]{1,64}$' }) })

const Account = {
  username: Type.String(),
  userId: NullableString,
  extension: NullableString,
  realm: Type.String()
}

const RegistrationSchema = Type.Object({
  address: Type.String({ description: 'Where its last REGISTER came from' }),
  protocol: Type.String(),
  userAgent: NullableString,
  expiresAt: Type.String()
})

/** The accounts of desk phones, and which phones are registered with them now. */
export function registerSipAccountRoutes(app: App, { db, config }: HttpParts): void {
  const tags = ['trunks']

  app.get(
    '/sip-accounts',
    {
      config: { access: 'trunks:read' },
      schema: {
        summary: 'List accounts of desk phones with the phones that are registered',
        tags,
        response: responses({
          200: pageOf(Type.Object({ ...Account, registrations: Type.Array(RegistrationSchema) }))
        })
      }
    },
    async () => {
      const [accounts, live] = await Promise.all([listSipAccounts(db), listLiveRegistrations(db, new Date())])
      const items = accounts.map(account => ({
        ...account,
        registrations: live
          .filter(one => one.username === account.username)
          .map(({ sourceAddress, sourcePort, protocol, userAgent, expiresAt }) => ({
            address: sourceAddress.includes(':')
              ? `[${sourceAddress}]:${sourcePort}`
              : `${sourceAddress}:${sourcePort}`,
            protocol,
            userAgent,
            expiresAt: expiresAt.toISOString()
          }))
      }))
      return { items, nextCursor: null }
    }
  )

  app.put(
    '/sip-accounts/:username',
    {
      config: { access: 'trunks:write' },
      schema: {
        summary: 'Create or change the account of a desk phone',
        description: 'Without a password the one that is set stays; a new account gets one that is shown this once.',
        tags,
        params: UsernameParams,
        body: Type.Object(
          {
            password: Type.Optional(Type.String({ minLength: 8, maxLength: 200 })),
            extension: Type.Optional(Type.String({ pattern: '^\\d{2,6}$' })),
            userId: Type.Optional(Type.String())
          },
          { additionalProperties: false }
        ),
        response: responses({ 200: Type.Object({ ...Account, password: NullableString }) })
      }
    },
    async request => {
      const { username } = request.params
      const { extension = null, userId = null } = request.body
      const known = await findSipAccount(db, username)
      const made = known === undefined && request.body.password === undefined ? newPassword() : null
      const password = request.body.password ?? made
      const secret = password === null ? null : secretOf(username, password)
      const isThere = await updateSipAccount(db, username, { extension, userId, ...secret }).catch(refuse(extension))
      if (!isThere) {
        // Somebody removed it just now: what they did stands.
        if (secret === null) throw new AppError('NOT_FOUND', 'No desk phone has this name.')
        const account = { username, extension, userId, ...secret }
        await insertSipAccount(db, account).catch(refuse(extension))
      }
      await audit(db, request, 'sip-account.set', { kind: 'sip-account', id: username })
      return { username, userId, extension, realm: secret?.realm ?? known?.realm ?? config.sip.realm, password: made }
    }
  )

  app.post(
    '/sip-accounts/:username/password',
    {
      config: { access: 'trunks:write' },
      schema: {
        summary: 'Give a desk phone a new password, shown this once; the old one ends at its next registration',
        tags,
        params: UsernameParams,
        response: responses({ 200: Type.Object({ password: Type.String() }) })
      }
    },
    async request => {
      const { username } = request.params
      const password = newPassword()
      if (!(await updateSipAccount(db, username, secretOf(username, password))))
        throw new AppError('NOT_FOUND', 'No desk phone has this name.')
      await audit(db, request, 'sip-account.password-changed', { kind: 'sip-account', id: username })
      return { password }
    }
  )

  app.delete(
    '/sip-accounts/:username',
    {
      config: { access: 'trunks:write' },
      schema: {
        summary: 'Remove the account of a desk phone, with its registrations',
        tags,
        params: UsernameParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { username } = request.params
      if (!(await deleteSipAccount(db, username))) throw new AppError('NOT_FOUND', 'No desk phone has this name.')
      await audit(db, request, 'sip-account.deleted', { kind: 'sip-account', id: username })
      return reply.status(204).send(null)
    }
  )

  /** The digest is kept with the realm that it was made for (RFC 7616 §3.4.2). */
  function secretOf(username: string, password: string): Pick<SipAccountRow, 'realm' | 'ha1Md5' | 'ha1Sha256'> {
    const { realm } = config.sip
    return { realm, ...hashDigestPassword(username, realm, password) }
  }
}

const newPassword = () => randomBytes(PASSWORD_BYTES).toString('base64url')

function refuse(extension: string | null): (err: unknown) => never {
  return err => {
    // SQLSTATE 23503: nobody has this id.
    if ((err as { code?: string }).code === '23503')
      throw new AppError('NOT_FOUND', 'No person has this id.', { cause: err })
    return refuseDuplicate(`The extension ${extension} is taken.`)(err)
  }
}
