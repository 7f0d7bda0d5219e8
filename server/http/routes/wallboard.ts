import { Type } from 'typebox'
import { DEFINITIONS } from '../../../sql/reports/definitions.ts'
import type { Wallboard, WallboardView } from '../../queues/wallboard.ts'
import type { App } from '../fastify-types.ts'
import { NullableDate, NullableString, responses } from '../schemas.ts'

const NullableNumber = Type.Union([Type.Number(), Type.Null()])

const Figures = {
  waiting: Type.Integer(),
  longestWaitMs: Type.Integer(),
  longestSince: NullableDate,
  offered: Type.Integer(),
  serviceLevel: NullableNumber,
  abandonment: NullableNumber,
  meanAnswerWaitMs: NullableNumber,
  meanHandleMs: NullableNumber,
  free: Type.Integer(),
  ringing: Type.Integer(),
  talking: Type.Integer(),
  wrapUp: Type.Integer(),
  onBreak: Type.Integer(),
  unreachable: Type.Integer({ description: 'Available, but calls cannot reach them' })
}

export const WallboardSchema = Type.Object({
  asOf: Type.String(),
  windowFrom: Type.String(),
  windowMs: Type.Integer(),
  definitions: Type.Record(Type.String(), Type.String()),
  total: Type.Object(Figures),
  queues: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      isOpen: Type.Boolean(),
      thresholdMs: Type.Integer(),
      goalPercent: Type.Union([Type.Integer(), Type.Null()]),
      ...Figures
    })
  ),
  agents: Type.Array(
    Type.Object({
      id: Type.String(),
      name: Type.String(),
      status: Type.String(),
      statusReason: NullableString,
      nextStatus: NullableString,
      state: Type.String(),
      since: Type.String(),
      isRoutable: Type.Boolean(),
      notRoutable: Type.Array(Type.String()),
      queueId: NullableString,
      callId: NullableString,
      missed: NullableString
    })
  )
})

/** The wallboard as it is now; its changes come with the live events. */
export function registerWallboardRoutes(app: App, { wallboard }: Readonly<{ wallboard: Wallboard }>): void {
  app.get(
    '/wallboard',
    {
      config: { access: 'wallboard:read' },
      schema: {
        summary: 'Who waits, who is free, and the last half hour',
        tags: ['reports'],
        response: responses({ 200: WallboardSchema })
      }
    },
    async () => ({ ...toWallboardJson(await wallboard.view()), definitions: WALLBOARD_DEFINITIONS })
  )
}

/** The board as it is sent. */
export function toWallboardJson(view: WallboardView) {
  const dates = <T extends { longestSince: Date | null }>(figures: T) => ({
    ...figures,
    longestSince: figures.longestSince?.toISOString() ?? null
  })
  return {
    asOf: view.asOf.toISOString(),
    windowFrom: view.windowFrom.toISOString(),
    windowMs: view.windowMs,
    total: dates(view.total),
    queues: view.queues.map(dates),
    agents: view.agents.map(agent => ({
      ...agent,
      notRoutable: [...agent.notRoutable],
      since: agent.since.toISOString()
    }))
  }
}

const { offered, serviceLevel, abandonment, meanAnswerWaitMs, meanHandleMs } = DEFINITIONS
export const WALLBOARD_DEFINITIONS = { offered, serviceLevel, abandonment, meanAnswerWaitMs, meanHandleMs }
