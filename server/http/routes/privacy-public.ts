import { createHmac, randomInt, timingSafeEqual } from 'node:crypto'
import { Readable } from 'node:stream'
import { Type } from 'typebox'
import type { Config } from '../../../config/config.ts'
import { insertAudit } from '../../../sql/queries/audit.ts'
import {
  type CodeRow,
  countCodes,
  deleteOldCodes,
  findRequestByStatus,
  insertCode,
  tryCode,
  updateRequest,
  useCode
} from '../../../sql/queries/privacy/requests.ts'
import { analyzeNumber } from '../../compliance/numbers/analyze.ts'
import { newId } from '../../ids.ts'
import { hashOf, type PrivacyService } from '../../privacy/privacy-service.ts'
import type { Certificate } from '../../privacy/request-facts.ts'
import { codePage, receivedPage, requestPage, statusPage, unknownPage } from '../../privacy/public-page.ts'
import {
  fill,
  languageFor,
  PUBLIC_KINDS,
  PUBLIC_TEXTS,
  type PublicKind,
  type PublicLanguage
} from '../../privacy/public-texts.ts'
import { seal, unseal } from '../../seal.ts'
import { AppError } from '../../errors.ts'
import type { MessageHook } from '../../webhooks/message-hook.ts'
import type { App } from '../fastify-types.ts'

const CODE_MS = 10 * 60_000
const MAX_TRIES = 5
const MAX_EXTENSIONS = 2
const CODES_PER_HOUR = 3
const CODES_PER_ADDRESS = 30
const HOUR_MS = 3_600_000
const MAX_FORM_BYTES = 16 * 1024
const STATUS_KEY = /^ps_[A-Za-z0-9_-]{43}$/
const SEALED = 'privacy code'

type Form = Readonly<Record<string, string | undefined>>
type Contact = Readonly<{ kind: 'number' | 'email'; value: string }>

/**
 * The page on which anybody sees, corrects or deletes their data or stops calls. It works without scripts and without an
 * account. Whether a person is known to us changes nothing of what it says or how long it takes.
 */
