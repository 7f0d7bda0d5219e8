import { sql } from 'kysely'
import type { Db } from '../database.ts'
import { isOfPerson } from '../people-only.ts'

export type BotReportRange = Readonly<{ from: Date; to: Date; language: string | null }>

export type BotTotals = Readonly<{
  conversations: number
  disclosed: number
  done: number
  handover: number
  noAnswer: number
  failed: number
  callerLeft: number
  contained: number
  solved: number
  askedIfSolved: number
  turns: number
  answered: number
  unknown: number
  tokens: number
  cents: number
}>

export type Counted = Readonly<{ name: string; count: number }>

/** A topic is an article: how often it answered, and what became of those conversations. */
export type TopicRow = Readonly<{
  articleId: string
  title: string | null
  answers: number
  conversations: number
  solved: number
  handedOver: number
}>

/** What callers chose in a menu: `count` times, of which `spoken` by voice, in so many calls. */
export type ChoiceRow = Readonly<{
  flowId: string
  node: string
  key: string
  count: number
  spoken: number
  calls: number
}>

/** Half of the turns were faster than `medianMs`, all but a twentieth faster than `p95Ms`. */
export type StageRow = Readonly<{ source: string; stage: string; turns: number; medianMs: number; p95Ms: number }>

/** Conversations of people that began in the range, half-open. */
export async function botTotals(db: Db, range: BotReportRange): Promise<BotTotals> {
  const { rows } = await sql<BotTotals>`
    select count(*)::int as conversations, count(*) filter (where ended_at_step <> 'disclosure')::int as disclosed,
      count(*) filter (where outcome = 'done')::int as done, count(*) filter (where outcome = 'handover')::int as handover,
      count(*) filter (where outcome = 'noAnswer')::int as "noAnswer",
      count(*) filter (where outcome = 'failed')::int as failed,
      count(*) filter (where outcome = 'callerLeft')::int as "callerLeft",
      count(*) filter (where outcome = 'done' or (outcome = 'callerLeft' and answered > 0))::int as contained,
      count(*) filter (where is_solved)::int as solved,
      count(*) filter (where is_solved is not null)::int as "askedIfSolved",
      coalesce(sum(turns), 0)::int as turns, coalesce(sum(answered), 0)::int as answered,
      coalesce(sum(unknown), 0)::int as unknown, coalesce(sum(tokens), 0)::float8 as tokens,
      coalesce(sum(cost_cents), 0)::float8 as cents
    from bot_conversations c where ${within(range)}`.execute(db)
  const [row] = rows
  if (row === undefined) throw new Error('an aggregate gave no row')
  return row
}

/** Why people had to take over, and where callers left. */
export async function botReasons(
  db: Db,
  range: BotReportRange
): Promise<Readonly<{ handOvers: readonly Counted[]; leaving: readonly Counted[]; failures: readonly Counted[] }>> {
  const { rows } = await sql<Counted & { outcome: string }>`
    select outcome, case when outcome = 'callerLeft' then ended_at_step else reason end as name, count(*)::int as count
    from bot_conversations c where outcome in ('handover', 'callerLeft', 'failed') and ${within(range)}
    group by 1, 2 order by count desc, name`.execute(db)
  const of = (outcome: string) =>
    rows.filter(row => row.outcome === outcome).map(({ name, count }) => ({ name, count }))
  return { handOvers: of('handover'), leaving: of('callerLeft'), failures: of('failed') }
}

export async function botTopics(db: Db, range: BotReportRange, limit: number): Promise<readonly TopicRow[]> {
  const { rows } = await sql<TopicRow>`
    select t.article_id as "articleId", a.title, count(*)::int as answers,
      count(distinct c.id)::int as conversations,
      count(distinct c.id) filter (where c.is_solved)::int as solved,
      count(distinct c.id) filter (where c.outcome = 'handover')::int as "handedOver"
    from bot_turns t
    join bot_conversations c on c.id = t.conversation_id
    left join knowledge_articles a on a.id = t.article_id
    where t.article_id is not null and ${within(range)}
    group by t.article_id, a.title order by answers desc, t.article_id limit ${limit}`.execute(db)
  return rows
}

/** What callers wanted of menus, by key and by voice; a language counts as that of the call. */
export async function menuChoices(db: Db, range: BotReportRange, limit: number): Promise<readonly ChoiceRow[]> {
  const { rows } = await sql<ChoiceRow>`
    select e.data ->> 'flowId' as "flowId", e.data ->> 'node' as node, e.data -> 'detail' ->> 'key' as key,
      count(*)::int as count, count(*) filter (where e.data -> 'detail' ->> 'by' = 'speech')::int as spoken,
      count(distinct e.call_id)::int as calls
    from call_events e join cdrs c on c.call_id = e.call_id
    where e.kind = 'nodeLeft' and e.data -> 'detail' ->> 'key' is not null
      and e.data ->> 'outcome' = 'key ' || (e.data -> 'detail' ->> 'key')
      and e.at >= ${range.from} and e.at < ${range.to}
      and (${range.language}::text is null or c.language = ${range.language})
      and ${isOfPerson('e.call_id')}
    group by 1, 2, 3 order by count desc, 1, 2, 3 limit ${limit}`.execute(db)
  return rows
}

/** How long each stage of an answer took, by what answered. */
export async function botStages(db: Db, range: BotReportRange): Promise<readonly StageRow[]> {
  const { rows } = await sql<StageRow>`
    select t.source, stage.name as stage, count(*)::int as turns,
      percentile_cont(0.5) within group (order by stage.ms)::float8 as "medianMs",
      percentile_cont(0.95) within group (order by stage.ms)::float8 as "p95Ms"
    from bot_turns t
    join bot_conversations c on c.id = t.conversation_id
    cross join lateral (values ('retrieval', t.retrieval_ms), ('firstClause', t.first_clause_ms),
      ('speech', t.speech_ms), ('reply', t.reply_ms)) as stage (name, ms)
    where stage.ms is not null and ${within(range)}
    group by t.source, stage.name order by t.source, stage.name`.execute(db)
  return rows
}

function within({ from, to, language }: BotReportRange) {
  return sql<boolean>`c.started_at >= ${from} and c.started_at < ${to}
    and (${language}::text is null or c.language = ${language})
    and ${isOfPerson('c.call_id')}`
}
