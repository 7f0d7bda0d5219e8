import type { FastifyRequest } from 'fastify'
import { AppError } from '../errors.ts'
import type { Actor } from './fastify-types.ts'

/** The proved caller of a route that is not public. */
export function actorOf(request: FastifyRequest): Actor {
  if (request.actor === null) throw new AppError('NOT_SIGNED_IN', 'This needs a session or an API key.')
  return request.actor
}