export async function registerPrivacyPages(
  app: App,
  privacy: PrivacyService,
  settings: Config['privacy'],
  messages: MessageHook
): Promise<void> {
  const { db, secretKey } = privacy.parts
  const limit = { rateLimit: { max: 30, timeWindow: '1 minute' } }

  await app.register(async pages => {
    pages.addContentTypeParser(
      'application/x-www-form-urlencoded',
      { parseAs: 'string', bodyLimit: MAX_FORM_BYTES },
      (_request, body, done) => done(null, Object.fromEntries(new URLSearchParams(String(body))))
    )

    pages.get(
      '/privacy/request',
      { config: { access: 'public', ...limit }, schema: { hide: true } },
      async (request, reply) => {
        const language = languageOf(request.query as Form, request.headers['accept-language'])
        return html(reply, requestPage(language, EMPTY, settings.contact, messages.isConfigured))
      }
    )

    pages.post(
      '/privacy/request',
      { config: { access: 'public', ...limit }, schema: { hide: true } },
      async (request, reply) => {
        const form = (request.body ?? {}) as Form
        const language = languageOf(form, request.headers['accept-language'])
        const texts = PUBLIC_TEXTS[language]
        const refuse = (status: number, error: string) =>
          html(
            reply.status(status),
            requestPage(
              language,
              { kind: form['kind'] ?? '', contact: form['contact'] ?? '', note: form['note'] ?? '', error },
              settings.contact,
              messages.isConfigured
            )
          )
        if (!messages.isConfigured) return refuse(503, '')
        const kind = PUBLIC_KINDS.find(one => one === form['kind'])
        if (kind === undefined) return refuse(400, texts.chooseOne)
        const contact = readContact(form['contact'] ?? '')
        if (contact === null) return refuse(400, texts.contactInvalid)
        const now = new Date()
        const subjectHash = privacy.hashesOf(asAsked(contact))[0] ?? ''
        const { person, address } = await countCodes(db, subjectHash, request.ip, new Date(now.getTime() - HOUR_MS))
        if (address >= CODES_PER_ADDRESS) return refuse(429, texts.codeTooMany)
        const id = newId()
        const code = String(randomInt(1_000_000)).padStart(6, '0')
        await insertCode(db, {
          id,
          kind,
          subject_hash: subjectHash,
          sealed: seal(secretKey, SEALED, JSON.stringify({ contact, note: (form['note'] ?? '').slice(0, 2_000) })),
          code_hash: hashCode(id, code),
          language,
          ip: request.ip,
          expires_at: new Date(now.getTime() + CODE_MS),
          used_at: null
        })
        await deleteOldCodes(db, new Date(now.getTime() - 24 * HOUR_MS))
        // Nobody is flooded with codes; the page says the same either way, and does not wait for the message.
        if (person < CODES_PER_HOUR) void send(contact, code, language)
        return html(reply, codePage(language, id, null))
      }
    )

    pages.post(
      '/privacy/code',
      { config: { access: 'public', ...limit }, schema: { hide: true } },
      async (request, reply) => {
        const form = (request.body ?? {}) as Form
        const language = languageOf(form, request.headers['accept-language'])
        const texts = PUBLIC_TEXTS[language]
        const id = (form['id'] ?? '').slice(0, 64)
        const now = new Date()
        if (form['action'] === 'extend') {
          await db
            .updateTable('privacy_codes')
            .set(eb => ({ expires_at: new Date(now.getTime() + CODE_MS), extended: eb('extended', '+', 1) }))
            .where('id', '=', id)
            .where('extended', '<', MAX_EXTENSIONS)
            .where('expires_at', '>', now)
            .where('used_at', 'is', null)
            .execute()
          return html(reply, codePage(language, id, null))
        }
        const row = await tryCode(db, id, MAX_TRIES, now)
        if (row === undefined) return html(reply.status(403), codePage(language, id, texts.codeEnded))
        if (!isCode(row, (form['code'] ?? '').replace(/\D/g, ''))) {
          const left = MAX_TRIES - row.tries
          const error = left > 0 ? fill(texts.codeWrong, { tries: String(left) }) : texts.codeEnded
          return html(reply.status(403), codePage(language, id, error))
        }
        if (!(await useCode(db, id, now))) return html(reply.status(403), codePage(language, id, texts.codeEnded))
        return html(reply, await take(row, language, request.ip, request.id))
      }
    )

    pages.get(
      '/privacy/status/:key',
      { config: { access: 'public', ...limit }, schema: { hide: true, params: Type.Object({ key: Type.String() }) } },
      async (request, reply) => {
        const { key } = request.params as { key: string }
        const language = languageOf(request.query as Form, request.headers['accept-language'])
        const row = STATUS_KEY.test(key) ? await findRequestByStatus(db, hashOf(key)) : undefined
        if (row === undefined) return html(reply.status(404), unknownPage(language))
        const certificate = row.certificate as unknown as Certificate | null
        const state =
          row.status === 'done'
            ? 'done'
            : row.status === 'refused'
              ? 'refused'
              : row.status === 'received'
                ? 'received'
                : 'working'
        return html(
          reply,
          statusPage(
            language,
            `/privacy/status/${key}`,
            {
              reference: row.reference,
              state,
              due: row.due_at,
              exportUntil:
                row.export_file !== null && (row.export_until ?? new Date(0)) > new Date() ? row.export_until : null,
              refusal: row.refusal as { law: string; reason: string; complainAt: string } | null,
              stores: row.kind === 'erase' ? (certificate?.stores ?? []) : []
            },
            settings.contact
          )
        )
      }
    )

    pages.get(
      '/privacy/status/:key/export',
      { config: { access: 'public', ...limit }, schema: { hide: true, params: Type.Object({ key: Type.String() }) } },
      async (request, reply) => {
        const { key } = request.params as { key: string }
        const row = STATUS_KEY.test(key) ? await findRequestByStatus(db, hashOf(key)) : undefined
        // A link that staff passed on proves nobody: only who has shown the code takes the copy here.
        if (row === undefined || row.channel !== 'public')
          return html(reply.status(404), unknownPage(languageOf({}, request.headers['accept-language'])))
        const content = privacy.exportOf(row)
        await note('privacy-request.exported', row.id, request.ip, request.id)
        return reply
          .type('application/zip')
          .header('content-disposition', `attachment; filename="${row.reference}.zip"`)
          .header('cache-control', 'no-store')
          .send(Readable.from(content))
      }
    )
  })

  async function take(row: CodeRow, language: PublicLanguage, ip: string, requestId: string): Promise<string> {
    const { contact, note: words } = JSON.parse(unseal(secretKey, SEALED, row.sealed).toString()) as {
      contact: Contact
      note: string
    }
    const kind = row.kind as PublicKind
    const made = await privacy.receive({
      kind,
      asked: { ...asAsked(contact), ...(words !== '' && { note: words }) },
      language,
      channel: 'public',
      isProved: true,
      by: 'public page'
    })
    await note('privacy-request.received', made.id, ip, requestId)
    // To stop calls and the sale of data the code is enough, and it is so at once.
    const isAtOnce = kind === 'stop-calls' || kind === 'do-not-sell'
    if (isAtOnce) {
      await updateRequest(db, made.id, { status: 'approved', approved_at: new Date() }, ['identity'])
      await privacy.execute(made.id)
    }
    return receivedPage(
      language,
      {
        reference: made.reference,
        due: made.dueAt,
        statusPath: `/privacy/status/${made.statusKey}`,
        isStopped: kind === 'stop-calls'
      },
      settings.contact
    )
  }

  async function note(action: string, id: string, ip: string, requestId: string): Promise<void> {
    await insertAudit(db, {
      actorKind: 'anonymous',
      actorId: null,
      actorName: 'public page',
      action,
      subjectKind: 'privacy-request',
      subjectId: id,
      ip,
      requestId
    })
  }

  /** Nobody waits for it: a person must not learn from the time it takes whether a code was sent. */
  async function send(contact: Contact, code: string, language: PublicLanguage): Promise<void> {
    const texts = PUBLIC_TEXTS[language]
    try {
      await messages.send({
        channel: contact.kind === 'number' ? 'sms' : 'email',
        to: contact.value,
        language,
        subject: texts.title,
        text: fill(texts.codeMessage, { code }),
        purpose: 'privacy-code'
      })
    } catch (err) {
      // The hook has logged why; the person sees on the page what to do when no code comes.
      if (!(err instanceof AppError)) throw err
    }
  }

  function hashCode(id: string, code: string): string {
    return createHmac('sha256', secretKey).update(`privacy code ${id} ${code}`).digest('base64url')
  }

  function isCode(row: CodeRow, code: string): boolean {
    return timingSafeEqual(Buffer.from(row.code_hash), Buffer.from(hashCode(row.id, code)))
  }
}

