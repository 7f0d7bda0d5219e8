import type { Flow, FlowNode } from '../../ivr-flows/flow.ts'
import type { Prompt } from '../../ivr-flows/host.ts'
import type { Obligation, ObligationCode } from '../compliance/codes.ts'
import type { Pacing } from '../../sql/campaign-tables.ts'
import { type CampaignSettings, type Statements, statementsFor } from './settings.ts'

export type SettingsProblem = Readonly<{ at: string; code: SettingsProblemCode; message: string }>
export const SETTINGS_PROBLEMS = [
  'LIST_MISSING',
  'QUEUE_MISSING',
  'QUEUE_UNKNOWN',
  'QUEUE_NOT_AUTOMATIC',
  'FLOW_MISSING',
  'FLOW_UNPUBLISHED',
  'FLOW_TAKES_KEY',
  'FLOW_HAS_BOT',
  'CALLER_ID_MISSING',
  'CALLER_ID_NOT_PROVED',
  'CALLER_ID_EXPIRED',
  'CALLER_ID_BLOCKED',
  'CALLER_ID_UNROUTED',
  'STATEMENT_MISSING',
  'OPT_OUT_KEY_MISSING',
  'SCHEDULE_EMPTY',
  'REGISTRATION_UNKNOWN'
] as const
export type SettingsProblemCode = (typeof SETTINGS_PROBLEMS)[number]

type StatementName = keyof Statements

/** Which statement fulfils an obligation that a decision names; what agents do themselves is not here. */
const FULFILLED_BY: Partial<Readonly<Record<ObligationCode, StatementName>>> = {
  IDENTIFY_AT_START: 'identification',
  IDENTIFY_WITHIN_S: 'identification',
  PURPOSE_DISCLOSE: 'purpose',
  AI_DISCLOSE: 'aiDisclosure',
  OPTOUT_WITHIN_2S_OF_ID: 'optOut',
  OPTOUT_MECHANISM: 'optOut',
  CALLBACK_NUMBER: 'callbackNumber'
}

/** Statements that a campaign cannot do without, whatever the place: the rest follows from each call's decision. */
export function wantedStatements(
  pacing: Pacing,
  settings: Pick<CampaignSettings, 'isAi' | 'amd'>
): readonly StatementName[] {
  const wanted: StatementName[] = ['identification']
  if (pacing === 'agentless') {
    wanted.push('optOut', 'purpose')
    if (settings.isAi === true) wanted.push('aiDisclosure')
  }
  if (pacing === 'predictive') wanted.push('abandoned', 'optOut')
  if (settings.amd.isOn && settings.amd.onMachine === 'message') wanted.push('voicemail')
  return wanted
}

/** What is missing in the words of a campaign. Pure. */
export function checkStatements(pacing: Pacing, settings: CampaignSettings): readonly SettingsProblem[] {
  const problems: SettingsProblem[] = []
  const wanted = wantedStatements(pacing, settings)
  if (settings.languages[settings.defaultLanguage] === undefined)
    problems.push({
      at: `/languages/${settings.defaultLanguage}`,
      code: 'STATEMENT_MISSING',
      message: `Nothing is said in ${settings.defaultLanguage}, the language of the campaign.`
    })
  for (const [language, statements] of Object.entries(settings.languages))
    for (const name of wanted)
      if (statements[name] === undefined)
        problems.push({
          at: `/languages/${language}/${name}`,
          code: 'STATEMENT_MISSING',
          message: `The statement “${name}” is missing in ${language}.`
        })
  if (wanted.includes('optOut') && settings.optOutKey === undefined)
    problems.push({
      at: '/optOutKey',
      code: 'OPT_OUT_KEY_MISSING',
      message: 'Name the key that ends such calls for good.'
    })
  return problems
}

/** Nodes of a flow that want the key by which people end calls for good: that key has one meaning throughout. */
export function nodesThatTakeKey(flow: Flow, key: string): readonly string[] {
  return Object.entries(flow.nodes).flatMap(([name, node]) => (takesKey(node, key) ? [name] : []))
}

/** Nodes of a flow at which a machine talks with people: then they are told so first. */
export function nodesOfBots(flow: Flow): readonly string[] {
  return Object.entries(flow.nodes).flatMap(([name, node]) => (node.kind === 'bot' ? [name] : []))
}

function takesKey(node: FlowNode, key: string): boolean {
  switch (node.kind) {
    case 'menu':
      return key in node.choices
    case 'gather':
      // Numbers may hold any digit; the signs are only used where they are named.
      return /\d/.test(key)
    default:
      return false
  }
}

/** Who calls and that it is no human, how to end such calls, what it is about, and the number. */
const ORDER: readonly StatementName[] = ['identification', 'aiDisclosure', 'optOut', 'purpose', 'callbackNumber']
/** Where the key has to be told within two seconds of who calls, nothing stands between the two (47 CFR 64.1200(b)(3)). */
const KEY_FIRST_ORDER: readonly StatementName[] = [
  'identification',
  'optOut',
  'aiDisclosure',
  'purpose',
  'callbackNumber'
]

/**
 * What is said before anything else, in the order of the laws that this call is under. When an obligation of this call
 * has no statement, the call may not be made.
 */
export function openingOf(
  settings: CampaignSettings,
  language: string | null,
  obligations: readonly Obligation[]
): Readonly<{ language: string; prompts: readonly Prompt[] }> | Readonly<{ missing: readonly ObligationCode[] }> {
  const { language: spoken, statements } = statementsFor(settings, language)
  const missing = missingFor(statements, obligations)
  if (statements === null || missing.length > 0)
    return { missing: missing.length > 0 ? missing : ['IDENTIFY_AT_START'] }
  const order = obligations.some(one => one.code === 'OPTOUT_WITHIN_2S_OF_ID') ? KEY_FIRST_ORDER : ORDER
  return {
    language: spoken,
    prompts: order.flatMap(name => {
      const text = statements[name]
      return text === undefined ? [] : [speech(text, spoken)]
    })
  }
}

export function missingFor(
  statements: Statements | null,
  obligations: readonly Obligation[]
): readonly ObligationCode[] {
  return obligations.flatMap(({ code }) => {
    const name = FULFILLED_BY[code]
    return name === undefined || statements?.[name] !== undefined ? [] : [code]
  })
}

export function speech(text: string, language: string): Prompt {
  return { kind: 'speech', text, language }
}
