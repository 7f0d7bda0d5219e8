import { type Static, Type } from 'typebox'
import { openingState } from '../calendar/hours.ts'
import type { JsonObject } from '../json.ts'
import { branchExit, type Exit, failedExit, type NodeBehaviour } from '../node-kind.ts'
import { own } from '../json.ts'
import { closed, common, Failed, ROLE, target } from '../parts.ts'

export const HoursNode = Type.Object(
  {
    kind: Type.Literal('hours'),
    ...common,
    calendar: Type.String({
      minLength: 1,
      maxLength: 64,
      description: 'One of the flow’s calendars',
      [ROLE]: 'calendar'
    }),
    open: target('Where to go within the hours'),
    closed: target('Where to go outside the hours'),
    holiday: Type.Optional(target('Where to go when closed for a holiday (default: closed)')),
    failed: Failed
  },
  {
    ...closed,
    description:
      'Goes by opening hours. Afterwards result holds isOpen, rule, name, closesAt, and opensOn and opensAt when closed'
  }
)
export type HoursNode = Static<typeof HoursNode>

export const hours: NodeBehaviour<HoursNode> = {
  exits: node => [
    plain('open', node.open),
    plain('closed', node.closed),
    branchExit('holiday', node.holiday, 'closed', false),
    failedExit(node.failed)
  ],
  enter: (context, node) => {
    const calendar = own(context.flow.calendars, node.calendar)
    if (calendar === undefined) {
      return { kind: 'fail', code: 'UNKNOWN_CALENDAR', reason: `the flow has no calendar ${node.calendar}` }
    }
    const state = openingState(calendar, context.now)
    const exit = state.isOpen ? 'open' : state.rule === 'holiday' ? 'holiday' : 'closed'
    const detail: JsonObject = { rule: state.rule, ...(state.name === null ? {} : { name: state.name }) }
    return { kind: 'go', exit, detail, changes: { result: { ...state } } }
  }
}

function plain(name: 'open' | 'closed', to: string): Exit {
  return { name, target: to, path: [name], isInput: false, isFailure: false, otherwise: { kind: 'end' } }
}
