import { sql } from 'kysely'
import type { Db } from '../../database.ts'

/** A contact in a list, by its id as text. */
export type KnownContact = Readonly<{ id: string; at: Date }>

/**
 * Contacts with any of these numbers, or with any of these e-mail addresses in an own field or as their outside id. Addresses
 * are compared in lower case, and make the database read every contact.
 */
export async function contactsOfPerson(
  db: Db,
  numbers: readonly string[],
  emails: readonly string[]
): Promise<readonly KnownContact[]> {
  if (numbers.length === 0 && emails.length === 0) return []
  const addresses = emails.map(one => one.trim().toLowerCase())
  const byAddress =
    addresses.length === 0
      ? sql``
      : sql`union
    select id, created_at from contacts where lower(external_id) = any(${addresses}::text[])
      or (position('@' in custom::text) > 0
        and exists (select 1 from jsonb_each_text(custom) where lower(btrim(value)) = any(${addresses}::text[])))`
  const { rows } = await sql<KnownContact>`
    select id::text as id, created_at as at from (
      select c.id, c.created_at from contact_numbers n join contacts c on c.id = n.contact_id
      where n.number = any(${[...numbers]}::text[])
      ${byAddress}) as found order by id`.execute(db)
  return rows
}

/** One dial of a campaign to a person. */
export type KnownAttempt = Readonly<{ id: string; contactId: string; at: Date; number: string; state: string }>

/**
 * Attempts to reach these numbers, those to these contacts on whatever number, and those of these calls, also when the contact
 * itself is gone. What was forgotten already has an empty number.
 */
export async function attemptsOfPerson(
  db: Db,
  of: Readonly<{ numbers: readonly string[]; contactIds: readonly string[]; callIds: readonly string[] }>
): Promise<readonly KnownAttempt[]> {
  const { numbers, contactIds, callIds } = of
  if (numbers.length + contactIds.length + callIds.length === 0) return []
  const open = sql`state in ('reserved', 'permitted', 'dialling', 'answered')`
  // Each branch has an index of its own; contacts are found in each campaign.
  const { rows } = await sql<KnownAttempt>`
    select id, contact_id::text as "contactId", reserved_at as at, number, state from campaign_attempts where id in (
      select id from campaign_attempts where number = any(${[...numbers]}::text[]) and ended_at is not null
      union all select id from campaign_attempts where number = any(${[...numbers]}::text[]) and ${open}
      union all select id from campaign_attempts where number = any(${[...numbers]}::text[])
        and ended_at is null and not (${open})
      union all select a.id from campaigns c join campaign_attempts a on a.campaign_no = c.no
        and a.contact_id = any(${[...contactIds]}::bigint[])
      union all select unnest(${[...callIds]}::text[]))
    order by id`.execute(db)
  return rows
}

/** Places of contacts in campaigns. */
export async function leadsOfContacts(
  db: Db,
  contactIds: readonly string[]
): Promise<readonly Readonly<{ campaignNo: number; contactId: string; at: Date }>[]> {
  if (contactIds.length === 0) return []
  const { rows } = await sql<{ campaignNo: number; contactId: string; at: Date }>`
    select l.campaign_no as "campaignNo", l.contact_id::text as "contactId", coalesce(l.last_at, c.created_at) as at
    from campaigns c join campaign_leads l on l.campaign_no = c.no and l.contact_id = any(${[...contactIds]}::bigint[])
    order by l.campaign_no, l.contact_id`.execute(db)
  return rows
}

/** What is kept as proof of a person's calls and leads to nobody: decisions by hash, and consents to recording. */
export async function proofsOfPerson(
  db: Db,
  of: Readonly<{ numberHashes: readonly string[]; callIds: readonly string[] }>
): Promise<
  Readonly<{
    decisions: readonly Proof[]
    consents: readonly Proof[]
    recordingConsents: readonly Proof[]
    stops: readonly Proof[]
  }>
> {
  const hashes = [...of.numberHashes]
  const [decisions, consents, recordingConsents, stops] = await Promise.all([
    sql<Proof>`select d.at, d.outcome, d.reasons, d.call_id as "callId", c.name as campaign, a.placed_at as "placedAt"
      from compliance_decisions d left join compliance_attempts a on a.decision_id = d.id
      left join campaigns c on c.id = d.campaign_id
      where d.number_hash = any(${hashes}::text[]) order by d.seq limit 50000`.execute(db),
    sql<Proof>`select e.id, e.at, e.kind, e.seller, e.grade, e.purposes, e.channels, e.modes, e.evidence, e.expires_at as "expiresAt"
      from consent_events e where e.number_hash = any(${hashes}::text[]) and not exists (
        select 1 from consent_keys k where k.id = e.key_id and (k.sealed_key is not null or k.sealed_part is not null))
      order by e.seq limit 50000`.execute(db),
    sql<Proof>`select r.at, r.call_id as "callId", r.party, r.result, r.policy, r.method, r.language,
      r.prompt_version as "textVersion", p.prompts as text
      from recording_consents r left join recording_prompts p on p.version = r.prompt_version
      where r.call_id = any(${[...of.callIds]}::text[]) order by r.at limit 50000`.execute(db),
    sql<Proof>`select at, kind, scope, channel from dnc_suppressions
      where number_hash = any(${hashes}::text[]) order by id limit 50000`.execute(db)
  ])
  return {
    decisions: decisions.rows,
    consents: consents.rows,
    recordingConsents: recordingConsents.rows,
    stops: stops.rows
  }
}

type Proof = Readonly<Record<string, unknown>>

/** One line of the audit log, without who it was. */
export type UsageRow = Readonly<{ at: Date; who: string; what: string; of: string; id: string }>

/** What was done with any of these things, by the kind of thing and its ids, in order of time. */
export async function usageOf(
  db: Db,
  subjects: readonly Readonly<{ kind: string; ids: readonly string[] }>[]
): Promise<readonly UsageRow[]> {
  const pairs = subjects.flatMap(({ kind, ids }) => ids.map(id => ({ kind, id })))
  if (pairs.length === 0) return []
  const { rows } = await sql<UsageRow>`
    select a.at, a.actor_kind as who, a.action as what, a.subject_kind as of, a.subject_id as id
    from unnest(${pairs.map(one => one.kind)}::text[], ${pairs.map(one => one.id)}::text[]) as s (kind, id)
    join audit_log a on a.subject_kind = s.kind and a.subject_id = s.id
    order by a.id limit 50000`.execute(db)
  return rows
}

/** Every recording that these calls ever had, erased ones too: who heard one is told also afterwards. */
export async function recordingIdsOf(db: Db, callIds: readonly string[]): Promise<readonly string[]> {
  if (callIds.length === 0) return []
  const rows = await db
    .selectFrom('recordings')
    .select('id')
    .where('call_id', 'in', [...callIds])
    .execute()
  return rows.map(row => row.id)
}
