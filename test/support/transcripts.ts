import type { TestParley } from './parley.ts'

export type Said = readonly [speaker: 'agent' | 'customer' | 'bot', startMs: number, endMs: number, text: string]

/** A caller rings, hears a moment of the flow and hangs up; returns the call's id. */
export async function ringOnce(server: TestParley, number: string, caller = '+12025550123'): Promise<string> {
  await using phone = await server.phone({ user: caller })
  const call = phone.phone.call(server.uri(number), { sdp: phone.audio.sdp() })
  const { status, reason, sdp } = await call.answered()
  if (status !== 200) throw new Error(`the call was refused: ${status} ${reason}`)
  phone.audio.connect(sdp)
  await phone.audio.hears(400)
  await call.bye()
  return (await server.story(call.callId)).id
}

/** Each word in its share of the utterance, as an engine with word times gives it. */
export function timed([speaker, startMs, endMs, text]: Said) {
  const words = text.split(/\s+/).filter(word => word !== '')
  const step = (endMs - startMs) / words.length
  return {
    speaker,
    startMs,
    endMs,
    text,
    confidence: 0.9,
    words: words.map((word, at) => ({
      text: word.replace(/[.,?!]+$/, ''),
      startMs: Math.round(startMs + at * step),
      endMs: Math.round(startMs + (at + 1) * step)
    }))
  }
}

/** Stores a transcript as a recogniser would, and waits until the search knows the call. */
export async function transcribe(
  server: TestParley,
  callId: string,
  language: string,
  said: readonly Said[],
  more: Readonly<Record<string, unknown>> = {}
): Promise<Record<string, unknown>> {
  const answer = await server.api('POST', `/calls/${callId}/transcript`, {
    language,
    provider: 'test',
    consent: 'agreed on the telephone, test',
    utterances: said.map(timed),
    ...more
  })
  if (answer.status !== 201) throw new Error(JSON.stringify(answer.body))
  await indexed(server)
  return answer.body
}

/** Resolves when every call that has ended is in the search. */
export async function indexed(server: TestParley): Promise<void> {
  const limit = AbortSignal.timeout(40_000)
  for (;;) {
    const waiting = await server.parley.db.selectFrom('search_queue').select('call_id').limit(1).execute()
    if (waiting.length === 0) return
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}