const EMPTY = { kind: '', contact: '', note: '', error: null }

function asAsked(contact: Contact) {
  return contact.kind === 'number' ? { numbers: [contact.value], emails: [] } : { numbers: [], emails: [contact.value] }
}

/** A number with its country code in any way of writing, in any digits; or a mail address. */
function readContact(written: string): Contact | null {
  const text = written.normalize('NFKC').trim()
  if (/^[^\s@]{1,64}@[^\s@]+\.[^\s@]{2,}$/.test(text) && text.length <= 254)
    return { kind: 'email', value: text.toLowerCase() }
  const latin = text.replace(/[٠-٩]/g, digit => String(digit.charCodeAt(0) - 0x660))
  if (!/^(\+|00)[\d\s().\-/]+$/.test(latin)) return null
  const e164 = `+${latin.replace(/^00/, '').replace(/\D/g, '')}`
  if (!/^\+[1-9]\d{6,14}$/.test(e164)) return null
  return analyzeNumber(e164).kind === 'special' ? null : { kind: 'number', value: e164 }
}

function languageOf(form: Form, accepted: string | undefined): PublicLanguage {
  return languageFor(form['language'], accepted)
}

function html<
  Reply extends { type(value: string): Reply; header(name: string, value: string): Reply; send(body: string): Reply }
>(reply: Reply, body: string): Reply {
  return reply
    .type('text/html; charset=utf-8')
    .header('cache-control', 'no-store')
    .header('referrer-policy', 'no-referrer')
    .send(body)
}
