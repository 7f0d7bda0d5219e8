import { foldText } from '../knowledge/words.ts'

/**
 * What a bot may say without a source, in each language. None of it says anything of a company, its goods or a customer's
 * matter: no yes or no, nothing that is free, open, sent, cancelled or due. Words are told apart by letters alone.
 */
export type CourtesyWords = Readonly<{
  /** Words of greetings, thanks, regrets and promises to look: a sentence made of nothing else states no fact. */
  words: string
  /** Of which a word alone would say more, such as the “no” of “no problem”. */
  phrases: readonly string[]
  /** What is said of a change that a tool has made in this turn. */
  done: readonly string[]
  /** How a question begins; in languages whose questions begin with anything, how one is told from a statement. */
  question: RegExp
  /** A request to say something, which states nothing either. */
  request: RegExp
  /** What makes a statement of a part of a question: a reason, or what somebody is asked to know. */
  claims: RegExp
  /** Choices after a question: “…, the kettle or the toaster?” */
  choice: RegExp
}>

const LETTER = '[\\p{L}\\p{M}]'
const whole = (words: string) => `(?<!${LETTER})(?:${words})(?!${LETTER})`
const begins = (words: string) => new RegExp(`^(?:${words})(?!${LETTER})`, 'u')
/** As texts are that are compared with it. */
const folded = (words: string) => foldText(words, 'ar')
const holds = (words: string) => new RegExp(whole(words), 'u')

