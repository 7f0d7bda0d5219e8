import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { sql } from 'kysely'
import { newId } from '../../server/ids.ts'
import type { TestParley } from '../support/parley.ts'

/** Somebody about whom everything is known, by three numbers and an address. */
export const BERTA = {
  number: '+12025550191',
  /** Of her contact too; no request names it. */
  work: '+12025550192',
  /** Of a contact that was deleted since. */
  old: '+12025550193',
  email: 'Berta.Weber@example.com',
  /** Stands in whatever anybody wrote about her. */
  name: 'Bertawebersays'
} as const

type Fill = (place: Readonly<{ server: TestParley; callId: string }>) => Promise<void>

/**
 * Puts something of Berta's into each store. What a recorded call with a transcript brings is there already: `callId` is
 * such a call from her number.
 */
export const FILLS: Readonly<Record<string, Fill>> = {
  recordings: async () => {},
  transcripts: async () => {},
  searchIndex: async () => {},
  calls: async ({ server, callId }) => {
    await sql`insert into call_events (call_id, seq, at, kind, data)
      values (${callId}, 900, now(), 'test', ${JSON.stringify({ number: BERTA.number })}::jsonb)`.execute(
      server.parley.db
    )
  },
  voicemails: async ({ server, callId }) => {
    await mkdir(join(server.dataDir, 'voicemail'), { recursive: true })
    await writeFile(join(server.dataDir, 'voicemail', 'berta.sealed'), BERTA.name)
    await sql`insert into voicemails (id, call_id, mailbox, file, sealed_key, duration_ms, bytes)
      values (${newId()}, ${callId}, 'support', 'voicemail/berta.sealed', 'none', 1000, 1)`.execute(server.parley.db)
  },
  notes: async ({ server, callId }) => {
    await sql`insert into call_notes (call_id, agent_id, note, updated_at)
      select ${callId}, id, ${BERTA.name}, now() from agents limit 1`.execute(server.parley.db)
  },
  comments: async ({ server, callId }) => {
    await sql`insert into call_comments (id, call_id, at_ms, text, author_id, author_name)
      values (${newId()}, ${callId}, 100, ${BERTA.name}, 'quinn', 'Quinn')`.execute(server.parley.db)
  },
  reviewNotes: async ({ server, callId }) => {
    const { db } = server.parley
    const answers = JSON.stringify({ greeting: { value: 'yes', note: BERTA.name } })
    await sql`insert into scorecards (id, name, draft, version, created_by) values ('card', 'Card', '{}', 1, 'quinn')`.execute(
      db
    )
    await sql`insert into scorecard_versions (scorecard_id, version, body, published_by) values ('card', 1, '{}', 'quinn')`.execute(
      db
    )
    await sql`insert into reviews (id, call_id, scorecard_id, version, kind, reviewer_id, reviewer_name, answers, note, coaching, status, percent)
      values ('review', ${callId}, 'card', 1, 'review', 'quinn', 'Quinn', ${answers}::jsonb, ${BERTA.name}, ${BERTA.name}, 'settled', 80)`.execute(
      db
    )
    await sql`insert into review_history (review_id, by_id, what, answers) values ('review', 'quinn', 'submitted', ${answers}::jsonb)`.execute(
      db
    )
    await sql`insert into review_disputes (id, review_id, raised_by, reason) values ('dispute', 'review', 'agent', ${BERTA.name})`.execute(
      db
    )
  },
  clips: async ({ server, callId }) => {
    await sql`insert into clips (id, call_id, from_ms, to_ms, title, watermark, with_audio, token_hash, created_by, expires_at)
      values (${newId()}, ${callId}, 0, 500, ${BERTA.name}, ${BERTA.name}, false, ${newId()}, 'quinn', now() + interval '1 day')`.execute(
      server.parley.db
    )
  },
  surveyAnswers: async ({ server, callId }) => {
    await sql`insert into survey_answers (call_id, flow_id, question, answer, answered_at)
      values (${callId}, 'flow', 'How was it?', ${BERTA.name}, now())`.execute(server.parley.db)
  },
  botQuestions: async ({ server, callId }) => {
    await sql`insert into bot_questions (id, call_id, language, question, words, asked_at)
      values (${newId()}, ${callId}, 'en', ${BERTA.name}, ${[BERTA.name]}::text[], now())`.execute(server.parley.db)
  },
  callbacks: async ({ server, callId }) => {
    // She asked to be called back elsewhere: the call leads to it, and the number does not.
    await sql`insert into queue_callbacks (id, call_id, number, place_from_at, status)
      values (${newId()}, ${callId}, ${BERTA.old}, now(), 'done')`.execute(server.parley.db)
  },
  languages: async ({ server }) => {
    await sql`insert into caller_languages (number, language, chosen_at) values (${BERTA.number}, 'en', now())`.execute(
      server.parley.db
    )
  },
  consents: async ({ server }) => {
    await must(
      server.api('POST', '/consents', {
        number: BERTA.number,
        seller: 'Example',
        grade: 'oral_express',
        evidence: { method: 'oral', textVersion: 'text-7', personal: { operator: BERTA.name } }
      })
    )
    // Of which nothing names her but her number: proof, of which she gets a copy and nothing is erased.
    await must(
      server.api('POST', '/consents', {
        number: BERTA.number,
        seller: 'Example Two',
        grade: 'oral_express',
        evidence: { method: 'oral', textVersion: 'text-9' }
      })
    )
    // On a number of which the request knows nothing, by her address.
    await must(
      server.api('POST', '/consents', {
        number: '+12025550194',
        person: BERTA.email,
        seller: 'Example',
        grade: 'oral_express',
        evidence: { method: 'web', textVersion: 'text-8' }
      })
    )
  },
  consentRequests: async ({ server }) => {
    await must(
      server.api('POST', '/consents/opt-in', {
        number: BERTA.number,
        seller: 'Example',
        channel: 'email',
        email: BERTA.email
      })
    )
  },
  // An earlier copy, with its file on the disk, and the request that wanted it.
  exports: async () => {},
  requests: async () => {},
  contacts: async ({ server }) => {
    await place(server, 'berta-list', [BERTA.number, BERTA.work], { mail: BERTA.email, note: BERTA.name })
  },
  leads: async ({ server }) => {
    const { db } = server.parley
    await sql`insert into campaigns (id, name, pacing, settings, settings_hash) values ('camp', 'Spring', 'preview', '{}', '')`.execute(
      db
    )
    await sql`insert into campaign_leads (campaign_no, contact_id, place_id, next_at, callback_at, callback_note)
      select c.no, p.id, 1, now(), now(), ${BERTA.name} from campaigns c, contacts p
      where c.id = 'camp' and p.name = ${BERTA.name}`.execute(db)
  },
  attempts: async ({ server }) => {
    const { db } = server.parley
    const dial = async (id: string, contactId: string, number: string) => {
      await sql`insert into campaign_attempts (id, campaign_no, contact_id, position, number, place_id, state, outcome,
          control_plane_id, reserved_at, ended_at)
        select ${id}, no, ${contactId}::bigint, 0, ${number}, 1, 'over', 'answered', 'test', now(), now()
        from campaigns where id = 'camp'`.execute(db)
      await sql`insert into cdrs (call_id, direction, caller_number, called_number, language, state, started_at, ended_at, last_seq, control_plane_id)
        values (${id}, 'outbound', '+12025550100', ${number}, 'en', 'ended', now(), now(), 1, 'test')`.execute(db)
      await sql`insert into call_events (call_id, seq, at, kind, data)
        values (${id}, 1, now(), 'started', ${JSON.stringify({ calledNumber: number })}::jsonb)`.execute(db)
    }
    const { rows } = await sql<{ id: string }>`select id::text as id from contacts where name = ${BERTA.name}`.execute(
      db
    )
    await dial(newId(), rows[0]?.id ?? '', BERTA.work)
    // The one who was in a list before, was dialled on two numbers, and was taken out of it.
    const gone = await place(server, 'old-list', [BERTA.number, BERTA.old], {})
    await sql`insert into campaign_leads (campaign_no, contact_id, place_id, next_at, callback_note)
      select no, ${gone}::bigint, 1, now(), ${BERTA.name} from campaigns where id = 'camp'`.execute(db)
    await dial(newId(), gone, BERTA.number)
    await dial(newId(), gone, BERTA.old)
    const removed = await server.api('DELETE', `/contacts/${gone}`)
    if (removed.status !== 204) throw new Error(JSON.stringify(removed.body))
  }
}

/** A contact of Berta's in a list of its own; returns its id. */
async function place(
  server: TestParley,
  list: string,
  numbers: readonly string[],
  custom: Readonly<Record<string, string>>
): Promise<string> {
  const { db } = server.parley
  await sql`insert into contact_places (key, jurisdictions, zones) values (${list}, '{US}', '{}')`.execute(db)
  await sql`insert into contact_lists (id, name) values (${list}, ${list})`.execute(db)
  const { rows } = await sql<{ id: string }>`
    insert into contacts (list_no, name, custom)
    select no, ${BERTA.name}, ${JSON.stringify(custom)}::jsonb from contact_lists where id = ${list}
    returning id::text as id`.execute(db)
  const id = rows[0]?.id ?? ''
  for (const [position, number] of numbers.entries())
    await sql`insert into contact_numbers (contact_id, position, list_no, number, place_id)
      select ${id}::bigint, ${position}, no, ${number}, 1 from contact_lists where id = ${list}`.execute(db)
  return id
}

async function must(answer: Promise<Readonly<{ status: number; body: unknown }>>): Promise<void> {
  const { status, body } = await answer
  if (status >= 300) throw new Error(JSON.stringify(body))
}
