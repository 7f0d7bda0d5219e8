import { Type } from 'typebox'
import type { AgentService } from '../../agents/agent-service.ts'
import type { QueueService } from '../../queues/queue-service.ts'
import type { App } from '../fastify-types.ts'
import { PageQuery, pageOf, responses } from '../schemas.ts'

const PersonSchema = Type.Object({
  id: Type.String(),
  displayName: Type.String(),
  status: Type.Enum(['offline', 'available', 'onBreak']),
  state: Type.Enum(['idle', 'reserved', 'ringing', 'talking', 'wrapUp'])
})

const QueueSchema = Type.Object({
  id: Type.String(),
  name: Type.String(),
  labels: Type.Record(Type.String(), Type.String()),
  isOpen: Type.Boolean(),
  waiting: Type.Integer(),
  longestWaitMs: Type.Integer()
})

/** What an agent may know of colleagues and queues for a transfer: who is there, and how long the wait is. */
export function registerDirectoryRoutes(
  app: App,
  { agents, queues }: Readonly<{ agents: AgentService; queues: QueueService }>
): void {
  app.get(
    '/directory/people',
    {
      config: { access: 'session' },
      schema: {
        summary: 'Colleagues who take calls',
        tags: ['directory'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(PersonSchema) })
      }
    },
    async () => ({
      items: agents
        .views()
        .map(({ id, profile, status, state }) => ({ id, displayName: profile.displayName, status, state })),
      nextCursor: null
    })
  )

  app.get(
    '/directory/queues',
    {
      config: { access: 'session' },
      schema: {
        summary: 'Queues, with who waits there now',
        tags: ['directory'],
        querystring: PageQuery,
        response: responses({ 200: pageOf(QueueSchema) })
      }
    },
    async () => ({
      items: queues.queues().map(queue => {
        const { waiting, longestWaitMs } = queues.load(queue.id)
        const { id, name, labels } = queue
        return { id, name, labels, isOpen: queues.isOpen(queue), waiting, longestWaitMs: Math.round(longestWaitMs) }
      }),
      nextCursor: null
    })
  )
}
