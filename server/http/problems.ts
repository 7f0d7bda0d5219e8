import type { FastifyError, FastifyReply, FastifyRequest } from 'fastify'
import { STATUS_CODES } from 'node:http'
import {
  AppError,
  ERROR_CODES,
  type ErrorCode,
  type InputProblem,
  isDatabaseUnavailable,
  isDuplicate
} from '../errors.ts'
import { QualityError } from '../quality/errors.ts'
import type { App } from './fastify-types.ts'

const TYPE = 'application/problem+json'

/** Every error leaves as problem details (RFC 9457) with a stable `code`; 500-class messages stay inside. */
export function registerProblems(app: App): void {
  app.setErrorHandler((err: FastifyError, request, reply) => {
    const known = isBrokenOff(request) ? brokenOff(request, err) : toAppError(err)
    if (known.httpStatus >= 500) request.log.error({ err, code: known.code }, 'a request failed')
    if (known.retryAfterSeconds !== undefined) reply.header('retry-after', known.retryAfterSeconds)
    return sendProblem(request, reply, known)
  })
  app.setNotFoundHandler((request, reply) =>
    sendProblem(request, reply, new AppError('NOT_FOUND', 'No route has this path and method.'))
  )
}

function sendProblem(request: FastifyRequest, reply: FastifyReply, err: AppError): FastifyReply {
  const { http, title } = ERROR_CODES[err.code]
  return reply
    .status(http)
    .type(TYPE)
    .send({
      type: `urn:parley:error:${err.code}`,
      title,
      status: http,
      code: err.code,
      ...(http !== 500 && { detail: err.message }),
      ...(err.problems.length > 0 && { problems: err.problems }),
      instance: request.id
    })
}

/** Whether the body ended before it was whole, whatever error that became on the way. */
function isBrokenOff({ raw }: FastifyRequest): boolean {
  return raw.destroyed && !raw.complete
}

/** Nobody is there any more who could read an answer: the log says what became of it. */
function brokenOff(request: FastifyRequest, err: FastifyError): AppError {
  request.log.info({ err, route: request.routeOptions.url }, 'a request broke off before its end')
  return new AppError('VALIDATION_FAILED', 'The request broke off before its end.', { cause: err })
}

function toAppError(err: FastifyError): AppError {
  if (err instanceof AppError) return err
  if (err instanceof QualityError) return new AppError(err.code, err.message, { cause: err, problems: err.problems })
  if (err.validation !== undefined) {
    const place = err.validationContext ?? 'body'
    const problems = err.validation.map(
      (one): InputProblem => ({ at: `/${place}${one.instancePath}`, message: one.message ?? 'is not right' })
    )
    return new AppError('VALIDATION_FAILED', problems.map(one => `${one.at} ${one.message}`).join('; '), { problems })
  }
  if (isDatabaseUnavailable(err))
    return new AppError('DATABASE_UNAVAILABLE', 'Try again in a moment.', { cause: err, retryAfterSeconds: 2 })
  // A change that would give two things one name; what makes new things says more of it where it happens.
  if (isDuplicate(err))
    return new AppError('CONFLICT', 'Something else has this name or number already.', { cause: err })
  const code = CODES_BY_STATUS[err.statusCode ?? 500]
  if (code !== undefined) return new AppError(code, err.message, { cause: err })
  if (err.statusCode !== undefined && err.statusCode < 500)
    return new AppError('VALIDATION_FAILED', err.message || (STATUS_CODES[err.statusCode] ?? 'Bad request'), {
      cause: err
    })
  return new AppError('INTERNAL', 'internal', { cause: err })
}

const CODES_BY_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: 'VALIDATION_FAILED',
  413: 'PAYLOAD_TOO_LARGE',
  415: 'UNSUPPORTED_MEDIA_TYPE',
  429: 'TOO_MANY_REQUESTS'
}
