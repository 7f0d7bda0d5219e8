import type { BotOptions, BotOutcome, RequestOptions, RequestOutcome } from '../../ivr-flows/host.ts'
import type { PromptMaker } from '../../media/prompts/prompt-library.ts'
import type { Db } from '../../sql/database.ts'
import type { Call } from '../calls/call.ts'
import type { LegAudio } from '../calls/leg-audio.ts'
import { Answerer } from './answer/answerer.ts'
import { BotVoice } from './bot-voice.ts'
import { ConversationLog } from './conversation-log.ts'
import { type DialogueEnd, type DialogueEvent, dialogueStep, type DialogueStep, startDialogue } from './dialogue.ts'
import type { PromptFolders } from './disclosure.ts'
import { type BotHandOver, toHandOver } from './hand-over.ts'
import type { KnowledgeParts } from './knowledge/knowledge.ts'
import { CallBudget } from './model/budget.ts'
import { type LanguageModel, permittedModel } from './model/language-model.ts'
import { answerTurn } from './answer-turn.ts'
import type { PassingPrompts } from './passing-prompts.ts'
import type { SilenceGuard } from './silence-guard.ts'
import type { Speech } from './speech.ts'
import { ToolBox } from './tools/tool-box.ts'

/** What bots stand on. */
export type BotParts = Readonly<{
  db: Db
  prompts: PromptMaker
  promptFolders: PromptFolders
  passing: Pick<PassingPrompts, 'make'>
  speech: Speech
  knowledge: KnowledgeParts
  /** Null: bots read articles out. */
  model: LanguageModel | null
}>

/** The call that a bot takes over, and what it may know of it. */
export type BotCall = Readonly<{
  call: Call
  audio: LegAudio
  language: string
  flowId: string
  node: string
  /** Whether what the caller says may be kept. */
  isConsented(): boolean
  /** Whether a service at this host may learn what the caller says; it may change in the middle of a call. */
  mayAskOutside(host: string): boolean
  request(options: RequestOptions, signal: AbortSignal): Promise<RequestOutcome>
  /** Keeps the caller from waiting in silence. */
  silence: SilenceGuard
}>

/** How a conversation ended, and what a person who takes over gets of it. */
export type Conversed = Readonly<{ outcome: BotOutcome; handOver: BotHandOver | null }>

/**
 * A conversation from its first word to its end. What happens next is decided by the dialogue machine; here it is done.
 * Rejects with the signal's reason when the caller hangs up, with MediaError when the leg is lost, and with PromptError when
 * even the words to hand over cannot be made.
 */
export async function converse(
  parts: BotParts,
  { call, audio, language, flowId, node, isConsented, mayAskOutside, request, silence }: BotCall,
  bot: BotOptions,
  signal: AbortSignal
): Promise<Conversed> {
  const startedAt = new Date()
  const { limits } = bot
  const budget = new CallBudget({ tokens: limits.tokens, cents: limits.cents })
  const tools = new ToolBox(bot.tools, request)
  await using voice = new BotVoice(parts, { call, audio, language, silence }, bot, startedAt)
  const log = new ConversationLog(
    parts.db,
    call,
    { flowId, node, language, model: parts.model?.name ?? null },
    startedAt
  )
  const answerer = new Answerer({
    knowledge: parts.knowledge,
    get model() {
      return permittedModel(parts.model, mayAskOutside)
    },
    bot,
    language,
    budget,
    tools,
    confirm: (text, stop) => voice.confirm(text, stop),
    now: () => new Date(),
    mayAskOutside
  })
  const settings = { language, limits, asksIfSolved: bot.asksIfSolved }
  let state = startDialogue(startedAt.getTime())
  let lastStep: DialogueStep = state.step
  let end: DialogueEnd | null = null
  const heardBefore = parts.speech.centsSpent(call)
  call.record({ kind: 'botStarted', model: parts.model?.name ?? null })
  try {
    // Whoever could not hear the caller does not even say that it is there.
    let event: DialogueEvent = (await voice.canListen(signal)) ? { kind: 'started' } : { kind: 'deaf' }
    for (;;) {
      const [next, actions] = dialogueStep(settings, state, event, Date.now())
      state = next
      if (state.step !== 'over') lastStep = state.step
      let following: DialogueEvent | null = null
      for (const action of actions) {
        signal.throwIfAborted()
        switch (action.kind) {
          case 'disclose':
            following = await disclose()
            break
          case 'greet':
            voice.queue(bot.greeting)
            break
          case 'say':
            voice.queueLine(action.line)
            break
          case 'listen':
            following = await voice.listen(action.expects, signal)
            break
          case 'answer':
            following = await answerTurn(
              { call, voice, answerer, log, turn: state.turns, isConsented },
              action.question,
              signal
            )
            break
          case 'end':
            end = action.end
            break
          default:
            action satisfies never
        }
      }
      if (end !== null) {
        await voice.flush(signal)
        return finished(end)
      }
      if (following === null) throw new TypeError('the dialogue neither goes on nor ends')
      event = following
    }
  } finally {
    call.record({
      kind: 'botEnded',
      outcome: end?.kind ?? 'callerLeft',
      turns: state.turns,
      answered: state.answered,
      tokens: budget.tokens,
      cents: rounded(budget.cents),
      speechCents: rounded(parts.speech.centsSpent(call) - heardBefore)
    })
    await log.close(state, end, lastStep, budget)
  }

  async function disclose(): Promise<DialogueEvent> {
    const { heardMs, lengthMs } = await voice.disclose(signal)
    call.record({ kind: 'disclosureMade', language, heardMs, lengthMs, attempt: state.disclosures })
    log.disclosedMs = heardMs
    return { kind: 'disclosed', heardMs, lengthMs }
  }

  function finished(ended: DialogueEnd): Conversed {
    if (ended.kind === 'failed' || ended.kind === 'done') return { outcome: ended, handOver: null }
    // Whoever falls silent may come to a person too, if the flow leads there; what was said until then is of use to them.
    const handOver = toHandOver(
      {
        reason: ended.kind === 'handover' ? ended.reason : 'silent',
        utterances: voice.utterances,
        facts: tools.facts,
        topics: log.topics,
        mood: state.frustrations > 0 ? 'annoyed' : 'calm',
        endedAt: new Date()
      },
      language
    )
    if (ended.kind === 'noAnswer') return { outcome: ended, handOver }
    call.record({ kind: 'botHandedOver', reason: ended.reason, mood: handOver.mood })
    return { outcome: { ...ended, summary: handOver.summary }, handOver }
  }
}

/** Cents to three places. */
function rounded(cents: number): number {
  return Math.round(cents * 1000) / 1000
}
