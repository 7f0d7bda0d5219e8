/** Small flows for tests. Prompts are tones, so that a test can hear which one is playing. */

/** Plays 400 Hz for a long time: for calls that are ended from outside. */
export const LONG_TONE = `
id: long-tone
name: Long tone
languages: [en]
defaultLanguage: en
start: tone
onFailure: bye
nodes:
  tone: { kind: say, prompt: { tone: "%(60000,0,400)" }, next: bye }
  bye: { kind: hangup }
`

/** Asks with 440 Hz; 1 leads to 880 Hz and back, 2 to 1200 Hz and the end, silence to 600 Hz and the end. */
export const TONE_MENU = `
id: tone-menu
name: Tone menu
languages: [en, de]
defaultLanguage: en
start: menu
onFailure: failed
nodes:
  menu:
    kind: menu
    prompt: { tone: "%(800,0,440)" }
    timeoutMs: 1000
    attempts: 2
    choices: { "1": one, "2": two, "3": code }
    noInput: silent
    noMatch: silent
  one: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,880)" }, next: menu }
  two: { kind: say, bargeIn: false, prompt: { tone: "%(700,0,1200)" }, next: bye }
  code:
    kind: gather
    prompt: { tone: "%(600,0,520)" }
    min: 4
    max: 4
    attempts: 1
    save: code
    next: two
    noMatch: silent
    noInput: silent
  silent: { kind: say, bargeIn: false, prompt: { tone: "%(500,0,600)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(500,0,300)" }, next: bye }
  bye: { kind: hangup }
vars:
  code: { type: string }
`

/** Waits in the queue `support`; 1300 Hz say that an agent has served the caller, 1700 Hz that none could. */
export const TO_SUPPORT = `
id: to-support
name: To support
languages: [en]
defaultLanguage: en
start: wait
onFailure: sorry
nodes:
  wait:
    kind: queue
    queue: support
    reason: refund for order 4711
    card: { Order: '4711' }
    next: after
    overflow: sorry
    failed: sorry
  after:
    kind: say
    prompt: { tone: '%(1500,0,1300)' }
    next: bye
  sorry:
    kind: say
    prompt: { tone: '%(1500,0,1700)' }
    next: bye
  bye:
    kind: hangup
`
