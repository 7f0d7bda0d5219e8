/**
 * How soon a prompt is silent on the wire when a caller speaks into it: from the moment at which the listener knows that
 * somebody speaks, and from the first sound that the phone sends. A key pressed into the same prompt is the reference.
 */
import { parseArgs } from 'node:util'
import { levelDbov } from '../../media/audio/speech-energy.ts'
import type { Recognizer } from '../../media/speech/recognizer.ts'
import { tellMissed } from '../figures.ts'
import { TestParley } from '../../test/support/parley.ts'
import { createToneRecognizer, thenSilence, toneSpeech } from '../../test/support/tone-recognizer.ts'

const { values } = parseArgs({ strict: false, options: { calls: { type: 'string', default: '15' } } })
const CALLS = Number(values.calls)
const NUMBER = '+12025550100'
const SPOKEN_HZ = 500
const LOUD_DBOV = -45

const FLOW = `
id: barge-in
name: Barge-in
languages: [en]
defaultLanguage: en
start: menu
onFailure: bye
nodes:
  menu:
    kind: menu
    prompt: { tone: "%(20000,0,440)" }
    choices: { "1": bye }
    say: { "1": { en: [sales] } }
    noInput: bye
    noMatch: bye
  bye: { kind: hangup }
`

type Times = { knownToSilent: number[]; soundToSilent: number[]; keyToSilent: number[] }

let knownAtMs = 0

/** The listener opens a recogniser at the moment at which it knows that somebody speaks. */
function timed(recognizer: Recognizer): Recognizer {
  return {
    ...recognizer,
    open(...args) {
      knownAtMs = performance.now()
      return recognizer.open(...args)
    }
  }
}

const times: Times = { knownToSilent: [], soundToSilent: [], keyToSilent: [] }
const recognizer = timed(createToneRecognizer({ isOpen: false, texts: { [SPOKEN_HZ]: 'sales' } }))
await using server = await TestParley.start({ recognizers: [recognizer] })
await server.publish(FLOW)
await server.addNumber(NUMBER, 'barge-in')
for (let call = 0; call < CALLS; call += 1) {
  await interrupt('voice')
  await interrupt('key')
}
print()

async function interrupt(by: 'voice' | 'key'): Promise<void> {
  await using caller = await server.phone()
  const { phone, audio } = caller
  const leg = phone.call(server.uri(NUMBER), { sdp: audio.sdp() })
  let lastSoundAtMs = 0
  audio.onFrame = pcm => {
    if (levelDbov(pcm) > LOUD_DBOV) lastSoundAtMs = performance.now()
  }
  audio.connect((await leg.answered()).sdp).sendSilence()
  await audio.hears(440)
  let spokenAtMs = 0
  if (by === 'key') {
    spokenAtMs = performance.now()
    audio.sendDigits('1')
  } else {
    const next = thenSilence(toneSpeech([SPOKEN_HZ]))
    audio.sendFrames(() => {
      if (spokenAtMs === 0) spokenAtMs = performance.now()
      return next()
    })
  }
  await leg.waitForBye()
  if (by === 'key') times.keyToSilent.push(lastSoundAtMs - spokenAtMs)
  else {
    times.knownToSilent.push(lastSoundAtMs - knownAtMs)
    times.soundToSilent.push(lastSoundAtMs - spokenAtMs)
  }
}

function print(): void {
  const at = (all: readonly number[], share: number) =>
    all.toSorted((one, other) => one - other)[Math.min(all.length - 1, Math.floor(all.length * share))] as number
  const row = (what: string, all: readonly number[]) =>
    `| ${what} | ${Math.round(at(all, 0.5))} ms | ${Math.round(at(all, 0.95))} ms | ${Math.round(Math.max(...all))} ms |`
  console.log(`${CALLS} calls each\n`)
  console.log('| from … to the last sound of the prompt at the phone | middle | p95 | worst |')
  console.log('| --- | --- | --- | --- |')
  console.log(row('the listener knows (goal 100 ms)', times.knownToSilent))
  console.log(row('the first sound that the phone sends', times.soundToSilent))
  console.log(row('a key (reference)', times.keyToSilent))
  const known = Math.max(0, Math.round(at(times.knownToSilent, 0.95)))
  const sounded = Math.round(at(times.soundToSilent, 0.5))
  tellMissed([
    { what: 'the listener knows to the last sound, p95', measured: `${known} ms`, wanted: '≤ 100 ms' },
    {
      what: 'the first sound that the phone sends to the last sound, middle',
      measured: `${sounded} ms`,
      wanted: '≤ 100 ms'
    }
  ])
  console.log(`\nvoice, once known, to key: ${(at(times.knownToSilent, 0.5) / at(times.keyToSilent, 0.5)).toFixed(2)}`)
}
