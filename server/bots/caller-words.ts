import { primaryOf } from '../quality/search-words.ts'

/** What a caller says that a bot must understand without any model. */
export type CallerWish =
  /** A person is wanted. */
  | 'person'
  /** Nothing more is wanted. */
  | 'nothingMore'
  /** Anger, or despair of the bot. */
  | 'frustration'

type Words = Readonly<{ person: RegExp; nothingMore: RegExp; frustration: RegExp; yes: RegExp; no: RegExp }>

/** `whole` must be all that is said, politeness aside; the others may stand anywhere. */
const whole = (words: string) => new RegExp(`^(?:${words})$`, 'iu')
const word = (words: string) => new RegExp(`(?<![\\p{L}\\p{N}])(?:${words})(?![\\p{L}\\p{N}])`, 'iu')
const anywhere = (words: string) => new RegExp(`(?:${words})`, 'iu')

const WORDS: Readonly<Record<string, Words>> = {
  en: {
    person: word(
      '(?:speak|talk|connect|transfer|put|get)(?: me| through)* (?:to|with) (?:a|an|the|some)?\\s?(?:real |live |human )?(?:person|human|being|agent|someone|somebody|representative|operator|adviser|advisor|supervisor|manager)|(?:real|live) (?:person|human|agent)|operator|representative|customer service|human being|(?:want|need) (?:a|an) (?:person|human|agent)'
    ),
    nothingMore: whole(
      "(?:no|nope|nothing|no thanks?|no thank you|that's all|that is all|that's it|that is it|nothing else|no that's all|no that is all|goodbye|bye|bye bye|thanks? bye|thank you goodbye|that was all)(?: (?:thanks?|thank you|for now|goodbye|bye))*"
    ),
    frustration: word(
      "ridiculous|useless|stupid|idiots?|unacceptable|terrible|awful|angry|furious|fed up|sick of (?:this|it|you)|waste of (?:my )?time|(?:god)?damn(?:ed|it)?|bloody|(?:mother)?fuck\\w*|(?:bull)?shit(?:ty)?|crap(?:py)?|arseholes?|assholes?|bastards?|wtf|what the hell|pissed off|you(?:'re| are) not listening|you don't (?:understand|listen)|you do not understand|(?:i|i've|i have) already (?:said|told)|how many(?: more)? times (?:do|must|should|will|have) i|complain(?:t|ing)?|my (?:lawyer|solicitor|attorney)"
    ),
    yes: whole(
      "(?:yes|yeah|yep|yup|sure|correct|right|exactly|of course|please do|go ahead|ok|okay|it is|all good)(?: (?:please|thanks?|thank you|it is|that's right|do it|sure|correct))*"
    ),
    no: whole(
      "(?:no|nope|nah|not really|don't|do not|stop|wrong|negative|not yet|it is not|it isn't|no way|cancel)(?: (?:thanks?|thank you|please|it is not|it isn't|don't|do not|wait))*"
    )
  },
  de: {
    person: word(
      '(?:mit )?(?:einem|einen|einer|eine|ein) (?:echten |richtigen |echte |richtige )?(?:mensch(?:en)?|mitarbeiter(?:in)?|person|berater(?:in)?|kollegen?|vorgesetzten?)(?: sprechen| verbinden)?|jemand(?:en|em)? sprechen|mitarbeiter(?:in)? bitte|mensch bitte|kundendienst|kundenservice|verbinden sie mich'
    ),
    nothingMore: whole(
      '(?:nein|nö|nichts|nein danke|das war alles|das wars|das war es|das ist alles|nein das war alles|nein das wars|sonst nichts|auf wiederhören|tschüss|danke tschüss)(?: (?:danke|vielen dank|auf wiederhören|tschüss))*'
    ),
    frustration: word(
      'lächerlich|unverschämt(?:heit)?|frechheit|blöd(?:e[nmrs]?|sinn|mann)?|dumm(?:e[nmrs]?|heit|kopf)?|idiot(?:en)?|schei(?:ß|ss)(?:e|laden|ding)?|arschloch|verarsch\\p{L}*|(?:so ein|verdammter) mist|zum teufel|verdammt(?:e[nmrs]?|noch mal)?|sauer|wütend|genug davon|nase voll|sie (?:verstehen mich|hören mir) nicht(?: zu)?|schon (?:dreimal|zweimal|hundertmal|mehrmals) gesagt|habe ich (?:\\p{L}+ ){0,3}schon gesagt|wie oft (?:soll|muss) ich|beschwer(?:e|en|de|den)|anwalt'
    ),
    yes: whole(
      '(?:ja|jawohl|jo|genau|richtig|stimmt|gerne|klar|natürlich|ok|okay|in ordnung|machen sie das|ist es)(?: (?:bitte|danke|gerne|genau|richtig|ist es|das stimmt))*'
    ),
    no: whole(
      '(?:nein|nö|nee|falsch|nicht|lieber nicht|noch nicht|halt|stopp|abbrechen|bloß nicht|auf keinen fall)(?: (?:danke|bitte|nicht|noch nicht|lieber nicht))*'
    )
  },
  es: {
    person: word(
      '(?:hablar|comunicar(?:me)?|pas(?:ar|e|ame)(?:me)?) con (?:una?|algún|alguna)? ?(?:persona|humano|agente|operador(?:a)?|alguien|encargado|encargada|supervisor(?:a)?)(?: real)?|persona real|un(?:a)? (?:operador(?:a)?|agente|persona)(?: por favor)|atención al cliente'
    ),
    nothingMore: whole(
      '(?:no|nada|no gracias|nada más|nada mas|eso es todo|es todo|no eso es todo|no nada más|adiós|adios|hasta luego)(?: (?:gracias|muchas gracias|adiós|adios))*'
    ),
    frustration: word(
      'rid[íi]cul[oa]|in[úu]til(?:es)?|est[úu]pid[oa]s?|idiotas?|inaceptable|vergüenza|enfadad[oa]|furios[oa]|hart[oa]|mierda|joder|puta|coño|carajo|cabr[óo]n(?:es)?|gilipollas|pendej[oa]s?|no sirven? para nada|no me (?:entiende|escucha)|ya (?:se |te )?(?:lo |la |le |te )?(?:he dicho|dije)|cu[áa]ntas veces (?:tengo que|debo|hay que|se lo|te lo)|queja|reclamación|mi abogad[oa]'
    ),
    yes: whole(
      '(?:sí|si|claro|correcto|exacto|vale|de acuerdo|por supuesto|adelante|está bien|ok)(?: (?:por favor|gracias|claro|correcto|señor|señora))*'
    ),
    no: whole(
      '(?:no|todavía no|aún no|mejor no|incorrecto|para nada|espere|cancele)(?: (?:gracias|por favor|espere|todavía))*'
    )
  },
  zh: {
    person: anywhere(
      '人工|真人|转接.{0,4}(?:客服|人)|客服(?:人员|代表)|找.{0,3}(?:人|客服)(?:说|谈|讲|聊)?|接线员|投诉部'
    ),
    nothingMore: whole(
      '(?:没有了|没了|没有|没事了|不用了|就这些|就这样|不需要了|没别的了?|再见|拜拜|好了)(?:谢谢|谢谢您|再见)*'
    ),
    frustration: anywhere(
      '[气氣]死|荒唐|[没沒]用的?[东東]西|太差|垃圾(?!桶|袋|箱|邮件|短信|分类|处理|电话|站|车|清|回收|费)|[骗騙]子|混蛋|王八蛋|傻[逼瓜]|[废廢]物|狗屁|他妈的|(?<![我你您他她妈爸])妈的|滚(?:开|蛋|吧)|受不了|烦死|听不懂人话|[说說](?:了|过)(?:几|好几|多少|很多|无数|[一二两三四五六七八九十]+)遍|已[经經][说說][过過]|投[诉訴]|我的?律师|找律师|律师函|不可理喻'
    ),
    yes: whole('(?:是|是的|对|对的|好|好的|可以|行|没错|当然|嗯|解决了|同意|确认)(?:谢谢|的|了|吧)*'),
    no: whole('(?:不|不是|不对|不行|不要|没有|还没有?|不用|别|没解决|取消|等等|不同意)(?:谢谢|了|呢)*')
  },
  ja: {
    person: anywhere(
      'オペレーター|担当(?:者|の方|の人)|係の(?:者|人|方)|人間(?:と|に)|人と(?:話|はな)|誰か(?:と|に)(?:話|代)|スタッフ(?:と|に)|責任者|上司'
    ),
    nothingMore: whole(
      '(?:いいえ|いえ|ないです|ありません|特にありません|特にないです|大丈夫です|以上です|結構です|もういいです|それだけです|さようなら|失礼します)(?:ありがとうございます|ありがとうございました|どうも)*'
    ),
    frustration: anywhere(
      'ふざけ(?:る|ん)な|いい加減に|馬鹿|バカ(?!ンス|ラ)|ばか(?!り|ら)|くそ(?:った|っ|!|$)|クソ|ちくしょう|畜生|死ね|うざい|むかつく|ムカつく|使えない(?:奴|やつ|ロボット|機械|サービス|AI|な$)|使えねえ|役に立たない|腹が立つ|頭にくる|怒(?:って|る)|何[度回](?:も)?(?:言|同じ)|さっき(?:も|から)?言(?:った|って)|最悪|クレーム(?!ブリュレ)|弁護士(?:に|を呼)|話にならない'
    ),
    yes: whole(
      '(?:はい|ええ|うん|そうです|そうですね|お願いします|いいです|いいですよ|結構です|大丈夫です|解決しました|オーケー)(?:お願いします|そうです)*'
    ),
    no: whole(
      '(?:いいえ|いえ|違います|ちがいます|だめです|やめてください|まだです|まだ|していません|解決していません|取り消し)(?:です|違います|けっこうです)*'
    )
  },
  ar: {
    person: anywhere(
      'موظف|موظفة|شخص حقيقي|إنسان|انسان|ممثل خدمة|خدمة العملاء|مندوب|المدير|مشرف|(?:أتحدث|اتحدث|أتكلم|اتكلم|أكلم|اكلم)(?: مع| إلى)? (?:أحد|احد|شخص)'
    ),
    nothingMore: whole(
      '(?:لا|لا شكرا|لا شيء|لا شيء آخر|هذا كل شيء|هذا كل ما أريد|كفى|مع السلامة|وداعا|إلى اللقاء)(?: (?:شكرا|شكرا لك|مع السلامة))*'
    ),
    frustration: anywhere(
      'سخيف|(?<!\\p{L})(?:ال|و|يا )?غبي|[أا]حمق|فاشل(?!ة)|(?:خدمة|شركة) فاشلة|عديمة? الفائدة|غير مقبول(?!ة)|غاضب|حقير|وقح|(?:ال)?لعنة|(?<!\\p{L})تبا(?!\\p{L})|(?<!\\p{L})زفت|سئمت|طفح الكيل|لا تفهم|لا تسمع|قلت لك|كم مرة (?:يجب|قلت|علي|سأ|سوف|أقول|اقول|أكرر)|شكوى|[أا]شتكي|(?:ب|ل|ال|لل)محامي|مهزلة'
    ),
    yes: whole('(?:نعم|أجل|اجل|ايوه|أيوه|بالتأكيد|صحيح|تمام|موافق|حسنا|طبعا)(?: (?:من فضلك|شكرا|صحيح|تمام))*'),
    no: whole('(?:لا|كلا|ليس بعد|غير صحيح|خطأ|توقف|انتظر|لا أريد|إلغاء)(?: (?:شكرا|ليس بعد|من فضلك))*')
  }
}

