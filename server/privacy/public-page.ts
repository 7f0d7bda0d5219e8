import { escapeHtml } from '../quality/clip-page.ts'
import { fill, PUBLIC_KINDS, PUBLIC_LANGUAGES, PUBLIC_TEXTS, type PublicLanguage } from './public-texts.ts'

const STYLE = `*{box-sizing:border-box}body{margin:0;font:18px/1.6 system-ui,-apple-system,"Segoe UI","Noto Sans","Noto Sans Arabic","Noto Sans CJK SC",sans-serif;color:#1f2328;background:#f8f9fa}main{max-width:40rem;margin:0 auto;padding:24px 16px 64px}h1{font-size:28px;line-height:1.3}nav a{display:inline-block;min-height:28px;margin-inline-end:14px;color:#0a48ad}nav a[aria-current]{font-weight:700;text-decoration:none}fieldset{margin:0 0 20px;padding:0;border:0}legend,.label{display:block;margin:16px 0 8px;font-weight:600}.card{display:flex;gap:12px;align-items:center;min-height:52px;margin:8px 0;padding:10px 16px;border:1px solid #767d86;border-radius:10px;background:#fff;cursor:pointer}.card input{width:22px;height:22px}input[type=text],textarea{width:100%;min-height:48px;padding:10px 12px;border:1px solid #767d86;border-radius:10px;background:#fff;color:inherit;font:inherit}input.code{max-width:14rem;font-size:26px;letter-spacing:.3em;direction:ltr}button{min-height:48px;margin:16px 0 0;margin-inline-end:12px;padding:10px 24px;border:0;border-radius:10px;background:#0b57d0;color:#fff;font:inherit;font-weight:600;cursor:pointer}button.second{border:1px solid #767d86;background:transparent;color:inherit}.help{margin:6px 0 0;color:#4c535b}.error{padding:12px 16px;border:2px solid #8f0f14;border-radius:10px;color:#8f0f14;background:#fff}a{color:#0a48ad;overflow-wrap:anywhere}table{width:100%;border-collapse:collapse;font-size:16px}th,td{padding:6px 8px;border-bottom:1px solid #c4c9cf;text-align:start}:focus-visible{outline:3px solid #0b57d0;outline-offset:2px}@media(prefers-color-scheme:dark){body{color:#e8eaed;background:#1f2020}.card,input[type=text],textarea{background:#2e2e2e;border-color:#9aa1a9}.help{color:#b9c0c8}a,nav a{color:#9cc3f8}.error{color:#ff9a88;border-color:#ff9a88;background:#2e2e2e}th,td{border-color:#55595e}}`

/** The frame of every page: no script, one language, the others one click away. */
function page(language: PublicLanguage, path: string, title: string, body: string): string {
  const links = PUBLIC_LANGUAGES.map(one => {
    const name = new Intl.DisplayNames([one], { type: 'language' }).of(one) ?? one
    return `<a lang="${one}" href="${path}?language=${one}"${one === language ? ' aria-current="true"' : ''}>${escapeHtml(name)}</a>`
  }).join('')
  return `<!doctype html><html lang="${language}" dir="${language === 'ar' ? 'rtl' : 'ltr'}"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><meta name="referrer" content="no-referrer"><title>${escapeHtml(title)}</title><style>${STYLE}</style></head><body><main><nav aria-label="Language">${links}</nav><h1>${escapeHtml(title)}</h1>${body}</main></body></html>`
}

export type RequestForm = Readonly<{ kind: string; contact: string; note: string; error: string | null }>

export function requestPage(language: PublicLanguage, form: RequestForm, contact: string, canSend: boolean): string {
  const texts = PUBLIC_TEXTS[language]
  if (!canSend)
    return page(
      language,
      '/privacy/request',
      texts.title,
      `<p>${escapeHtml(fill(texts.noCodes, { contact: contact === '' ? '–' : contact }))}</p>`
    )
  const radios = PUBLIC_KINDS.map(
    kind =>
      `<label class="card"><input type="radio" name="kind" value="${kind}" required${form.kind === kind ? ' checked' : ''}> <span>${escapeHtml(texts.kinds[kind])}</span></label>`
  ).join('')
  const error = form.error === null ? '' : `<p class="error" role="alert">${escapeHtml(form.error)}</p>`
  return page(
    language,
    '/privacy/request',
    texts.title,
    `${error}<form method="post" action="/privacy/request"><input type="hidden" name="language" value="${language}"><fieldset><legend>${escapeHtml(texts.question)}</legend>${radios}</fieldset><label class="label" for="contact">${escapeHtml(texts.contactLabel)}</label><input type="text" id="contact" name="contact" dir="ltr" autocomplete="tel" required maxlength="254" aria-describedby="contact-help" value="${escapeHtml(form.contact)}"><p class="help" id="contact-help">${escapeHtml(texts.contactHelp)}</p><label class="label" for="note">${escapeHtml(texts.noteLabel)}</label><textarea id="note" name="note" rows="2" maxlength="2000" dir="auto">${escapeHtml(form.note)}</textarea><button type="submit">${escapeHtml(texts.send)}</button></form>${contactLine(language, contact)}`
  )
}

