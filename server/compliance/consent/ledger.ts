import { createHash, randomBytes } from 'node:crypto'
import type { Insertable } from 'kysely'
import type { ConsentEventsTable } from '../../../sql/compliance-tables.ts'
import {
  type ConsentEventRow,
  confirmConsentRequest,
  findOpenConsentRequest,
  consentEventsOf,
  type ConsentPart,
  findConsentPart,
  insertConsentEvent,
  insertConsentEvents,
  insertConsentPart,
  insertConsentRequest,
  listConsentRequests
} from '../../../sql/queries/compliance/consent.ts'
import type { ComplianceDb } from '../../../sql/queries/compliance/db.ts'
import { GRADES, type Grade, MODES, type Mode, PURPOSES, type Purpose } from '../codes.ts'
import type { Consent } from '../facts.ts'
import { SealError } from '../../seal.ts'
import { hashNumber, hashPerson } from '../number-hash.ts'

/** A consent that cannot be taken into the ledger as it is. */
export class ConsentError extends Error {
  override readonly name = 'ConsentError'
  readonly code: 'CONSENT_INCOMPLETE' | 'CONSENT_TOKEN'

  constructor(code: ConsentError['code'], message: string) {
    super(message)
    this.code = code
  }
}

/** Where the consent comes from; whatever names a person is sealed. */
export type Evidence = Readonly<{
  method: 'oral' | 'written' | 'keypress' | 'web' | 'email' | 'sms' | 'import'
  /** Version of the text that was shown or read, by its hash. */
  textVersion?: string
  language?: string
  callId?: string
  recordingRef?: string
  references?: readonly string[]
  /** IP address, form address, user agent, operator: personal, sealed. */
  personal?: Readonly<Record<string, string>>
}>

export type ConsentEvent = Readonly<{
  kind: ConsentEventRow['kind']
  e164: string
  person?: string
  seller: string
  grade: Grade
  purposes?: readonly Purpose[]
  channels?: readonly string[]
  modes?: readonly Mode[]
  coversHours?: boolean
  evidence?: Evidence
  expiresAt?: Date
  at: Date
  recordedBy: string | null
}>

export type LedgerParts = Readonly<{
  db: ComplianceDb
  key: Buffer
  newId(): string
  /** Seals and opens what waits for the answer of a double opt-in. */
  seal(text: string): string
  unseal(sealed: string): string
  /** Seals and opens what of an event names a person, bound to its id. */
  sealPart(id: string, text: string): string
  openPart(id: string, sealedPart: string): string
  /** Opens the part of an event from before: sealed in the event, under a key that is sealed beside it. */
  openEarlierPart(sealedKey: string, sealed: string): string
}>

/** Adds one event. Nothing in the ledger is ever changed. */
export async function recordConsent(parts: LedgerParts, event: ConsentEvent): Promise<string> {
  const { part, row } = toRows(parts, event)
  if (part !== null) await insertConsentPart(parts.db, part)
  await insertConsentEvent(parts.db, row)
  return row.id
}

/** So many rows that committing them costs little beside storing them. */
const BATCH = 10_000

/** Adds many events; in order, ten thousand in a transaction. */
export async function recordConsents(parts: LedgerParts, events: readonly ConsentEvent[]): Promise<void> {
  for (let at = 0; at < events.length; at += BATCH) {
    const made = events.slice(at, at + BATCH).map(event => toRows(parts, event))
    await insertConsentEvents(
      parts.db,
      made.flatMap(one => one.part ?? []),
      made.map(one => one.row)
    )
  }
}

type ConsentRows = Readonly<{
  part: ConsentPart | null
  row: Insertable<ConsentEventsTable>
}>

function toRows(parts: Omit<LedgerParts, 'db'>, event: ConsentEvent): ConsentRows {
  if (event.kind === 'grant' && event.grade === 'none')
    throw new ConsentError('CONSENT_INCOMPLETE', 'a grant needs a form of consent')
  const id = parts.newId()
  const { personal, ...evidence } = event.evidence ?? { method: 'import' as const }
  // Who is looked up by number is known by it; its hash is all that the ledger needs of a consent that says nothing more.
  const namesPerson = personal !== undefined || event.person !== undefined
  const row = {
    id,
    number_hash: hashNumber(parts.key, event.e164),
    person_hash: event.person === undefined ? null : hashPerson(parts.key, event.person),
    kind: event.kind,
    seller: event.seller,
    grade: event.grade,
    purposes: [...(event.purposes ?? [])],
    channels: [...(event.channels ?? [])],
    modes: [...(event.modes ?? [])],
    covers_hours: event.coversHours ?? false,
    has_evidence: hasProof(event),
    evidence: JSON.stringify(evidence),
    sealed: null,
    key_id: namesPerson ? id : null,
    expires_at: event.expiresAt ?? null,
    at: event.at,
    recorded_by: event.recordedBy
  }
  const named = { number: event.e164, ...(personal !== undefined && { personal }) }
  return { part: namesPerson ? { id, sealedPart: parts.sealPart(id, JSON.stringify(named)) } : null, row }
}

