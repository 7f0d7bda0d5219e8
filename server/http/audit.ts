import type { FastifyRequest } from 'fastify'
import type { Db } from '../../sql/database.ts'
import { auditChain, auditLinksAfter, insertAudit } from '../../sql/queries/audit.ts'
import { type ChainBreak, ChainVerifier } from '../compliance/log/chain.ts'
import { actorOf } from './actor.ts'

/** Writes that the caller of this request did something; rejects when it cannot be written. */
export async function audit(
  db: Db,
  request: FastifyRequest,
  action: string,
  subject: Readonly<{ kind: string; id: string }>,
  detail: Readonly<Record<string, unknown>> = {}
): Promise<void> {
  const actor = actorOf(request)
  await insertAudit(db, {
    actorKind: actor.kind,
    actorId: actor.id,
    actorName: actor.name,
    action,
    subjectKind: subject.kind,
    subjectId: subject.id,
    detail,
    ip: request.ip,
    requestId: request.id
  })
}

/** What the check of the audit log found. */
export type AuditVerification = Readonly<{
  broken: ChainBreak | null
  length: number
  head: Readonly<{ seq: number; hash: string }>
  /** Entries up to this one were there before the log was chained. */
  chainedBefore: number
  chainedAt: Date
}>

const BATCH = 2_000

/**
 * Follows the chain of hashes from its first link to its last. A changed entry, a changed hash, a missing one and a cut
 * end are found and named. `checkpoint` is a head that somebody kept elsewhere.
 */
export async function verifyAuditLog(
  db: Db,
  checkpoint?: Readonly<{ seq: number; hash: string }>
): Promise<AuditVerification> {
  const { seq, hash, chainedBefore, chainedAt } = await auditChain(db)
  const verifier = new ChainVerifier()
  let broken: ChainBreak | null = null
  for (let after = 0; ; ) {
    const links = await auditLinksAfter(db, after, BATCH)
    for (const link of links) {
      const isOther = checkpoint !== undefined && link.seq === checkpoint.seq && link.hash !== checkpoint.hash
      if (broken === null && (!link.isSame || isOther)) broken = { seq: link.seq, id: link.id, why: 'changed' }
      verifier.push(link)
      after = link.seq
    }
    if (links.length < BATCH) break
  }
  const missing = verifier.finish(checkpoint !== undefined && checkpoint.seq > seq ? checkpoint : { seq, hash })
  const first = [broken, missing].filter(one => one !== null).sort((a, b) => a.seq - b.seq)[0] ?? null
  return { broken: first, length: verifier.length, head: verifier.head, chainedBefore, chainedAt }
}
