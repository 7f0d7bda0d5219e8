import { PromptError } from '../../media/prompts/synthesizer.ts'
import type { Call } from '../calls/call.ts'
import type { AnswerEvent, Answerer, Reply } from './answer/answerer.ts'
import type { BotVoice } from './bot-voice.ts'
import type { ConversationLog } from './conversation-log.ts'
import type { DialogueEvent } from './dialogue.ts'
import type { PlayedPrompt } from './heard-prompts.ts'
import type { Retrieval } from './knowledge/retrieve.ts'
import { SilenceError } from './turn-silence.ts'

type TurnParts = Readonly<{
  call: Call
  voice: BotVoice
  answerer: Answerer
  log: ConversationLog
  /** Counted from 1. */
  turn: number
  isConsented(): boolean
}>

/**
 * Answers one question aloud: the first clause as soon as it is there, the next one made while it is said. Whatever the
 * caller does in between ends the answer and is what happens next.
 */
export async function answerTurn(parts: TurnParts, question: string, signal: AbortSignal): Promise<DialogueEvent> {
  const { call, voice, answerer, log, turn } = parts
  const startedAtMs = performance.now()
  const since = () => Math.round(performance.now() - startedAtMs)
  const ear = await voice.openEar(signal)
  if (ear === null) return { kind: 'deaf' }
  const interrupted = new AbortController()
  const events = answerer.answer(question, AbortSignal.any([signal, interrupted.signal]))
  let retrieval: Retrieval | null = null
  let firstClauseMs: number | null = null
  let speechMs: number | null = null
  let isMuted = false
  const said: string[] = []
  try {
    let next = nextOf(events)
    for (;;) {
      const { value: event, done } = await voice.waitingFor(next, signal)
      if (done === true) throw new TypeError('the answer has no end')
      // What comes after this is made while this is said.
      if (event.kind !== 'end') next = nextOf(events)
      switch (event.kind) {
        case 'retrieved':
          retrieval = event.retrieval
          break
        case 'clause': {
          firstClauseMs ??= since()
          if (isMuted) break
          const clause = await prepared(parts, event, signal)
          if (clause === null) {
            isMuted = true
            break
          }
          speechMs ??= since()
          const { heard, instead, isBroken } = await voice.say(clause, ear, signal)
          // The caller knows nothing of what was not heard: neither may a model believe it, nor whoever takes over.
          if (heard !== '') said.push(heard)
          if (isBroken) isMuted = true
          if (instead === null) break
          return leave(instead)
        }
        case 'held':
          call.record({ kind: 'botHeld', why: event.why })
          break
        case 'tool':
          call.record({ kind: 'botTool', tool: event.name, outcome: event.outcome, tookMs: event.tookMs })
          if (voice.wish === null) break
          return leave(voice.wish)
        case 'fault':
          call.log.warn({ err: event.err, code: event.code }, 'a language model did not answer')
          call.record({ kind: 'botFault', code: event.code })
          break
        case 'end': {
          const { reply } = event
          // Words that could not be spoken were no answer.
          const isFault = reply.failure !== null || isMuted
          const kind = isMuted && said.length === 0 ? ('unknown' as const) : reply.kind
          answerer.remember(question, said.join(' '))
          note(reply, kind)
          if (kind === 'unknown') log.unknown(question, retrieval?.terms ?? [], parts.isConsented)
          return { kind: 'replied', reply: kind, terms: retrieval?.terms ?? [], isFault }
        }
        default:
          event satisfies never
      }
    }
  } catch (err) {
    if (!(err instanceof SilenceError)) throw err
    // Nobody waits for ever: what was said so far has to do.
    answerer.remember(question, said.join(' '))
    note({ kind: 'unknown', source: 'none', articleId: null, topic: null, failure: 'MODEL_TIMEOUT' }, 'unknown')
    return { kind: 'replied', reply: 'unknown', terms: retrieval?.terms ?? [], isFault: true }
  } finally {
    interrupted.abort()
    // The generator's own clean-up, whose end by our abort is no news.
    await events.return(undefined).catch(err => {
      if (!interrupted.signal.aborted) throw err
    })
  }

  function leave(instead: DialogueEvent): DialogueEvent {
    interrupted.abort()
    answerer.remember(question, said.join(' '))
    note({ kind: 'talk', source: 'none', articleId: null, topic: null, failure: null }, 'interrupted')
    return instead
  }

  function note(reply: Reply, outcome: string): void {
    const score = retrieval?.passages[0]?.score ?? null
    const figures = { retrievalMs: retrieval?.tookMs ?? null, firstClauseMs, speechMs, replyMs: since() }
    call.record({
      kind: 'botAnswered',
      turn,
      outcome,
      source: reply.source,
      articleId: reply.articleId,
      score,
      ...figures
    })
    log.answered(reply, {
      turn,
      confidence: score,
      retrieval_ms: figures.retrievalMs,
      first_clause_ms: firstClauseMs,
      speech_ms: speechMs,
      reply_ms: figures.replyMs
    })
  }
}

function nextOf(events: AsyncGenerator<AnswerEvent>): Promise<IteratorResult<AnswerEvent, void>> {
  const next = events.next()
  // Heard when it is waited for; until then nobody may look.
  next.catch(() => {})
  return next
}

/** A clause ready to be played; null when the words cannot be made, and the story says so. */
async function prepared(
  { call, voice }: TurnParts,
  { text, isPersonal }: Readonly<{ text: string; isPersonal: boolean }>,
  signal: AbortSignal
): Promise<readonly PlayedPrompt[] | null> {
  try {
    return await voice.prepare(text, isPersonal, signal)
  } catch (err) {
    signal.throwIfAborted()
    if (!(err instanceof PromptError)) throw err
    call.record({ kind: 'promptFailed', code: err.code, reason: err.message })
    return null
  }
}