/** A consent that nobody could prove later is kept, but marked: rules treat it as unproven. */
function hasProof(event: ConsentEvent): boolean {
  const evidence = event.evidence
  if (evidence === undefined) return false
  return (
    evidence.textVersion !== undefined ||
    evidence.recordingRef !== undefined ||
    evidence.callId !== undefined ||
    (evidence.references?.length ?? 0) > 0
  )
}

/** Withdrawal in one step, on any channel, for the number and the person. In force at once. */
export async function withdrawConsent(
  parts: LedgerParts,
  request: Readonly<{
    e164: string
    person?: string
    seller: string
    at: Date
    channel: string
    recordedBy: string | null
  }>
): Promise<string> {
  return await recordConsent(parts, {
    kind: 'revoke',
    e164: request.e164,
    ...(request.person !== undefined && { person: request.person }),
    seller: request.seller,
    grade: 'none',
    channels: [request.channel],
    at: request.at,
    recordedBy: request.recordedBy
  })
}

/** The consent at an instant: a fold of the events up to then, so that a replay is exact. Null when there never was one. */
export function foldConsent(events: readonly ConsentEventRow[], seller: string | null, at: Date): Consent | null {
  let consent: Consent | null = null
  const ids: string[] = []
  const ordered = events
    .filter(one => one.at <= at && (seller === null || one.seller === seller || one.kind === 'revoke'))
    .toSorted((a, b) => a.at.getTime() - b.at.getTime() || a.seq - b.seq)
  for (const event of ordered) {
    ids.push(event.id)
    switch (event.kind) {
      case 'grant':
      case 'scope_change':
        consent = toConsent(event, consent)
        break
      case 'confirm':
        consent = toConsent({ ...event, grade: 'double_opt_in' }, consent)
        break
      case 'revoke':
        consent = { ...(consent ?? { grade: 'none' }), revokedAt: event.at.toISOString() }
        break
      case 'expire':
        consent = { ...(consent ?? { grade: 'none' }), expiresAt: event.at.toISOString() }
        break
      default:
        event.kind satisfies never
    }
  }
  return consent === null ? null : { ...consent, eventIds: ids }
}

function toConsent(event: ConsentEventRow, before: Consent | null): Consent {
  const purposes = PURPOSES.filter(one => event.purposes.includes(one))
  const modes = MODES.filter(one => event.modes.includes(one))
  return {
    grade: GRADES.find(one => one === event.grade) ?? 'none',
    givenAt: event.at.toISOString(),
    ...(before?.revokedAt !== undefined && { revokedAt: before.revokedAt }),
    ...(event.expiresAt !== null && { expiresAt: event.expiresAt.toISOString() }),
    ...(purposes.length > 0 && { purposes }),
    ...(modes.length > 0 && { modes }),
    ...(event.channels.length > 0 && { channels: [...event.channels] }),
    coversHours: event.coversHours,
    evidence: event.hasEvidence ? 'held' : 'missing'
  }
}

/** Reads and folds. */
export async function consentOf(
  parts: Pick<LedgerParts, 'db' | 'key'>,
  e164: string,
  person: string | null,
  seller: string | null,
  at: Date
): Promise<Consent | null> {
  const events = await consentEventsOf(
    parts.db,
    hashNumber(parts.key, e164),
    person === null ? null : hashPerson(parts.key, person)
  )
  return foldConsent(events, seller, at)
}

const TOKEN_LIFE_MS = 7 * 86_400_000

/** Sends the question of a double opt-in; rejects when it cannot be sent. */
export type OptInSender = (
  message: Readonly<{ channel: 'sms' | 'email'; to: string; token: string; expiresAt: Date }>
) => Promise<void>