export const COURTESY_WORDS: Readonly<Record<string, CourtesyWords>> = {
  en: {
    words:
      "a a'right about absolutely again all alright always am and any apologise apologies apologize are as at be been being best bit bye call calling can certainly check course day dear do did evening excuse few fine find for forgive from gladly glad good goodbye great happy hear hello help helpful helping hi hold hope how i i'd i'll i'm i've if inconvenience is it it's just kind kindly let like listening listen line little look lovely madam me mind minute moment moments morning much my nice of oh ok okay on one our out patience patient please pleased pleasure quickly right see see sec second sir so soon sorry speak speaking stay sure take talk talking thank thanks that that's the then there this time to today too trouble up us understand understood very wait waiting we we'll we're welcome well what while will wish with wonderful would you you'd you're you've your yours may afternoon evening weekend happily see repeat once more say said help",
    phrases: [
      'no problem',
      'no problem at all',
      'no worries',
      'not at all',
      'have a',
      'i have to',
      'do not worry',
      "don't worry"
    ],
    done: ['done', 'that is done', "that's done", 'it is done', "it's done", 'all done'],
    question: begins(
      "who|whom|whose|what|what's|which|when|where|why|how|is|are|was|were|am|do|does|did|have|has|had|can|could|may|might|shall|should|will|would|isn't|aren't|don't|doesn't|any|anything|whether|if you|in which|in what|for which|for what|with which|to which|at which|on which|from which|by when"
    ),
    request: begins('(?:please )?(?:tell me|say|give me|spell|repeat|name|describe|let me know)'),
    claims: holds(
      'because|since|although|given that|now that|so that|as you know|by the way|did you know|do you know that|(?:know|aware|hear|heard|confirm|sure|glad|happy|told|tell|remember|mention|note|noticed)(?: you| me)? that|have you heard|did you hear|which means'
    ),
    choice: holds('or')
  },
  de: {
    words:
      'abend aber alles also angerufen anruf anrufen anrufs anrufst auch auf augenblick bedanke bedauere bedaure bei besten bis bitte bitten bleiben da damit danke dank dann darum das dass dein deine deinem deinen deiner dem den der dich die dies dir doch du ein eine einen einem einer entschuldigen entschuldigung entschuldige erfreut es freude freut freundlich für ganz geduld gedulden geht geschehen geholfen gehört gern gerne gespräch gleich gut gute guten gutes hallo helfe helfen hilfe hoffe hören höre ich ihnen ihr ihre ihrem ihren ihrer im in is ist jederzeit kann klar kurz kurzen leid lieber mal man mich mir mit moment möchte morgen nach nachmittag natürlich noch nun nur rufe schade schau schaue schauen schön schöne schönen schönes sehe sehen sehr selbstverständlich sie sich sind so sofort sorge sprechen stehe tag tage tut um und uns unannehmlichkeiten verbleibe vergnügen verstanden verstehe verständnis vielen viel von warte warten was weiter weiterhelfen werde wie wiederhören wiederholen willkommen wir wochenende wunderbar wünsche zu zum zur zeit zuhören einmal sekunde sekunden minute verfügung auskunft',
    phrases: ['kein problem', 'keine ursache', 'keine sorge', 'nichts zu danken', 'guten morgen', 'schönen feierabend'],
    done: ['erledigt', 'das ist erledigt', 'ist erledigt', 'schon erledigt'],
    question: begins(
      'wer|wen|wem|wessen|was|welche|welcher|welches|welchem|welchen|wann|wo|woher|wohin|warum|weshalb|wieso|wie|wofür|womit|worum|woran|wozu|worüber|ob|um welche|um welchen|um welches|um was|in welche|in welcher|in welchem|für welche|für welchen|für welches|zu welche|zu welchem|zu welcher|mit welche|mit welchem|mit welcher|an welche|an welchem|bis wann|ab wann|haben|hast|hat|ist|sind|bist|war|waren|möchten|möchtest|wollen|willst|will|können|kannst|kann|könnten|könntest|dürfen|darf|dürfte|soll|sollen|sollte|sollten|würden|würdest|wären|wäre|meinen|meinst|brauchen|brauchst|geht|gibt es|handelt|kennen|kennst|wissen sie|weißt du|nennen|nennst|sagen|dass ich|suchen|fehlt|fragen sie'
    ),
    request: begins(
      '(?:bitte )?(?:nennen sie|sagen sie|geben sie mir|buchstabieren sie|wiederholen sie|beschreiben sie|nenn|sag|gib mir|buchstabiere|wiederhole|beschreibe)'
    ),
    claims: holds(
      'weil|denn|obwohl|da ja|übrigens|nachdem|wussten sie|wusstest du|wissen sie, dass|haben sie gehört|hast du gehört|dass (?!ich )'
    ),
    choice: holds('oder')
  },
  es: {
    words:
      'a al adiós agradezco agrado ahora alegra alegro amable atención ayuda ayudamos ayudar ayudo ayudarle ayudarte bien bienvenido bienvenida buen buena buenas bueno buenos claro como compruebo con cuando cualquier de del desea deseo día días disculpa disculpe disculpas disposición el ella en encantado encantada entendido entiendo es espere espera esperar esta estas este esto estoy excelente favor fin gracias gran gusto ha haber hablar hasta hola instante la las le lamento les lo los llamada llamado llamar llamarnos llame llames línea me mi minuto miro molestia molestias momento momentito mucha muchas mucho muy nada nos paciencia para pero perdón perdona perdone perfecto permítame permíteme placer por pronto puedo qué que queda quedo que repetir segundo semana señor señora servirle servirte si siento su supuesto sus tarde tardes tenga ten tengas te tiempo todo tu tus un una usted vale veo ver voy y yo mando luego noches noche tranquilo tranquila comprendo enseguida mismo ningún',
    phrases: ['no se preocupe', 'no te preocupes', 'ningún problema', 'no hay de qué', 'no es molestia', 'de nada'],
    done: ['hecho', 'ya está', 'ya está hecho', 'está hecho', 'listo'],
    question: begins(
      'quién|quiénes|qué|cuál|cuáles|cuándo|dónde|adónde|por qué|cómo|cuánto|cuánta|cuántos|cuántas|a qué|de qué|en qué|con qué|para qué|a quién|de quién|a cuál|de cuál|desde cuándo|es|está|están|son|era|fue|ha|han|tiene|tienes|puedo|podemos|puede|puedes|podría|podrías|quiere|quieres|quisiera|querría|desea|deseas|le gustaría|te gustaría|prefiere|prefieres|necesita|necesitas|se refiere|te refieres|se trata|me puede|me puedes|me podría|me dice|me da|le importaría|hay|si'
    ),
    request: begins(
      '(?:por favor )?(?:dígame|dime|deme|dame|deletree|deletrea|repita|repite|indíqueme|indícame|describa|describe)'
    ),
    claims: holds(
      'porque|ya que|puesto que|dado que|aunque|por cierto|sabía que|sabías que|sabe que|sabes que|ha oído|has oído|confirmo que|confirme que|recuerde que|recuerda que'
    ),
    choice: holds('o|u')
  },
  zh: {
    words: '',
    phrases:
      '您好 你好 早上好 下午好 晚上好 大家好 请 请问 谢谢 多谢 感谢 非常 十分 很 您的 你的 您 你 我 我们 来电 耐心 等待 等候 理解 支持 配合 稍等 请稍等 请稍候 稍候 一下 一会儿 片刻 好的 好 当然 可以 没问题 没关系 不客气 不用谢 别客气 对不起 抱歉 不好意思 很抱歉 非常抱歉 给您 给你 带来 不便 了 吧 啊 哦 嗯 明白 明白了 知道了 理解 乐意 很高兴 高兴 为您 为你 服务 效劳 帮助 帮 帮忙 看 看看 查 查一下 查询 看一下 马上 现在 再见 祝 祝您 祝你 生活 愉快 愉快的 一天 周末 顺利 有 需要 随时 联系 告诉 说 再说 再 一遍 欢迎 辛苦 辛苦了 先生 女士 能 那 让我 让 吗 呢 慢慢 不着急 别着急 请讲 请说 听 听着 这就 就'.split(
        ' '
      ),
    done: ['办好了', '已经办好了', '完成了', '已完成', '好了'],
    question: /[吗呢]$|什么|哪|几|多少|谁|怎么|怎样|如何|是否|是不是|有没有|能不能|可不可以|要不要|还是|为何/u,
    request: /^请?(?:您|你)?(?:告诉我|说一下|说出|提供|报一下|重复|再说)/u,
    claims: /因为|由于|既然|虽然|所以|[您你]知道|[您你]知不知道|听说|顺便|(?:什么|哪|谁|怎么|多少|几).*[都也]/u,
    choice: /还是|或/u
  },
  ja: {
    words: '',
    phrases:
      'はい かしこまりました 承知しました 承知いたしました 承知 いたしました わかりました 分かりました もちろん もちろんです でございます ございます です ね よ お電話 お問い合わせ ありがとう ありがとうございます ありがとうございました 誠に まことに どうも 本当に お待ちください 少々 しょうしょう 少し お待ち ください 下さい くださいませ 申し訳 申し訳ございません 申し訳ありません ございません 大変 たいへん 恐れ入ります 恐れ入りますが 恐縮です 恐縮ですが お手数です お手数ですが お手数 お手数を おかけします おかけしますが をおかけして おかけして すみません すみませんが 失礼 失礼ですが 失礼いたします 失礼しました ご不便 を が に の は も で と こんにちは おはようございます こんばんは お世話になっております お世話 になって おります いただき いただいて 頂き お客様 ごゆっくり どうぞ 確認 いたします します お調べ お調べします お手伝い お手伝いします お手伝いいたします 喜んで よろこんで お役に立てて うれしいです 嬉しいです 何でも なんでも お気軽 お気軽に お申し付け お申し付けください お聞かせください お聞かせ また またのお電話 お待ちしております よい 良い 一日 週末 お過ごしください お大事に いえ いいえ とんでもない とんでもございません ありません そうですか そうでしたか なるほど ご心配なく 大丈夫です もう一度 おっしゃって ごめん ごめんね ちょっと 待って 待ってね いいよ うん わかった ありがとうね じゃあ さようなら'.split(
        ' '
      ),
    done: ['完了しました', '完了いたしました', '手続きが完了しました', '終わりました'],
    question:
      /か(?:ね|な)?$|(?:何|どちら|どれ|どの|いつ|どこ|誰|だれ|いくつ|いくら|どう)(?!で?も)[^。]*(?:でしょう|です|かな)?$/u,
    request:
      /(?:教えて|お聞かせ|おっしゃって|お知らせ|お伝え|言って|話して)(?:ください|下さい|くださいませ|いただけますか|ね)?$/u,
    claims:
      /(?:ます|です|ました|でした|ません|ない|[うくすつぬむるだた])(?:が|けど|けれど|けれども|ので|から|ため|し|のに)$|ご存[じ知]|知って/u,
    choice: /それとも|または|か$/u
  },
  ar: {
    words:
      'مرحبا أهلا اهلا وسهلا سهلا السلام عليكم وعليكم ورحمة الله وبركاته صباح مساء الخير النور شكرا جزيلا لك لكم على اتصالك اتصالكم انتظارك انتظاركم صبرك صبركم من فضلك فضلكم لحظة واحدة لحظات دقيقة بالطبع طبعا بكل سرور حسنا عفوا العفو آسف آسفة اسف أعتذر اعتذر نعتذر عن الإزعاج الازعاج إزعاج التأخير فهمت أفهم افهم تمام جيد ممتاز رائع يسعدني يسرني أن ان أساعدك اساعدك مساعدتك مساعدتكم مساعدة خدمتك خدمتكم سأتحقق سأنظر دعني أتحقق اتحقق أنظر انظر في ذلك هذا الأمر الآن مع السلامة إلى الى اللقاء وداعا يوما سعيدا يومك يوم سعيد طاب أتمنى اتمنى نتمنى أرجو ارجو نرجو الانتظار انتظر قليلا يا سيدي سيدتي أنا انا نحن هنا دائما تفضل تفضلي تفضلوا كيف يمكنني بك بكم أيضا جدا كثيرا كل شكر الشكر أستمع استمع إليك إليكم و أو',
    phrases: ['لا شكر على واجب', 'لا مشكلة', 'لا بأس', 'لا تقلق', 'لا داعي للقلق'],
    done: ['تم', 'تم ذلك', 'لقد تم ذلك'],
    question: begins(
      folded(
        'هل|من|ما|ماذا|ما هو|ما هي|أي|اي|أية|كم|متى|أين|اين|كيف|لماذا|لم|بكم|بأي|في أي|عن أي|إلى أي|على أي|من أي|منذ متى|أيمكنك|أتريد'
      )
    ),
    request: begins(folded('(?:من فضلك )?(?:أخبرني|اخبرني|قل لي|أعطني|اعطني|اذكر|كرر|صف)')),
    claims: holds(folded('لأن|لان|بما أن|حيث أن|حيث إن|علما|هل تعلم|هل تعرف أن|هل سمعت|بالمناسبة|مع أن')),
    choice: holds(folded('أو|أم|او|ام'))
  }
}
