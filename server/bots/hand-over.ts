import type { HandOverReason } from '../../ivr-flows/host.ts'
import { withoutCards } from '../quality/redact.ts'
import { wishIn } from './caller-words.ts'

/** One thing that was said to or by a bot. `atMs` since the bot began. */
export type BotUtterance = Readonly<{ speaker: 'customer' | 'bot'; text: string; atMs: number }>

/** What an agent gets from a bot, before the ring. It lives as long as the call and is written nowhere. */
export type BotHandOver = Readonly<{
  reason: HandOverReason
  /** One line: what the customer wants, in the customer's words. */
  summary: string
  utterances: readonly BotUtterance[]
  /** What tools have proved to be this customer's. */
  facts: readonly Readonly<{ label: string; value: string }>[]
  /** Titles of articles that were read to the customer. */
  topics: readonly string[]
  mood: 'calm' | 'annoyed'
  endedAt: Date
}>

const MAX_SUMMARY_CHARACTERS = 140
const MAX_UTTERANCES = 100
/** Shorter answers, such as yes and no, say nothing by themselves. */
const SHORTEST_MATTER = 6

/** Puts a hand-over together. Card numbers that were said are taken out first. */
export function toHandOver(given: Omit<BotHandOver, 'summary'>, language: string): BotHandOver {
  const said = given.utterances.map(({ speaker, text, atMs }) => ({ speaker, text, startMs: atMs, endMs: atMs }))
  const utterances = withoutCards(said, language).utterances.map(
    ({ text }, index): BotUtterance => ({ ...(given.utterances[index] as BotUtterance), text })
  )
  const summary = summaryOf(utterances, given.topics, language)
  return { ...given, utterances: utterances.slice(-MAX_UTTERANCES), summary }
}

/** The last thing that the customer asked in more than a word or two, apart from asking for a person. */
function summaryOf(utterances: readonly BotUtterance[], topics: readonly string[], language: string): string {
  const asked = utterances.filter(one => one.speaker === 'customer').map(one => one.text.trim())
  const matters = asked.filter(text => wishIn(text, language) === null && text.length >= SHORTEST_MATTER)
  const words = matters.at(-1) ?? asked.at(-1) ?? topics.at(-1) ?? ''
  return words.length <= MAX_SUMMARY_CHARACTERS ? words : `${words.slice(0, MAX_SUMMARY_CHARACTERS - 1)}…`
}