/** What a caller wants beyond an answer; null: nothing of that kind. A language without a list has none. */
export function wishIn(text: string, language: string): CallerWish | null {
  const words = WORDS[primaryOf(language)]
  if (words === undefined) return null
  const said = plain(text)
  if (words.person.test(said)) return 'person'
  if (words.nothingMore.test(said)) return 'nothingMore'
  return words.frustration.test(said) ? 'frustration' : null
}

/** Yes or no; null when it is neither, or both. Nothing is changed on the strength of a guess. */
export function yesOrNo(text: string, language: string): boolean | null {
  const words = WORDS[primaryOf(language)]
  if (words === undefined) return null
  const said = plain(text)
  const [isYes, isNo] = [words.yes.test(said), words.no.test(said)]
  return isYes === isNo ? null : isYes
}

const UNSPACED = '\\p{Script=Han}\\p{Script=Hiragana}\\p{Script=Katakana}ー'
const BETWEEN_UNSPACED = new RegExp(`(?<=[${UNSPACED}]) (?=[${UNSPACED}])`, 'gu')

/** Without punctuation and vowel marks, which recognisers write or do not. */
function plain(text: string): string {
  return (
    text
      .normalize('NFKC')
      .replace(/[\u064b-\u065f\u0640]/g, '')
      .replace(/’/g, "'")
      .replace(/[^\p{L}\p{M}\p{N}'\s]+/gu, ' ')
      .replace(/\s+/g, ' ')
      // Chinese and Japanese write none; where one is, a comma was.
      .replace(BETWEEN_UNSPACED, '')
      .trim()
  )
}

/** Whether two requests are the same in other words: most of their words are. */
export function isSameRequest(one: readonly string[], other: readonly string[]): boolean {
  if (one.length === 0 || other.length === 0) return false
  const shared = one.filter(term => other.includes(term)).length
  return shared / new Set([...one, ...other]).size >= 0.7
}
