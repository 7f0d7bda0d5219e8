import type { CallReport, CallerTurn, Turn } from './report.ts'

/** Where a failure stands in the file. */
export type Place = Readonly<{ line: number; column: number }>

export type FileReport = Readonly<{
  file: string
  calls: readonly (CallReport & Readonly<{ places: readonly Place[] }>)[]
}>

/** What came of a file's calls, for a person; the turns of calls that failed, or with `allTurns` of all. */
export function reportText({ file, calls }: FileReport, { allTurns }: Readonly<{ allTurns: boolean }>): string {
  const lines = [file]
  for (const call of calls) {
    const { isSuccess } = call.score
    lines.push(`  ${isSuccess ? 'ok  ' : 'FAIL'} ${call.name}`, `       ${scoreLine(call)}`)
    if (allTurns || !isSuccess) for (const turn of call.turns) lines.push(`       ${turnLine(turn)}`)
    for (const [index, { message }] of call.failures.entries()) {
      const { line, column } = call.places[index] ?? { line: 1, column: 1 }
      lines.push(`       ${file}:${line}:${column} ${message}`)
    }
  }
  const passed = calls.filter(call => call.score.isSuccess).length
  lines.push(`  ${passed} of ${calls.length} calls succeeded`)
  return `${lines.join('\n')}\n`
}

function scoreLine({ score, hearing, endReason }: CallReport): string {
  const { goals, turns, latency, interrupt, words, durationMs } = score
  return [
    `${goals.met} of ${goals.of} goals`,
    `${turns} ${turns === 1 ? 'turn' : 'turns'} in ${seconds(durationMs)}`,
    ...(latency.turns > 0 ? [`first sound after ${latency.medianMs} ms (slowest ${latency.maxMs} ms)`] : []),
    ...(interrupt.turns > 0 ? [`interrupted within ${interrupt.maxMs} ms`] : []),
    ...(hearing === 'sound' && words.of > 0 ? [`${words.wrong} of ${words.of} words wrong`] : []),
    `ended by ${endReason ?? 'nothing'}`
  ].join(', ')
}

function turnLine(turn: Turn): string {
  const at = (turn.fromMs / 1_000).toFixed(1).padStart(6)
  return turn.who === 'flow'
    ? `${at}  flow    ${turn.text}${turn.wasCut ? ' –' : ''}`
    : `${at}  caller  ${actionOf(turn)}${turn.latencyMs === null ? '' : `; first sound after ${turn.latencyMs} ms`}`
}

function actionOf(turn: CallerTurn): string {
  switch (turn.kind) {
    case 'speech':
      return `says “${turn.text}”, ${turn.heard === null ? 'nothing was understood' : `heard as “${turn.heard}”`}`
    case 'keys':
      return `presses ${turn.keys}`
    case 'silence':
      return 'is silent'
    case 'hangUp':
      return 'hangs up'
    default:
      return turn satisfies never
  }
}

function seconds(ms: number): string {
  return `${(ms / 1_000).toFixed(1)} s`
}

/** The same in the form of JUnit, which build servers show. */
export function reportJunit(files: readonly FileReport[]): string {
  const suites = files.map(({ file, calls }) => {
    const cases = calls.map(call => {
      const head = `    <testcase name="${xml(call.name)}" classname="${xml(file)}" time="${(call.score.durationMs / 1_000).toFixed(3)}"`
      if (call.score.isSuccess) return `${head}/>`
      const said = call.failures.map((failure, index) => {
        const { line, column } = call.places[index] ?? { line: 1, column: 1 }
        return `${file}:${line}:${column} ${failure.message}`
      })
      const turns = call.turns.map(turnLine)
      return [
        `${head}>`,
        `      <failure message="${xml(said[0] ?? 'failed')}">${xml(said.join('\n'))}</failure>`,
        `      <system-out>${xml(turns.join('\n'))}</system-out>`,
        '    </testcase>'
      ].join('\n')
    })
    const failures = calls.filter(call => !call.score.isSuccess).length
    return [
      `  <testsuite name="${xml(file)}" tests="${calls.length}" failures="${failures}">`,
      ...cases,
      '  </testsuite>'
    ].join('\n')
  })
  return `<?xml version="1.0" encoding="UTF-8"?>\n<testsuites>\n${suites.join('\n')}\n</testsuites>\n`
}

/** As XML 1.0 takes it: marks escaped, and without characters that it has none for. */
function xml(text: string): string {
  return text
    .toWellFormed()
    .replace(/[\u0000-\u0008\u000b\u000c\u000e-\u001f\ufffe\uffff]/g, '\ufffd')
    .replaceAll('&', '&amp;')
    .replaceAll('<', '&lt;')
    .replaceAll('>', '&gt;')
    .replaceAll('"', '&quot;')
}
