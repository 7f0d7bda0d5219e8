import { redactedText } from './redact.ts'
import type { Utterance } from './utterance.ts'

export type ClipPage = Readonly<{
  title: string
  watermark: string
  expiresAt: Date
  language: string
  audioPath: string | null
  utterances: readonly Utterance[]
}>

/** The page behind a clip's link: no script, nothing from elsewhere, and nothing that redaction hides. */
export function renderClipPage(page: ClipPage): string {
  const lines = page.utterances.map(one => {
    const { text } = redactedText(one.text, one.personal)
    return `<p><b>${escapeHtml(one.speaker)}</b> <time>${clock(one.startMs)}</time> <span lang="${escapeHtml(page.language)}" dir="auto">${escapeHtml(text)}</span></p>`
  })
  return `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta name="viewport" content="width=device-width,initial-scale=1"><meta name="robots" content="noindex"><meta name="referrer" content="no-referrer"><title>${escapeHtml(page.title)}</title><style>body{font:16px/1.5 system-ui,sans-serif;max-width:44rem;margin:2rem auto;padding:0 1rem;color:#1f2328;background:#f8f9fa}audio{width:100%}time{color:#5a6169;font-variant-numeric:tabular-nums}.mark{border:1px dashed #8f0f14;color:#8f0f14;padding:.5rem .75rem;overflow-wrap:anywhere}@media(prefers-color-scheme:dark){body{background:#1f2020;color:#e6e6e6}time{color:#aeb6be}.mark{color:#ff9a88;border-color:#ff9a88}}</style></head><body><main><h1>${escapeHtml(page.title)}</h1><p class="mark">${escapeHtml(page.watermark)}</p>${page.audioPath === null ? '' : `<audio controls preload="none" src="${escapeHtml(page.audioPath)}"></audio>`}${lines.join('')}<p>This link ends on <time datetime="${page.expiresAt.toISOString()}">${page.expiresAt.toISOString().slice(0, 16).replace('T', ' ')} UTC</time>. Each opening is logged.</p></main></body></html>`
}

function clock(ms: number): string {
  const seconds = Math.floor(ms / 1000)
  return `${Math.floor(seconds / 60)}:${String(seconds % 60).padStart(2, '0')}`
}

export function escapeHtml(text: string): string {
  return text.replace(/[&<>"']/g, one => `&#${one.charCodeAt(0)};`)
}
