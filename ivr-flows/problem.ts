export type Severity = 'error' | 'warning'

/** What is wrong with a flow, and where. Lines and columns count from 1. `suggestion` is a sentence. */
export type Problem = Readonly<{
  code: ProblemCode
  message: string
  severity: Severity
  line: number
  column: number
  suggestion?: string
}>

/** Every code that the checker uses, with what it says. */
export const problemCodes = {
  YAML_SYNTAX: 'The document cannot be read as YAML or JSON.',
  DUPLICATE_KEY: 'The same key is given twice.',
  TOO_LARGE: 'The document is too long or too deeply nested.',
  NOT_A_FLOW: 'The document is not an object.',
  UNKNOWN_PROPERTY: 'A property is not known here.',
  MISSING_PROPERTY: 'A property is missing.',
  WRONG_TYPE: 'A value is of the wrong kind.',
  WRONG_VALUE: 'A value is not one of those allowed, too long, too short, too great or too small.',
  NOT_ONE_OF: 'Of some properties exactly one must be given.',
  UNKNOWN_KIND: 'There is no such kind of node.',
  BAD_NAME: 'A name is not well formed.',
  DEAD_END: 'A node does not say what follows.',
  UNKNOWN_TARGET: 'A node that is pointed at does not exist.',
  UNREACHABLE: 'No way leads to a node.',
  NO_FAILURE_BRANCH: 'A node can fail and has no way on when it does.',
  LOOP_WITHOUT_INPUT: 'Nodes lead round in a circle without the caller doing anything.',
  MISSING_TEXT: 'A text is missing in a language of the flow.',
  UNKNOWN_LANGUAGE: 'A language is not known, or the flow does not speak it.',
  BAD_KEY: 'A key does not exist on a telephone.',
  BAD_PATTERN: 'A regular expression cannot be read.',
  BAD_GRAMMAR: 'A grammar of what may be said cannot be read.',
  EXPRESSION_SYNTAX: 'An expression cannot be read.',
  TEMPLATE_SYNTAX: 'Braces of a template are not closed.',
  UNKNOWN_VARIABLE: 'A variable is not declared.',
  WRONG_DEFAULT: 'A variable’s default does not fit its type.',
  UNKNOWN_TIME_ZONE: 'A time zone does not exist.',
  UNKNOWN_COUNTRY: 'No holidays are known for a country or part of it.',
  UNKNOWN_CALENDAR: 'A calendar is not declared.',
  UNKNOWN_OCCASION: 'An occasion is not in the table of occasions.',
  BAD_HOURS: 'Opening hours cannot be read, end before they start or overlap.',
  BAD_DATE: 'A date does not exist.',
  UNKNOWN_FLOW: 'A subflow does not exist.',
  RECURSION: 'A flow calls itself.',
  UNKNOWN_QUEUE: 'A queue does not exist.',
  BAD_URL: 'An address is not http or https.',
  NO_MUST_RECORD_WAY: 'A call that has to be recorded ends without words of the flow, or goes on unrecorded.',
  BAD_TOOL: 'A tool of a bot cannot work, or could reach another person’s data.',
  NO_REGISTER: 'A bot is told how to address callers in a language for which there is no such choice.'
} as const

export type ProblemCode = keyof typeof problemCodes

/** Where in a document: keys and indexes from the top. */
export type Path = readonly (string | number)[]

/** A problem before its place in the text is looked up. `at` says whether the key or the value is meant. */
export type Finding = Readonly<{
  code: ProblemCode
  message: string
  path: Path
  at?: 'key' | 'value'
  severity?: Severity
  suggestion?: string
  /** How far into the value the problem is, in characters. */
  offset?: number
}>