export function codePage(language: PublicLanguage, id: string, error: string | null): string {
  const texts = PUBLIC_TEXTS[language]
  const message = error === null ? '' : `<p class="error" role="alert">${escapeHtml(error)}</p>`
  return page(
    language,
    '/privacy/request',
    texts.codeTitle,
    `${message}<p>${escapeHtml(texts.codeSent)}</p><form method="post" action="/privacy/code"><input type="hidden" name="language" value="${language}"><input type="hidden" name="id" value="${escapeHtml(id)}"><label class="label" for="code">${escapeHtml(texts.codeLabel)}</label><input type="text" class="code" id="code" name="code" inputmode="numeric" autocomplete="one-time-code" maxlength="12"><br><button type="submit" name="action" value="confirm">${escapeHtml(texts.codeSubmit)}</button><button type="submit" class="second" name="action" value="extend">${escapeHtml(texts.codeExtend)}</button></form>`
  )
}

export function receivedPage(
  language: PublicLanguage,
  done: Readonly<{ reference: string; due: Date; statusPath: string; isStopped: boolean }>,
  contact: string
): string {
  const texts = PUBLIC_TEXTS[language]
  const words = fill(done.isStopped ? texts.stopped : texts.received, {
    reference: done.reference,
    due: fullDate(language, done.due)
  })
  return page(
    language,
    '/privacy/request',
    texts.receivedTitle,
    `<p>${escapeHtml(words)}</p><p>${escapeHtml(texts.statusLink)}<br><a dir="ltr" href="${escapeHtml(done.statusPath)}?language=${language}">${escapeHtml(done.statusPath)}</a></p>${contactLine(language, contact)}`
  )
}

export type StatusView = Readonly<{
  reference: string
  state: 'received' | 'working' | 'done' | 'refused'
  due: Date
  exportUntil: Date | null
  refusal: Readonly<{ law: string; reason: string; complainAt: string }> | null
  stores: readonly Readonly<{ store: string; erased: number; kept: number }>[]
}>

export function statusPage(language: PublicLanguage, path: string, view: StatusView, contact: string): string {
  const texts = PUBLIC_TEXTS[language]
  const rows = view.stores
    .filter(one => one.erased + one.kept > 0)
    .map(one => `<tr><th scope="row">${escapeHtml(one.store)}</th><td>− ${one.erased}</td><td>= ${one.kept}</td></tr>`)
    .join('')
  return page(
    language,
    path,
    fill(texts.statusTitle, { reference: view.reference }),
    `<p><strong>${escapeHtml(texts.states[view.state])}</strong></p>${
      view.state === 'received' || view.state === 'working'
        ? `<p>${escapeHtml(fill(texts.due, { due: fullDate(language, view.due) }))}</p>`
        : ''
    }${
      view.exportUntil === null
        ? ''
        : `<p><a href="${escapeHtml(path)}/export">${escapeHtml(texts.download)}</a><br>${escapeHtml(fill(texts.downloadEnds, { until: fullDate(language, view.exportUntil) }))}</p>`
    }${
      view.refusal === null
        ? ''
        : `<p dir="auto">${escapeHtml(view.refusal.reason)} (${escapeHtml(view.refusal.law)})</p><p dir="auto">${escapeHtml(fill(texts.complain, { where: view.refusal.complainAt }))}</p>`
    }${rows === '' ? '' : `<h2>${escapeHtml(texts.certificate)}</h2><table><tbody>${rows}</tbody></table>`}${contactLine(language, contact)}`
  )
}

export function unknownPage(language: PublicLanguage): string {
  const texts = PUBLIC_TEXTS[language]
  return page(language, '/privacy/request', texts.title, `<p>${escapeHtml(texts.unknownLink)}</p>`)
}

function contactLine(language: PublicLanguage, contact: string): string {
  return contact === '' ? '' : `<p class="help">${escapeHtml(fill(PUBLIC_TEXTS[language].contact, { contact }))}</p>`
}

function fullDate(language: PublicLanguage, at: Date): string {
  const locale = language === 'ar' ? 'ar-u-nu-latn' : language
  return new Intl.DateTimeFormat(locale, { dateStyle: 'full', timeZone: 'UTC' }).format(at)
}
