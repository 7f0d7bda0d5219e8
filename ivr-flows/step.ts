import { wayOf, exitsOf, nodeOf } from './exits.ts'
import { ExpressionError, type Scope } from './expression.ts'
import type { Flow, FlowNode } from './flow.ts'
import type { FlowEnd, NodeDeparture, NodeVisit } from './host.ts'
import type { JsonObject } from './json.ts'
import {
  type Answer,
  type Ask,
  type Changes,
  FlowStepError,
  type Move,
  type NodeContext,
  type Tell
} from './node-kind.ts'
import { behaviourOf } from './nodes/kinds.ts'
import { returned } from './nodes/subflow.ts'
import { resolvePrompts } from './prompts.ts'
import { DEFAULT_MAX_DURATION_MS, DEFAULT_MAX_STEPS } from './schema.ts'
import type { CallFacts, FlowState, Frame } from './state.ts'
import { fitVariables, initialVariables, startVariables } from './variables.ts'

/** What drives a flow: it starts, and each ask is answered. */
export type FlowEvent = Readonly<{ kind: 'started' }> | Readonly<{ kind: 'answered'; answer: Answer }>

/** What the driver is to do, in order. At most one ask or end, always the last. */
export type FlowAction =
  | Readonly<{ kind: 'entered'; visit: NodeVisit }>
  | Readonly<{ kind: 'left'; departure: NodeDeparture }>
  | Readonly<{ kind: 'language'; language: string }>
  | Tell
  | Readonly<{ kind: 'ask'; ask: Ask }>
  | Readonly<{ kind: 'end'; end: FlowEnd }>

/** The world as the step may know it: the time, and the subflows that were loaded. */
export type StepEnvironment = Readonly<{ now: Date; subflow?: (flowId: string) => Flow | undefined }>

/** Deepest nesting of subflows. */
export const MAX_DEPTH = 8
/** How often onFailure may take over in one call; more means that the way out of failures fails itself. */
export const MAX_FAILURES = 5

/** The state of a call that is about to start a flow. Variables that the flow does not declare, or not so, are left out. */
export function initialState(
  flow: Flow,
  options: Readonly<{
    call: CallFacts
    language?: string
    preferredLanguage?: string
    variables?: JsonObject
    now: Date
  }>
): FlowState {
  return {
    frames: [{ flowId: flow.id, node: flow.start, vars: startVariables(flow, options.variables ?? {}) }],
    call: options.call,
    language: options.language ?? flow.defaultLanguage,
    preferredLanguage: options.preferredLanguage ?? null,
    result: null,
    memory: null,
    pendingDigit: null,
    steps: 0,
    failures: 0,
    deadlineMs: options.now.getTime() + (flow.maxDurationMs ?? DEFAULT_MAX_DURATION_MS),
    askedAtMs: options.now.getTime(),
    end: null
  }
}

/**
 * Carries a call on to its next question or its end. Pure: the same input always gives the same output.
 * @throws {FlowStepError} when the event does not belong to the state.
 */
