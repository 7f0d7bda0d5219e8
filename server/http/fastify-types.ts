import type { TypeBoxTypeProvider } from '@fastify/type-provider-typebox'
import type {
  FastifyBaseLogger,
  FastifyInstance,
  RawReplyDefaultExpression,
  RawRequestDefaultExpression,
  RawServerDefault
} from 'fastify'
import type { ApiKeyRole } from '../../sql/tables.ts'
import type { Permission } from './permissions.ts'

export type App = FastifyInstance<
  RawServerDefault,
  RawRequestDefaultExpression,
  RawReplyDefaultExpression,
  FastifyBaseLogger,
  TypeBoxTypeProvider
>

/** Who makes a request, once it has been proved. */
export type Actor = Readonly<{
  kind: 'user' | 'api-key'
  id: string
  name: string
  displayName: string
  role: ApiKeyRole
  language: string
  /** Hash of the session token; null for API keys. */
  sessionHash: string | null
}>

declare module 'fastify' {
  interface FastifyContextConfig {
    /** What the caller must be permitted to do, or 'public' for a route that anybody may call. */
    access?: Permission | 'public'
    /** The body is a file, which may take as long as some of it comes. */
    takesFile?: boolean
  }
  interface FastifyInstance {
    /** Compiles every schema now instead of when it is first needed; throws for one that cannot be. */
    compileSchemas(): void
  }
  interface FastifyRequest {
    actor: Actor | null
  }
}
