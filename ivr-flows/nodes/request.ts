import { type Static, Type } from 'typebox'
import type { RequestOutcome } from '../host.ts'
import { type Json, own, toJson } from '../json.ts'
import {
  failedExit,
  type Move,
  type NodeBehaviour,
  type NodeContext,
  nextExit,
  unexpectedAnswer
} from '../node-kind.ts'
import { closed, common, Failed, Next, ROLE, target, template, VariableName } from '../parts.ts'
import { fillText, fillValue } from '../template.ts'
import { fitVariables } from '../variables.ts'

export const RequestNode = Type.Object(
  {
    kind: Type.Literal('request'),
    ...common,
    method: Type.Optional(Type.Enum(['GET', 'POST', 'PUT', 'PATCH', 'DELETE'], { description: 'Default GET' })),
    url: Type.String({
      minLength: 1,
      maxLength: 2_000,
      description: 'An http or https address; put values in with {{ $encodeUrlComponent(vars.name) }}',
      [ROLE]: 'url'
    }),
    headers: Type.Optional(
      Type.Record(Type.String({ pattern: "^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$" }), template('A header’s value'))
    ),
    body: Type.Optional(
      Type.Unknown({
        description: 'Text, or anything else to be sent as JSON; texts in it are templates',
        [ROLE]: 'template'
      })
    ),
    timeoutMs: Type.Optional(Type.Integer({ minimum: 100, maximum: 30_000, description: 'Default 5000' })),
    maxBytes: Type.Optional(
      Type.Integer({ minimum: 1, maximum: 1_048_576, description: 'Largest answer that is taken (default 65536)' })
    ),
    save: Type.Optional(VariableName),
    byStatus: Type.Optional(
      Type.Record(Type.String({ pattern: '^[1-5]([0-9][0-9]|xx)$' }), target('Where to go with this status'), {
        minProperties: 1,
        description: 'Other ways by status, such as "404" or "5xx"'
      })
    ),
    next: Next,
    failed: Failed
  },
  {
    ...closed,
    description: 'Asks a web service. Afterwards result holds status and body; next is for statuses 200 to 299'
  }
)
export type RequestNode = Static<typeof RequestNode>

export const request: NodeBehaviour<RequestNode> = {
  exits: node => [
    nextExit(node.next),
    ...Object.entries(node.byStatus ?? {}).map(([status, to]) => ({
      name: `status ${status}`,
      target: to,
      path: ['byStatus', status],
      isInput: false,
      isFailure: false,
      otherwise: { kind: 'exit' as const, name: 'failed' }
    })),
    failedExit(node.failed)
  ],
  enter: (context, node) => {
    const { scope } = context
    const url = fillText(node.url, scope)
    if (!/^https?:\/\//i.test(url)) return { kind: 'fail', code: 'BAD_URL', reason: 'the address is not http or https' }
    const headers = new Map(
      Object.entries(node.headers ?? {}).map(([name, value]) => [name.toLowerCase(), fillText(value, scope)])
    )
    const body = bodyOf(node, context)
    if (body !== undefined && typeof node.body !== 'string' && !headers.has('content-type')) {
      headers.set('content-type', 'application/json')
    }
    const { method = 'GET', timeoutMs = 5_000, maxBytes = 65_536 } = node
    const options = { method, url, headers: Object.fromEntries(headers), timeoutMs, maxBytes }
    return { kind: 'ask', ask: { kind: 'request', options: { ...options, ...(body === undefined ? {} : { body }) } } }
  },
  resume: (context, node, answer) => {
    if (answer.kind !== 'request') throw unexpectedAnswer(answer)
    return afterRequest(context, node, answer.outcome)
  }
}

function bodyOf(node: RequestNode, { scope }: NodeContext): string | undefined {
  if (node.body === undefined) return undefined
  return typeof node.body === 'string'
    ? fillText(node.body, scope)
    : JSON.stringify(fillValue(node.body as Json, scope))
}

function afterRequest(context: NodeContext, node: RequestNode, outcome: RequestOutcome): Move {
  if (outcome.kind === 'failed') {
    return { kind: 'fail', code: outcome.code, reason: outcome.reason, changes: { result: { code: outcome.code } } }
  }
  const { status } = outcome
  const body = toJson(outcome.body)
  const result = { status, body }
  const saved = node.save === undefined ? null : fitVariables(context.flow, { [node.save]: body })
  const isOk = status >= 200 && status < 300
  const detail = { status }
  const branch = [`${status}`, `${Math.floor(status / 100)}xx`].find(key => own(node.byStatus, key) !== undefined)
  if (branch === undefined && !isOk) {
    const reason = `the service answered with status ${status}`
    return { kind: 'fail', code: 'BAD_STATUS', reason, detail, changes: { result } }
  }
  if (isOk && saved?.kind === 'misfit') {
    return { kind: 'fail', code: 'WRONG_TYPE', reason: saved.reason, detail, changes: { result } }
  }
  const changes = { result, ...(saved?.kind === 'fit' ? { vars: saved.vars } : {}) }
  return { kind: 'go', exit: branch === undefined ? 'next' : `status ${branch}`, detail, changes }
}