export function step(
  flow: Flow,
  state: FlowState,
  event: FlowEvent,
  environment: StepEnvironment
): [FlowState, readonly FlowAction[]] {
  if (state.end !== null) throw new FlowStepError('the flow has ended')
  const actions: FlowAction[] = []
  let current = event.kind === 'answered' ? withoutTalkTime(state, event.answer, environment.now) : state
  let move: Move | null = event.kind === 'answered' ? resume(event.answer) : null
  // Ends: each round enters a node, and the number of nodes entered is limited.
  for (;;) {
    const limit = move === null ? reachedLimit() : null
    if (limit !== null) return ended(limit)
    move ??= enter()
    const waiting: boolean = apply(move)
    if (waiting) return [current, actions]
    move = null
  }

  function flowOf(frame: Frame): Flow {
    const found = frame.flowId === flow.id ? flow : environment.subflow?.(frame.flowId)
    if (found === undefined) throw new FlowStepError(`the flow ${frame.flowId} is not loaded`)
    return found
  }

  function frameNow(): Frame {
    const frame = current.frames.at(-1)
    if (frame === undefined) throw new FlowStepError('the state holds no flow')
    return frame
  }

  function nodeNow(): FlowNode {
    const frame = frameNow()
    const node = nodeOf(flowOf(frame), frame.node)
    if (node === undefined) throw new FlowStepError(`the flow ${frame.flowId} has no node ${frame.node}`)
    return node
  }

  function reachedLimit(): FlowEnd | null {
    const { node } = frameNow()
    if (current.steps >= (flow.maxSteps ?? DEFAULT_MAX_STEPS)) {
      return { kind: 'failed', code: 'MAX_STEPS', node, reason: 'the call went through too many nodes' }
    }
    if (environment.now.getTime() > current.deadlineMs) {
      return { kind: 'failed', code: 'MAX_DURATION', node, reason: 'the call stayed in the flow for too long' }
    }
    return null
  }

  function enter(): Move {
    const frame = frameNow()
    const node = nodeNow()
    current = { ...current, steps: current.steps + 1, memory: null }
    actions.push({ kind: 'entered', visit: { flowId: frame.flowId, node: frame.node, kind: node.kind } })
    return guarded(() => behaviourOf(node).enter(contextOf(frame), node))
  }

  function resume(answer: Answer): Move {
    const node = nodeNow()
    const behaviour = behaviourOf(node)
    if (behaviour.resume === undefined) throw new FlowStepError(`a ${node.kind} node waits for nothing`)
    const { resume: carryOn } = behaviour
    return guarded(() => carryOn(contextOf(frameNow()), node, answer, current.memory))
  }

  function contextOf(frame: Frame): NodeContext {
    const frameFlow = flowOf(frame)
    const { language, preferredLanguage, call, result, pendingDigit } = current
    const scope: Scope = {
      vars: frame.vars,
      call: { ...call, language },
      now: environment.now.toISOString(),
      result
    }
    return {
      flow: frameFlow,
      nodeName: frame.node,
      now: environment.now,
      language,
      preferredLanguage,
      vars: frame.vars,
      pendingDigit,
      scope,
      prompts: prompts => resolvePrompts(prompts, { language, defaultLanguage: frameFlow.defaultLanguage }, scope)
    }
  }

  /** Does what a node decided. True when the call now waits for an answer or has ended. */
  function apply(decided: Move): boolean {
    switch (decided.kind) {
      case 'ask':
        change(decided.changes)
        actions.push(...(decided.tells ?? []), { kind: 'ask', ask: decided.ask })
        current = { ...current, memory: decided.memory ?? null, askedAtMs: environment.now.getTime() }
        return true
      case 'go':
        change(decided.changes)
        actions.push(...(decided.tells ?? []))
        return leave(decided.exit, decided.detail)
      case 'fail':
        change(decided.changes)
        return leave(decided.exit ?? 'failed', { ...decided.detail, code: decided.code, reason: decided.reason })
      case 'enterFlow':
        return enterFlow(decided.flowId, decided.vars)
      case 'leaveFlow':
        return leaveFlow(decided.outcome)
      case 'end':
        departed(decided.exit, decided.detail)
        finish(decided.end)
        return true
      default:
        return decided satisfies never
    }
  }

  function change(changes: Changes | undefined): void {
    if (changes === undefined) return
    const { vars, language, preferredLanguage, result, pendingDigit } = changes
    if (vars !== undefined) {
      const frame = frameNow()
      current = { ...current, frames: current.frames.with(-1, { ...frame, vars: { ...frame.vars, ...vars } }) }
    }
    if (result !== undefined) current = { ...current, result }
    if (preferredLanguage !== undefined) current = { ...current, preferredLanguage }
    if (pendingDigit !== undefined) current = { ...current, pendingDigit }
    if (language !== undefined && language !== current.language) {
      current = { ...current, language }
      actions.push({ kind: 'language', language })
    }
  }

  function departed(outcome: string, detail: JsonObject | undefined): void {
    const { flowId, node } = frameNow()
    actions.push({
      kind: 'left',
      departure: { flowId, node, outcome, ...(detail === undefined ? {} : { detail }) }
    })
  }

  function leave(exit: string, detail?: JsonObject): boolean {
    const frame = frameNow()
    const frameFlow = flowOf(frame)
    const node = nodeNow()
    const way = wayOf(frameFlow, exitsOf(node), exit)
    departed(exit, detail)
    switch (way.kind) {
      case 'node': {
        const failures = current.failures + (way.via === 'onFailure' ? 1 : 0)
        current = { ...current, failures, memory: null, frames: current.frames.with(-1, { ...frame, node: way.node }) }
        if (failures <= MAX_FAILURES) return false
        finish(failedEnd(frame.node, detail))
        return true
      }
      case 'end':
        finish(endAfter(node, frame.node))
        return true
      case 'nowhere':
        finish(failedEnd(frame.node, detail))
        return true
      default:
        return way satisfies never
    }
  }

  function enterFlow(flowId: string, vars: JsonObject): boolean {
    if (current.frames.some(frame => frame.flowId === flowId)) {
      return leave('failed', { code: 'RECURSION', reason: `the flow ${flowId} calls itself` })
    }
    if (current.frames.length >= MAX_DEPTH) {
      return leave('failed', { code: 'TOO_DEEP', reason: `flows are nested more than ${MAX_DEPTH} deep` })
    }
    const child = environment.subflow?.(flowId)
    if (child === undefined) throw new FlowStepError(`the flow ${flowId} is not loaded`)
    const fitted = fitVariables(child, vars)
    if (fitted.kind === 'misfit') return leave('failed', { code: 'WRONG_TYPE', reason: fitted.reason })
    const frame = { flowId, node: child.start, vars: { ...initialVariables(child), ...fitted.vars } }
    current = { ...current, frames: [...current.frames, frame] }
    return false
  }

  function leaveFlow(outcome: string | null): boolean {
    const child = frameNow()
    departed('return', outcome === null ? undefined : { outcome })
    if (current.frames.length === 1) {
      finish({ kind: 'hangup', node: child.node })
      return true
    }
    current = { ...current, frames: current.frames.slice(0, -1) }
    const node = nodeNow()
    if (node.kind !== 'subflow') throw new FlowStepError(`${frameNow().node} called no other flow`)
    const { exit, values } = returned(node, child.vars, outcome)
    const fitted = fitVariables(flowOf(frameNow()), values)
    if (fitted.kind === 'misfit') return leave('failed', { code: 'WRONG_TYPE', reason: fitted.reason })
    change({ vars: fitted.vars })
    return leave(exit)
  }

  function finish(end: FlowEnd): void {
    current = { ...current, memory: null, end }
    actions.push({ kind: 'end', end })
  }

  function ended(end: FlowEnd): [FlowState, readonly FlowAction[]] {
    finish(end)
    return [current, actions]
  }
}

