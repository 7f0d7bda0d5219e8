import { useEffect, useRef } from 'react'
import { prefs, setPrefs } from '../prefs.ts'
import { useStore } from '../store.ts'

const isMac = /Mac|iPhone|iPad/.test(navigator.platform)

/**
 * Everything that can be done by a shortcut, with the keys on Windows and Linux and on macOS. Keys are physical
 * (`KeyboardEvent.code`), so that Arabic and German layouts work; none uses AltGr's or the layout switch's keys.
 */
export const COMMANDS = {
  next: { pc: 'F2', mac: 'Ctrl+Shift+KeyA' },
  mute: { pc: 'F8', mac: 'Ctrl+Shift+KeyM' },
  hold: { pc: 'Shift+F8', mac: 'Ctrl+Shift+KeyH' },
  transfer: { pc: 'Shift+F2', mac: 'Ctrl+Shift+KeyT' },
  end: { pc: 'F9', mac: 'Ctrl+Shift+KeyE' },
  palette: { pc: 'Ctrl+KeyK', mac: 'Meta+KeyK' },
  keyList: { pc: 'F1', mac: 'F1' },
  save: { pc: 'Ctrl+Enter', mac: 'Meta+Enter' }
} as const satisfies Record<string, { pc: string; mac: string }>

export type Command = keyof typeof COMMANDS

let areSuspended = false

/** While new keys are asked for, the old ones must do nothing. */
export function suspendCommands(isSuspended: boolean): void {
  areSuspended = isSuspended
}

/** The keys of a command as they are set now, such as `Shift+F8`. */
export function keysOf(command: Command, shortcuts: Readonly<Record<string, string>>): string {
  return shortcuts[command] ?? COMMANDS[command][isMac ? 'mac' : 'pc']
}

export function useKeysOf(command: Command): string {
  return useStore(prefs, one => keysOf(command, one.shortcuts))
}

/** As it is read: `Ctrl+KeyK` → `Ctrl+K`. */
export function keysAsWords(keys: string): string {
  return keys
    .replace(/Key([A-Z])$/, '$1')
    .replace(/Digit(\d)$/, '$1')
    .replace('Meta', isMac ? '⌘' : 'Meta')
}

/** In the form of `aria-keyshortcuts` (WAI-ARIA 1.2 §6.7). */
export function keysAsAria(keys: string): string {
  return keys
    .replace(/Key([A-Z])$/, '$1')
    .replace(/Digit(\d)$/, '$1')
    .replace('Ctrl', 'Control')
}

/** The keys of an event in the same form; null while only modifiers are down or an input method is composing. */
export function keysOfEvent(event: KeyboardEvent): string | null {
  // 229 is what browsers report while an input method takes the key (UI Events §7.3.1).
  if (event.isComposing || event.keyCode === 229) return null
  if (/^(Control|Shift|Alt|Meta)(Left|Right)$/.test(event.code)) return null
  return [
    event.ctrlKey && 'Ctrl',
    event.altKey && 'Alt',
    event.shiftKey && 'Shift',
    event.metaKey && 'Meta',
    event.code
  ]
    .filter(Boolean)
    .join('+')
}

export type RemapRefusal = 'letterAlone' | 'layoutKeys' | 'taken'

/**
 * Gives a command other keys; null puts the default back. Returns why not: a single letter would fire while dictating,
 * Ctrl+Alt and Alt+Shift belong to AltGr and the layout switch, and no two commands share keys.
 */
export function remap(command: Command, keys: string | null): RemapRefusal | null {
  const { shortcuts } = prefs.get()
  const { [command]: _, ...others } = shortcuts
  if (keys === null) {
    setPrefs({ shortcuts: others })
    return null
  }
  if (/Ctrl\+Alt|Alt\+Shift/.test(keys)) return 'layoutKeys'
  if (!/^(.+\+)?F\d{1,2}$/.test(keys) && !/Ctrl|Meta/.test(keys)) return 'letterAlone'
  const commands = Object.keys(COMMANDS) as Command[]
  if (commands.some(other => other !== command && keysOf(other, shortcuts) === keys)) return 'taken'
  setPrefs({ shortcuts: { ...others, [command]: keys } })
  return null
}

/**
 * Runs `onDown` when the command's keys go down, in every field of the page, and `onUp` when they are let go.
 * A key that is held down fires once.
 */
export function useCommand(command: Command, onDown: () => void, onUp?: () => void): void {
  const keys = useKeysOf(command)
  const newest = useRef({ onDown, onUp })
  newest.current = { onDown, onUp }
  useEffect(() => {
    let isDown = false
    const down = (event: KeyboardEvent) => {
      if (areSuspended || keysOfEvent(event) !== keys) return
      event.preventDefault()
      event.stopPropagation()
      if (event.repeat || isDown) return
      isDown = true
      newest.current.onDown()
    }
    const up = (event: KeyboardEvent) => {
      if (!isDown || !keys.endsWith(event.code)) return
      isDown = false
      newest.current.onUp?.()
    }
    const blur = () => {
      if (isDown) newest.current.onUp?.()
      isDown = false
    }
    addEventListener('keydown', down, { capture: true })
    addEventListener('keyup', up, { capture: true })
    addEventListener('blur', blur)
    return () => {
      removeEventListener('keydown', down, { capture: true })
      removeEventListener('keyup', up, { capture: true })
      removeEventListener('blur', blur)
    }
  }, [keys])
}