/** Begins a double opt-in: stores the question, then sends it. The grant exists only once the answer came. */
export async function askOptIn(
  parts: Pick<LedgerParts, 'db' | 'key' | 'newId' | 'seal'>,
  event: Omit<ConsentEvent, 'kind' | 'at'>,
  message: Readonly<{ channel: 'sms' | 'email'; to: string; at: Date }>,
  send: OptInSender
): Promise<string> {
  const id = parts.newId()
  const token = randomBytes(18).toString('base64url')
  const expiresAt = new Date(message.at.getTime() + TOKEN_LIFE_MS)
  await insertConsentRequest(parts.db, {
    id,
    token_hash: hashToken(token),
    channel: message.channel,
    event: JSON.stringify({ sealed: parts.seal(JSON.stringify(event)) }),
    number_hash: hashNumber(parts.key, event.e164),
    sent_at: message.at,
    expires_at: expiresAt,
    confirmed_at: null
  })
  await send({ channel: message.channel, to: message.to, token, expiresAt })
  return id
}

/** In whose name an open question was asked; null when the token is unknown, used or too old. Changes nothing. */
export async function sellerOfOptIn(
  parts: Pick<LedgerParts, 'db' | 'unseal'>,
  token: string,
  at: Date
): Promise<string | null> {
  const request = await findOpenConsentRequest(parts.db, hashToken(token), at)
  if (request === undefined) return null
  const event: Pick<ConsentEvent, 'seller'> = JSON.parse(parts.unseal(String(request.event['sealed'])))
  return event.seller
}

/** The answer of a double opt-in. Works once and in time; the whole exchange becomes the evidence. */
export async function confirmOptIn(parts: LedgerParts, token: string, at: Date): Promise<string> {
  const request = await confirmConsentRequest(parts.db, hashToken(token), at)
  if (request === undefined) throw new ConsentError('CONSENT_TOKEN', 'the link is unknown, used or too old')
  const event: Omit<ConsentEvent, 'kind' | 'at'> = JSON.parse(parts.unseal(String(request.event['sealed'])))
  return await recordConsent(parts, {
    ...event,
    ...(event.expiresAt !== undefined && { expiresAt: new Date(event.expiresAt) }),
    kind: 'confirm',
    grade: 'double_opt_in',
    at,
    evidence: {
      ...(event.evidence ?? { method: request.channel === 'sms' ? 'sms' : 'email' }),
      references: [
        ...(event.evidence?.references ?? []),
        `opt-in:${request.id}`,
        `sent:${request.sentAt.toISOString()}`,
        `confirmed:${at.toISOString()}`
      ]
    }
  })
}

/** Every message that asked for consent about these numbers, answered or not. */
export async function consentRequestsOf(
  parts: Pick<LedgerParts, 'db' | 'key' | 'unseal'>,
  numbers: readonly string[]
): Promise<readonly Readonly<{ id: string; sentAt: Date }>[]> {
  if (numbers.length === 0) return []
  const rows = await listConsentRequests(
    parts.db,
    numbers.map(one => hashNumber(parts.key, one))
  )
  return rows.filter(
    row =>
      row.numberHash !== null ||
      // From before the hash was kept: only the sealed part says whom it was about.
      numbers.includes((JSON.parse(parts.unseal(String(row.event['sealed']))) as { e164: string }).e164)
  )
}

function hashToken(token: string): string {
  return createHash('sha256').update(token).digest('base64url')
}

/** What of an event names a person: `erased` once it was, `unreadable` where it was changed or sealed with another secret. */
export type NamedPerson = Readonly<
  | { state: 'open'; number: string; personal?: Readonly<Record<string, string>> }
  | { state: 'none' | 'erased' | 'unreadable' }
>

export async function openConsent(
  parts: Pick<LedgerParts, 'db' | 'openPart' | 'openEarlierPart'>,
  event: Pick<ConsentEventRow, 'keyId' | 'sealed'>
): Promise<NamedPerson> {
  if (event.keyId === null) return { state: 'none' }
  const kept = await findConsentPart(parts.db, event.keyId)
  try {
    if (kept?.sealedPart != null) return { state: 'open', ...JSON.parse(parts.openPart(event.keyId, kept.sealedPart)) }
    if (kept?.sealedKey != null && event.sealed !== null)
      return { state: 'open', ...JSON.parse(parts.openEarlierPart(kept.sealedKey, event.sealed)) }
    return { state: 'erased' }
  } catch (err) {
    if (err instanceof SealError) return { state: 'unreadable' }
    throw err
  }
}
