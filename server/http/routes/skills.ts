import { Type } from 'typebox'
import { deleteSkill, insertSkill, listSkills, updateSkill } from '../../../sql/queries/queues.ts'
import { AppError, refuseDuplicate } from '../../errors.ts'
import { audit } from '../audit.ts'
import type { App } from '../fastify-types.ts'
import { responses } from '../schemas.ts'
import { SkillName } from './queue-schemas.ts'
import type { QueueRouteParts } from './queues.ts'

const Description = Type.String({ maxLength: 500 })

const SkillSchema = Type.Object({
  name: SkillName,
  description: Description,
  agents: Type.Integer({ description: 'How many agents have it' }),
  queues: Type.Array(Type.String(), { description: 'Queues that ask for it' })
})

const NameParams = Type.Object({ name: SkillName })

/** Skills: words that queues ask for and agents have. */
export function registerSkillRoutes(app: App, { db }: Pick<QueueRouteParts, 'db'>): void {
  app.get(
    '/skills',
    {
      config: { access: 'queues:read' },
      schema: {
        summary: 'List skills',
        tags: ['agents'],
        response: responses({ 200: Type.Object({ items: Type.Array(SkillSchema) }) })
      }
    },
    async () => ({ items: (await listSkills(db)).map(skill => ({ ...skill, queues: [...skill.queues] })) })
  )

  app.post(
    '/skills',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Add a skill',
        tags: ['agents'],
        body: Type.Object(
          { name: SkillName, description: Type.Optional(Description) },
          { additionalProperties: false }
        ),
        response: responses({ 201: SkillSchema })
      }
    },
    async (request, reply) => {
      const { name, description = '' } = request.body
      await insertSkill(db, { name, description }).catch(refuseDuplicate(`A skill ${name} exists.`))
      await audit(db, request, 'skill.created', { kind: 'skill', id: name })
      return reply.status(201).send({ name, description, agents: 0, queues: [] })
    }
  )

  app.patch(
    '/skills/:name',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Describe a skill',
        tags: ['agents'],
        params: NameParams,
        body: Type.Object({ description: Description }, { additionalProperties: false }),
        response: responses({ 200: SkillSchema })
      }
    },
    async request => {
      const { name } = request.params
      if (!(await updateSkill(db, name, request.body.description)))
        throw new AppError('NOT_FOUND', 'No skill has this name.')
      await audit(db, request, 'skill.changed', { kind: 'skill', id: name })
      return await existing(name)
    }
  )

  app.delete(
    '/skills/:name',
    {
      config: { access: 'queues:write' },
      schema: {
        summary: 'Remove a skill that nothing uses',
        tags: ['agents'],
        params: NameParams,
        response: responses({ 204: Type.Null() })
      }
    },
    async (request, reply) => {
      const { name } = request.params
      const { agents, queues } = await existing(name)
      const places = [...queues.map(queue => `queue ${queue}`), ...(agents > 0 ? [`${agents} agents`] : [])]
      if (places.length > 0) throw new AppError('IN_USE', `It is used by ${places.join(', ')}.`)
      await deleteSkill(db, name)
      await audit(db, request, 'skill.removed', { kind: 'skill', id: name })
      return reply.status(204).send(null)
    }
  )

  async function existing(name: string) {
    const skill = (await listSkills(db)).find(one => one.name === name)
    if (skill === undefined) throw new AppError('NOT_FOUND', 'No skill has this name.')
    return { ...skill, queues: [...skill.queues] }
  }
}
