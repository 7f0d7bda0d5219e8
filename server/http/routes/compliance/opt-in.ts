import { Type } from 'typebox'
import { GRADES, MODES, PURPOSES } from '../../../compliance/codes.ts'
import type { ComplianceService } from '../../../compliance/compliance-service.ts'
import { askOptIn, ConsentError, confirmOptIn, sellerOfOptIn } from '../../../compliance/consent/ledger.ts'
import { OPT_IN_WORDS, optInLanguage } from '../../../compliance/consent/opt-in-words.ts'
import type { ExplainLanguage } from '../../../compliance/explain/words.ts'
import { toE164 } from '../../../compliance/numbers/analyze.ts'
import { AppError } from '../../../errors.ts'
import type { MessageHook } from '../../../webhooks/message-hook.ts'
import { actorOf } from '../../actor.ts'
import { audit } from '../../audit.ts'
import type { App } from '../../fastify-types.ts'
import type { HttpParts } from '../../parts.ts'
import { responses } from '../../schemas.ts'
import { access } from './access.ts'

const literals = <const T extends readonly string[]>(values: T) =>
  Type.Unsafe<T[number]>({ type: 'string', enum: [...values] })

/** Asking a person by text or e-mail whether calls are welcome; only the answer makes the consent (double opt-in). */
export function registerOptInRoute(
  app: App,
  { db, config }: HttpParts,
  compliance: ComplianceService,
  messages: MessageHook
): void {
  app.post(
    '/consents/opt-in',
    {
      config: access('consents:write'),
      schema: {
        summary: 'Ask a person by text message or e-mail; the grant exists once the link is confirmed',
        tags: ['consents'],
        body: Type.Object(
          {
            number: Type.String({ maxLength: 64 }),
            person: Type.Optional(Type.String({ maxLength: 256 })),
            seller: Type.String({ minLength: 1, maxLength: 256 }),
            channel: literals(['sms', 'email'] as const),
            email: Type.Optional(Type.String({ format: 'email', maxLength: 254 })),
            language: Type.Optional(Type.String({ maxLength: 35 })),
            grade: Type.Optional(literals(GRADES.filter(one => one !== 'none' && one !== 'double_opt_in'))),
            purposes: Type.Optional(Type.Array(literals(PURPOSES))),
            modes: Type.Optional(Type.Array(literals(MODES)))
          },
          { additionalProperties: false }
        ),
        response: responses({ 202: Type.Object({ id: Type.String() }) })
      }
    },
    async (request, reply) => {
      const { number, channel, email, language = 'en', seller, person, purposes, modes, grade } = request.body
      const e164 = toE164(number)
      if (e164 === null) throw new AppError('NUMBER_INVALID', 'Write the number with its country code.')
      if (channel === 'email' && email === undefined)
        throw new AppError('VALIDATION_FAILED', 'An e-mail needs an address.', {
          problems: [{ at: '/body/email', message: 'is missing' }]
        })
      const { publicUrl } = config
      if (publicUrl === null)
        throw new AppError(
          'MESSAGE_NOT_SENT',
          'PARLEY_PUBLIC_URL is not set, so that the message would have no link to confirm.'
        )
      const to = channel === 'email' ? (email ?? '') : e164
      const words = OPT_IN_WORDS[optInLanguage(language)]
      const id = await askOptIn(
        compliance.ledger,
        {
          e164,
          seller,
          grade: grade ?? 'express_electronic',
          recordedBy: actorOf(request).id,
          ...(person !== undefined && { person }),
          ...(purposes !== undefined && { purposes }),
          ...(modes !== undefined && { modes })
        },
        { channel, to, at: new Date() },
        async ({ token }) => {
          const link = new URL(`/consent/${token}`, publicUrl).href
          await messages.send({
            channel,
            to,
            language: optInLanguage(language),
            subject: fill(words.subject, { seller }),
            text: fill(words.message, { seller, link }),
            purpose: 'double-opt-in'
          })
        }
      )
      await audit(
        db,
        request,
        'consent.asked',
        { kind: 'number', id: compliance.hashOf(e164) },
        { channel, request: id }
      )
      return reply.status(202).send({ id })
    }
  )
}

/**
 * The page behind the link of a double opt-in: plain HTML without scripts. Opening it changes nothing, because mail
 * programs open links by themselves; only the button does.
 */
export function registerOptInPage(app: App, compliance: ComplianceService): void {
  const { ledger } = compliance
  const Token = Type.Object({ token: Type.String({ minLength: 8, maxLength: 100, pattern: '^[\\w-]+$' }) })
  app.register(async scope => {
    const pages = scope as App
    // The form has no fields; its body is of no interest.
    pages.addContentTypeParser('application/x-www-form-urlencoded', (_request, payload, done) => {
      payload.resume()
      done(null, undefined)
    })
    pages.get(
      '/consent/:token',
      { config: { access: 'public' }, schema: { hide: true, params: Token } },
      async (request, reply) => {
        const language = optInLanguage(request.headers['accept-language'] ?? '')
        const words = OPT_IN_WORDS[language]
        const seller = await sellerOfOptIn(ledger, request.params.token, new Date())
        reply
          .type('text/html; charset=utf-8')
          .header('cache-control', 'no-store')
          .header('referrer-policy', 'no-referrer')
        if (seller === null) return reply.status(404).send(page(language, words.title, `<p>${words.gone}</p>`))
        const question = escapeHtml(fill(words.question, { seller }))
        return reply.send(
          page(
            language,
            words.title,
            `<p>${question}</p><form method="post"><button type="submit">${words.confirm}</button></form>`
          )
        )
      }
    )
    pages.post(
      '/consent/:token',
      { config: { access: 'public' }, schema: { hide: true, params: Token } },
      async (request, reply) => {
        const language = optInLanguage(request.headers['accept-language'] ?? '')
        const words = OPT_IN_WORDS[language]
        reply
          .type('text/html; charset=utf-8')
          .header('cache-control', 'no-store')
          .header('referrer-policy', 'no-referrer')
        try {
          await confirmOptIn(ledger, request.params.token, new Date())
        } catch (err) {
          if (!(err instanceof ConsentError)) throw err
          return reply.status(404).send(page(language, words.title, `<p>${words.gone}</p>`))
        }
        return reply.send(page(language, words.title, `<p role="status">${words.done}</p>`))
      }
    )
  })
}

function page(language: ExplainLanguage, title: string, body: string): string {
  return `<!doctype html>
<html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}">
<meta charset="utf-8"><meta name="viewport" content="width=device-width"><meta name="robots" content="noindex">
<title>${title}</title>
<style>
:root { color-scheme: light dark }
body { max-width: 36rem; margin: 10vh auto; padding: 0 1rem; font: 1.125rem/1.6 system-ui, sans-serif }
button { font: inherit; padding: .75rem 1.5rem; min-height: 44px }
</style>
<main><h1>${title}</h1>${body}</main>
</html>`
}

function fill(template: string, values: Readonly<Record<string, string>>): string {
  return template.replace(/\{(\w+)\}/g, (whole, name: string) => values[name] ?? whole)
}

function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, one => `&#${one.charCodeAt(0)};`)
}
