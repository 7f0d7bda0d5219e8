import type { CallReport, SimulationReport } from '../../server/simulator/report.ts'
import type { SimulationView } from '../../server/simulator/simulator.ts'
import type { TestParley } from '../support/parley.ts'

/** A menu that says nothing but tones; spoken answers and keys lead to the same places. */
export const MENU = `
id: shop
name: Shop
languages: [en, de]
defaultLanguage: en
start: menu
onFailure: failed
vars:
  order: { type: string }
nodes:
  menu:
    kind: menu
    prompt: { tone: "%(600,0,440)" }
    timeoutMs: 1500
    attempts: 2
    choices: { "1": order, "2": person, "3": message }
    say:
      "1": { en: [where is my order], de: [wo ist meine Bestellung] }
      "2": { en: [customer support], de: [Kundendienst] }
    noInput: silent
    noMatch: silent
  order:
    kind: gather
    prompt: { tone: "%(400,0,600)" }
    min: 4
    max: 4
    save: order
    next: lookUp
    noInput: silent
    noMatch: silent
  lookUp:
    kind: request
    method: GET
    url: "https://shop.example/orders/{{ vars.order }}"
    next: tell
    failed: failed
  tell: { kind: say, bargeIn: false, prompt: { tone: "%(300,0,880)" }, next: bye }
  person: { kind: queue, queue: support, next: bye, failed: failed }
  message: { kind: transfer, to: { number: "+12025550199" }, next: bye, failed: failed }
  silent: { kind: say, bargeIn: false, prompt: { tone: "%(300,0,300)" }, next: bye }
  failed: { kind: say, bargeIn: false, prompt: { tone: "%(300,0,250)" }, next: bye }
  bye: { kind: hangup }
`

/** Lets the scripted callers of a YAML text call a flow through the API and waits for what comes of it. */
export async function simulated(
  server: TestParley,
  flowId: string,
  scenario: string,
  options: Readonly<{ draft?: string }> = {}
): Promise<SimulationReport & Readonly<{ view: SimulationView }>> {
  const started = await server.api('POST', `/flows/${flowId}/simulations`, { scenario, ...options })
  if (started.status !== 202) throw new Error(JSON.stringify(started.body))
  const id = String(started.body['id'])
  const view = await ended(server, id)
  return { ...view.report, view }
}

export async function ended(server: TestParley, id: string): Promise<SimulationView> {
  for (;;) {
    const { status, body } = await server.api('GET', `/simulations/${id}`)
    if (status !== 200) throw new Error(JSON.stringify(body))
    const view = body as unknown as SimulationView
    if (view.state !== 'running') return view
    await new Promise(resolve => setTimeout(resolve, 100))
  }
}

/** The only call of a report. */
export function only({ calls }: SimulationReport): CallReport {
  const [call] = calls
  if (call === undefined || calls.length !== 1) throw new Error(`${calls.length} calls`)
  return call
}
