import { type FocusEvent, useRef, useState } from 'react'

type CalmProps = Readonly<{
  onPointerEnter(): void
  onPointerLeave(): void
  onFocus(): void
  onBlur(event: FocusEvent<HTMLElement>): void
}>

/**
 * Keeps the order of a table while pointer or focus is in it: nobody clicks on a row that has just moved away. New rows
 * come at the end meanwhile. `moved` counts the rows that would stand elsewhere; `settle` takes the new order over.
 */
export function useCalmOrder<T>(
  rows: readonly T[],
  keyOf: (row: T) => string
): Readonly<{ rows: readonly T[]; moved: number; settle(): void; props: CalmProps }> {
  const [isPointed, setPointed] = useState(false)
  const [isFocused, setFocused] = useState(false)
  const [, setSettled] = useState(0)
  const order = useRef<readonly string[]>([])
  const keys = rows.map(keyOf)
  if (!isPointed && !isFocused) order.current = keys
  const place = new Map(order.current.map((key, at) => [key, at]))
  const placeOf = (row: T) => place.get(keyOf(row)) ?? Number.POSITIVE_INFINITY
  const kept = rows.toSorted((one, other) => {
    const [before, after] = [placeOf(one), placeOf(other)]
    return before === after ? 0 : before - after
  })
  return {
    rows: kept,
    moved: kept.filter((row, at) => keyOf(row) !== keys[at]).length,
    settle() {
      order.current = keys
      setSettled(count => count + 1)
    },
    props: {
      onPointerEnter: () => setPointed(true),
      onPointerLeave: () => setPointed(false),
      onFocus: () => setFocused(true),
      onBlur: event => {
        if (!event.currentTarget.contains(event.relatedTarget)) setFocused(false)
      }
    }
  }
}