function guarded(decide: () => Move): Move {
  try {
    return decide()
  } catch (err) {
    // A template or condition that fails is the node's failure, not the program's.
    if (err instanceof ExpressionError) return { kind: 'fail', code: err.code, reason: err.message }
    throw err
  }
}

/** Time in queues and conversations does not count towards the flow's own limit. */
function withoutTalkTime(state: FlowState, answer: Answer, now: Date): FlowState {
  return answer.kind === 'queue' || answer.kind === 'transfer' || answer.kind === 'bot'
    ? { ...state, deadlineMs: state.deadlineMs + Math.max(0, now.getTime() - state.askedAtMs) }
    : state
}

/** How a call ends at a node without a way on, by what the node does. */
function endAfter(node: FlowNode, name: string): FlowEnd {
  if (node.kind === 'queue') return { kind: 'served', node: name }
  return { kind: node.kind === 'transfer' ? 'transferred' : 'hangup', node: name }
}

function failedEnd(node: string, detail: JsonObject | undefined): FlowEnd {
  return {
    kind: 'failed',
    code: typeof detail?.['code'] === 'string' ? detail['code'] : 'NO_WAY_ON',
    node,
    reason: typeof detail?.['reason'] === 'string' ? detail['reason'] : 'the node has no way on for this outcome'
  }
}
