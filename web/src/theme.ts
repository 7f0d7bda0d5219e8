import { type CSSVariablesResolver, createTheme, type MantineColorsTuple } from '@mantine/core'
import { STATE_COLOURS } from './styles/state-colours.ts'

/** Built around the two blues of a call; 4 is read on dark pages, 6 on light ones, 7 carries white text on dark pages. */
const BLUE: MantineColorsTuple = [
  '#E8F0FE',
  '#D2E3FC',
  '#A9CAF8',
  '#82B3F5',
  '#7DB0F4',
  '#2F74E0',
  '#0B57D0',
  '#1A5DC2',
  '#0A48AD',
  '#083A8C'
]

const RED: MantineColorsTuple = [
  '#FDECEC',
  '#FAD4D3',
  '#F5B0AC',
  '#F58B80',
  '#FF8A76',
  '#C4262B',
  '#A81419',
  '#B3261E',
  '#8F0F14',
  '#6E0B0F'
]

export const theme = createTheme({
  primaryColor: 'blue',
  primaryShade: { light: 6, dark: 7 },
  colors: { blue: BLUE, red: RED },
  fontFamily:
    'system-ui, -apple-system, "Segoe UI", Roboto, "Noto Sans", "Noto Sans Arabic", "Noto Sans CJK SC", sans-serif',
  fontFamilyMonospace: 'ui-monospace, "Cascadia Mono", "Segoe UI Mono", "Noto Sans Mono", monospace',
  defaultRadius: 'md',
  respectReducedMotion: true,
  cursorType: 'pointer',
  focusRing: 'auto',
  components: {
    Button: { defaultProps: { mih: 36 } },
    Tooltip: {
      defaultProps: {
        withinPortal: false,
        openDelay: 400,
        withArrow: true,
        events: { hover: true, focus: true, touch: false }
      }
    },
    Menu: { defaultProps: { transitionProps: { duration: 100 }, withinPortal: true } },
    Modal: { defaultProps: { transitionProps: { duration: 120 } } },
    Drawer: { defaultProps: { transitionProps: { duration: 120 } } }
  }
})

/** Text colours that keep 4.5:1 also where Mantine's own are paler, and the colours of states. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    '--mantine-color-body': '#F8F9FA',
    '--mantine-color-dimmed': '#5A6169',
    '--mantine-color-placeholder': '#636A72',
    '--mantine-color-error': '#A81419',
    '--surface': '#FFFFFF',
    '--line': '#D5D9DE',
    ...stateColours('light')
  },
  dark: {
    '--mantine-color-body': '#242424',
    '--mantine-color-dimmed': '#B4BBC2',
    '--mantine-color-placeholder': '#A0A7AE',
    '--mantine-color-error': '#FF8A76',
    '--mantine-color-anchor': '#7DB0F4',
    '--surface': '#2E2E2E',
    '--line': '#4A4D51',
    ...stateColours('dark')
  }
})

function stateColours(scheme: 'light' | 'dark'): Record<string, string> {
  return Object.fromEntries(
    Object.entries(STATE_COLOURS).map(([kind, colours]) => [`--state-${kind}`, colours[scheme]])
  )
}
