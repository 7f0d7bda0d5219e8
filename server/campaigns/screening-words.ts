import { primaryOf } from '../quality/search-words.ts'

/**
 * What assistants that screen calls ask, and what machines say that record. Machines often want a name too, "after the tone":
 * their words count more.
 */
const WORDS: Readonly<Record<string, Readonly<{ asks: RegExp; records: RegExp }>>> = {
  en: {
    asks: /(?:say|state|tell|give)\b.{0,20}\b(?:name|who you are)|who(?:'s| is) calling|(?:why|reason) .{0,15}call|screening/i,
    records: /after the (?:tone|beep)|at the tone|leave (?:a|your|me a) (?:message|name)|voice ?mail|not available/i
  },
  de: {
    asks: /(?:nennen|sagen) sie .{0,20}name|grund ihres anrufs|wer (?:ruft|spricht)|worum (?:es )?geht/i,
    records:
      /nach dem (?:ton|signal|piep)|nachricht hinterlassen|hinterlassen sie|mailbox|anrufbeantworter|nicht erreichbar/i
  },
  es: {
    asks: /(?:diga|indique) .{0,20}nombre|motivo de (?:su|la) llamada|qui[eé]n (?:llama|es)/i,
    records: /despu[eé]s de la (?:señal|tono)|deje? (?:su|tu|un) mensaje|buz[oó]n|no (?:puedo|est[aá] disponible)/i
  },
  zh: {
    asks: /(?:说出|告知|告诉).{0,6}(?:姓名|名字|身份)|来电(?:原因|目的|事由)|您是哪位|请问是谁/,
    records: /提示音|留言|无人接听|信箱/
  },
  ja: {
    asks: /お名前.{0,6}(?:用件|理由)|どちらさま|どなた|お電話の(?:理由|ご用件)/,
    records: /ピー|発信音|留守番|でることができません|出ることができません|メッセージをお/
  },
  ar: {
    asks: /(?:اذكر|قل|أخبرن[اي]).{0,12}اسمك|سبب (?:الاتصال|اتصالك|المكالمة)|من (?:المتصل|يتصل)/,
    records: /بعد (?:سماع )?(?:الصافرة|النغمة|الإشارة)|اترك رسالة|البريد الصوتي/
  }
}

/** Whether words are an assistant's who asks for name and reason, or a machine's that records; null: neither. Pure. */
export function screeningIn(text: string, language: string): 'asks' | 'records' | null {
  const words = WORDS[primaryOf(language)]
  if (words === undefined) return null
  const said = text.normalize('NFKC').replace(/[\u064b-\u065f\u0640]/g, '')
  if (words.records.test(said)) return 'records'
  return words.asks.test(said) ? 'asks' : null
}
