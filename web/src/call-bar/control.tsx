import { Button, type ButtonProps, Tooltip } from '@mantine/core'
import { type ReactNode, type Ref, useEffect, useState } from 'react'
import { Icon, type IconName } from '../parts/icons.tsx'
import { type Command, keysAsAria, keysAsWords, useKeysOf } from '../shell/shortcuts.ts'

/** A button that has just appeared under somebody's pointer ignores it. */
const FRESH_MS = 400

type ControlProps = Readonly<{
  icon: IconName
  children: ReactNode
  onClick(): void
  command?: Command
  isPressed?: boolean
  isBusy?: boolean
  isDisabled?: boolean
  color?: ButtonProps['color']
  variant?: 'filled' | 'default'
  className?: string | undefined
  testId?: string
  /** Given by a popover that opens at this control. */
  ref?: Ref<HTMLButtonElement>
}>

/** A call control: at least 44 px, named in words, with its keys in tooltip and `aria-keyshortcuts`. */
export function Control({ command, ...props }: ControlProps) {
  return command === undefined ? <PlainControl {...props} /> : <KeyedControl {...props} command={command} />
}

function KeyedControl({ command, ...props }: ControlProps & Readonly<{ command: Command }>) {
  const keys = useKeysOf(command)
  return (
    <Tooltip label={<span className="ltr">{keysAsWords(keys)}</span>}>
      <PlainControl {...props} ariaKeys={keysAsAria(keys)} />
    </Tooltip>
  )
}

function PlainControl({
  icon,
  children,
  onClick,
  isPressed,
  isBusy = false,
  isDisabled = false,
  color,
  variant = 'default',
  className,
  testId,
  ariaKeys,
  ...rest
}: Omit<ControlProps, 'command'> & Readonly<{ ariaKeys?: string }>) {
  const isFresh = useFresh()
  return (
    <Button
      {...rest}
      h={44}
      miw={44}
      px="var(--control-padding, var(--mantine-spacing-md))"
      variant={variant}
      {...(color !== undefined && { color })}
      {...(className !== undefined && { className })}
      leftSection={<Icon name={icon} />}
      disabled={isDisabled}
      aria-busy={isBusy}
      aria-pressed={isPressed}
      aria-keyshortcuts={ariaKeys}
      data-testid={testId}
      aria-disabled={isFresh || undefined}
      onClick={() => {
        if (!isFresh) onClick()
      }}
    >
      {children}
    </Button>
  )
}

function useFresh(): boolean {
  const [isFresh, setFresh] = useState(true)
  useEffect(() => {
    const timer = setTimeout(() => setFresh(false), FRESH_MS)
    return () => clearTimeout(timer)
  }, [])
  return isFresh
}
