import { useFormat } from '../i18n/format.ts'
import { unitOf } from './report.ts'

/** A figure in the reader's way of writing; "–" where there was nothing to divide by. */
export function useFigureText(): (figure: string, value: number | null) => string {
  const { number, percent, duration } = useFormat()
  return (figure, value) => {
    if (value === null) return '–'
    const unit = unitOf(figure)
    return unit === 'share' ? percent(value) : unit === 'time' ? duration(value) : number(value)
  }
}
