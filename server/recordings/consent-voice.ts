import type { VoiceEvent } from '../../media/speech/voice-listener.ts'
import type { Listening, VoiceInput } from '../calls/leg-audio.ts'

export type QuestionRules = Readonly<{
  /** Whether what was understood is a no, which counts at any time. */
  isObjection(text: string, confidence: number): boolean
  /** Whoever speaks when the question ends is waited for, because silence would be taken for leave. */
  waitsForSpeaker: boolean
}>

/**
 * Hears an answer to a question that must be heard first. A voice does not stop the question, and what is said over it is
 * no answer, since nobody agrees to what they have not heard; only a no is heard at once.
 */
export function afterQuestion(voice: VoiceInput, rules: QuestionRules): VoiceInput {
  return {
    listen(onEvent, isPrompted) {
      let isAsking = isPrompted
      /** What is being said began while the question was played. */
      let isOver = false
      let isWaitedFor = false
      let speakingAtMs = 0
      const hear = (event: VoiceEvent) => {
        if (event.kind === 'speaking') {
          isOver = isAsking
          speakingAtMs = event.atMs
        }
        if (!isOver) return onEvent(event)
        switch (event.kind) {
          case 'spoken':
            isOver = false
            if (rules.isObjection(event.text, event.confidence)) {
              if (!isWaitedFor) onEvent({ kind: 'speaking', atMs: speakingAtMs })
              onEvent(event)
            } else if (isWaitedFor) onEvent({ kind: 'notUnderstood', why: 'unknown' })
            break
          case 'notUnderstood':
          case 'failed':
            isOver = false
            if (isWaitedFor) onEvent(event)
            break
          case 'speaking':
          case 'partial':
          case 'paused':
          case 'resumed':
          case 'ended':
            break
          default:
            event satisfies never
        }
      }
      const inner = voice.listen(hear, isPrompted)
      return {
        get heardMs() {
          return inner.heardMs
        },
        promptOver() {
          isAsking = false
          inner.promptOver()
          if (!isOver || !rules.waitsForSpeaker) return
          isWaitedFor = true
          // The time for an answer begins in this turn of the loop, and stops for somebody who speaks.
          queueMicrotask(() => {
            if (isOver) onEvent({ kind: 'speaking', atMs: speakingAtMs })
          })
        },
        [Symbol.dispose]: () => inner[Symbol.dispose]()
      } satisfies Listening
    }
  }
}
