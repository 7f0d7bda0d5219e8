import type { Test } from 'tap'
import { isChecked } from '../support/outside-speech.ts'
import type { TestParley } from '../support/parley.ts'
import { sayInTones, type ToneWord } from '../support/speech-servers/tone-words.ts'
import { thenSilence } from '../support/tone-recognizer.ts'
import type { BotCaller } from './support.ts'

/** Words in the language of tones. */
export const HZ = { balance: 500, order: 700, delivery: 1_500, please: 2_500, thanks: 2_700 }

/** Words that nobody has said before: prompts are kept, and made beforehand where nothing has to be filled in. */
export const words = (at: number) => `{ de: "Guten Tag und willkommen, {{ call.callerNumber }}, zum Versuch ${at}" }`
export const voiceFlow = (at: number, first = words(at)) => `
id: voice-${at}
name: Voice ${at}
languages: [de]
defaultLanguage: de
start: first
onFailure: failed
nodes:
  first: { kind: say, bargeIn: false, prompt: ${first}, next: tone }
  tone: { kind: say, bargeIn: false, prompt: [{ tone: "%(600,0,880)" }, { silenceMs: 700 }], next: then }
  then: { kind: say, bargeIn: false, prompt: { de: "Lieferung Lieferung {{ call.callerNumber }} ${at}" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(600,0,300)" }, next: bye }
  bye: { kind: hangup }
`

export type Providers = Readonly<{
  name: string
  state: string
  checks: readonly unknown[]
  languages: readonly string[]
}>[]

/** Until the check at the start is over: troubles that begin now are those of calls. */
export async function whenChecked(server: TestParley): Promise<void> {
  const limit = AbortSignal.timeout(60_000)
  for (;;) {
    const items = (await server.api('GET', '/speech/providers')).body.items as Providers
    if (items.every(one => one.state === 'off' || isChecked(one))) return
    limit.throwIfAborted()
    await new Promise(resolve => setTimeout(resolve, 50))
  }
}

/** A word that arrives with a hole in it, on a busy machine, is said once more. */
export async function saysUntil<T>(
  caller: BotCaller,
  word: ToneWord,
  happens: (limitMs: number) => Promise<T>
): Promise<T> {
  const say = () => caller.audio.sendFrames(thenSilence(sayInTones([word], 400)))
  say()
  return await happens(12_000).catch(() => {
    say()
    return happens(40_000)
  })
}

export type VoiceFault<Trouble> = readonly [what: string, trouble: Trouble, code: string]

/** A prompt that the voice does not make comes from the voice of this machine; whoever works again speaks again. The last fault is a refused key. */
export async function eachVoiceFault<Trouble>(
  t: Test,
  server: TestParley,
  from: string,
  faults: readonly VoiceFault<Trouble>[],
  set: (trouble: Trouble | null) => void
): Promise<void> {
  for (const [at, [what, trouble, code]] of faults.entries())
    await t.test(what, async t => {
      await server.publish(voiceFlow(at))
      const number = `+1202555012${at}`
      await server.addNumber(number, `voice-${at}`, 'de')
      const { phone, audio, ...rest } = await server.phone()
      await using _ = rest
      set(trouble)
      const leg = phone.call(server.uri(number), { sdp: audio.sdp() })
      audio.connect((await leg.answered()).sdp).sendSilence()
      await audio.hearsSpeech()
      await audio.hears(880)
      set(null)
      // A key that was refused rests.
      if (code === 'SYNTHESIS_REFUSED') await audio.hearsSpeech()
      else await audio.hears(HZ.delivery)
      await leg.waitForBye()
      const { events } = await server.story(leg.callId)
      t.match(
        events.filter(one => one.kind === 'voiceFellOver'),
        [{ data: { from, to: 'espeak-ng', code } }]
      )
      t.notOk(events.some(one => one.kind === 'promptFailed'))
    })
}
