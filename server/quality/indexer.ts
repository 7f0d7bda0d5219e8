import type { Db } from '../../sql/database.ts'
import {
  type CallToIndex,
  type NewDocument,
  listQueued,
  readCallsToIndex,
  removeQueued,
  replaceDocuments
} from '../../sql/queries/quality/search.ts'
import type { Transcript, TranscriptParts } from './transcript-store.ts'
import { readTranscripts } from './transcript-store.ts'
import { indexedText } from './redact.ts'
import { classOf, dayOf, facet, primaryOf, quoteLexeme, segmentsVector, WEIGHTS, wordRule } from './search-words.ts'

const BATCH = 100
/** Words in one row of the index; positions end at 16,383 and every utterance leaves a gap. */
const WORDS_PER_PART = 10_000

export type IndexParts = TranscriptParts &
  Readonly<{
    configs: ReadonlySet<string>
    /** Whether processing of this number's calls is restricted: such calls are not found. */
    isRestricted(number: string): Promise<boolean>
    /** Calls among these that have a recording. */
    withRecording(callIds: readonly string[]): Promise<ReadonlySet<string>>
    /** A transcript that cannot be opened: its call is found by everything but its words. */
    onUnreadable(callId: string, err: unknown): void
  }>

/**
 * Brings the index up to date with calls that have ended or changed since. Several control planes may do so at once: what
 * has changed after it was read is not written but read again. Returns how many were looked at.
 */
export async function indexQueued(parts: IndexParts): Promise<number> {
  let done = 0
  for (;;) {
    const taken = await listQueued(parts.db, BATCH)
    if (taken.length === 0) return done
    const ids = taken.map(one => one.callId)
    const documents = await readDocuments(parts, ids)
    await parts.db.transaction().execute(async trx => {
      const unchanged = new Set(await removeQueued(trx, taken))
      await replaceDocuments(
        trx,
        [...unchanged],
        documents.filter(one => unchanged.has(one.callId))
      )
    })
    done += taken.length
    if (taken.length < BATCH) return done
  }
}

async function readDocuments(parts: IndexParts, callIds: readonly string[]): Promise<readonly NewDocument[]> {
  const calls = await readCallsToIndex(parts.db, callIds)
  const [transcripts, recorded] = await Promise.all([
    readTranscripts(parts, callIds, parts.onUnreadable),
    parts.withRecording(callIds)
  ])
  const documents: NewDocument[] = []
  for (const call of calls) {
    if (call.customer !== null && (await parts.isRestricted(call.customer))) continue
    documents.push(...documentsOf(call, transcripts.get(call.callId) ?? null, recorded.has(call.callId), parts.configs))
  }
  return documents
}

/** Removes calls from the index, such as those of an erased person. */
export async function unindexCalls(db: Db, callIds: readonly string[]): Promise<void> {
  await replaceDocuments(db, callIds, [])
}

/** The rows of one call: its facets, and its words where there is a transcript. Personal words are not among them. */
export function documentsOf(
  call: CallToIndex,
  transcript: Transcript | null,
  isRecorded: boolean,
  configs: ReadonlySet<string>
): readonly NewDocument[] {
  const language = transcript?.row.language ?? call.language ?? 'und'
  const rule = wordRule(language, configs)
  const silenceMs = transcript?.row.longest_silence_ms ?? 0
  const overlapMs = transcript?.row.overlap_ms ?? 0
  const month = dayOf(call.startedAt).slice(0, 6)
  const facets = [
    facet('day', dayOf(call.startedAt)),
    facet('month', month),
    facet('language', primaryOf(language)),
    facet('direction', call.direction),
    ...call.queueIds.map(id => facet('queue', id)),
    ...call.agentIds.map(id => facet('agent', id)),
    ...call.outcomes.map(code => facet('outcome', code)),
    ...call.tags.map(tag => facet('tag', tag)),
    ...(call.flowId === null ? [] : [facet('flow', call.flowId)]),
    ...(call.campaignId === null ? [] : [facet('campaign', call.campaignId)]),
    facet('duration', String(classOf(call.durationMs))),
    facet('silence', String(classOf(silenceMs))),
    facet('overlap', String(classOf(overlapMs))),
    ...(transcript === null ? [] : [facet('has', 'transcript')]),
    ...(isRecorded ? [facet('has', 'recording')] : []),
    ...(call.reviews > 0 ? [facet('has', 'review')] : [])
  ]
  const facetVector = facets.map(quoteLexeme).join(' ')
  return parted(transcript).map((utterances, part) => {
    const spoken = utterances.map(one => ({
      weight: WEIGHTS[one.speaker],
      text: indexedText(one.text, one.personal)
    }))
    const said = (weight: 'A' | 'B' | 'C') =>
      spoken
        .filter(one => one.weight === weight)
        .map(one => one.text)
        .join('\n')
    return {
      callId: call.callId,
      part,
      startedAt: call.startedAt,
      durationMs: call.durationMs,
      longestSilenceMs: silenceMs,
      overlapMs,
      config: rule.kind === 'config' ? rule.config : 'simple',
      spoken: rule.kind === 'config' ? { A: said('A'), B: said('B'), C: said('C') } : { A: '', B: '', C: '' },
      vector: rule.kind === 'config' ? facetVector : `${facetVector} ${segmentsVector(spoken, rule.language)}`
    }
  })
}

function parted(transcript: Transcript | null): readonly (readonly Transcript['utterances'][number][])[] {
  if (transcript === null) return [[]]
  const parts: Transcript['utterances'][number][][] = [[]]
  let words = 0
  for (const utterance of transcript.utterances) {
    words += 1 + utterance.text.split(/\s+/).length + utterance.text.length / 8
    if (words > WORDS_PER_PART) {
      parts.push([])
      words = 0
    }
    parts.at(-1)?.push(utterance)
  }
  return parts
}
