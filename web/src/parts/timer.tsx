import { useFormat } from '../i18n/format.ts'
import { useSecondsSince, useSecondsUntil } from './clock.ts'

/** How long something has lasted, by the server's clock. Read out only when it is looked at. */
export function Timer({ since, testId }: Readonly<{ since: string | null; testId?: string }>) {
  const { duration } = useFormat()
  return (
    <span className="tabular ltr nowrap" data-testid={testId}>
      {duration(useSecondsSince(since) * 1000)}
    </span>
  )
}

/** How long something still lasts, by the server's clock. */
export function Countdown({ until, testId }: Readonly<{ until: string; testId?: string }>) {
  const { duration } = useFormat()
  return (
    <span className="tabular ltr nowrap" data-testid={testId}>
      {duration(useSecondsUntil(until) * 1000)}
    </span>
  )
}
