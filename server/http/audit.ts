import type { FastifyRequest } from 'fastify'
import type { Db } from '../../sql/database.ts'
import { insertAudit } from '../../sql/queries/audit.ts'
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
