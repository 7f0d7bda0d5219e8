/** The few icons of the desk, drawn on 24 × 24. They are always beside a word or carry a label on their button. */
const SHAPES = {
  dot: <circle cx="12" cy="12" r="5" fill="currentColor" stroke="none" />,
  bell: <path d="M6 17V11a6 6 0 0 1 12 0v6l1.5 2h-15zM10 21.5h4" />,
  bellOff: <path d="M8 17V11a6 6 0 0 1 8.5-5.45M18 12v5l1.5 2H9M10 21.5h4M4 4l16 16" />,
  handset: (
    <path
      d="M6.5 3.5l3-.5 1.5 4-2 1.7a11.5 11.5 0 0 0 5.3 5.3l1.7-2 4 1.5-.5 3c-.2 1.3-1.2 2-2.5 2C10.5 18.5 4 12.5 4 6c0-1.3 1-2.3 2.5-2.5z"
      fill="currentColor"
      stroke="none"
    />
  ),
  handsetDown: (
    <path
      d="M2.5 14.5C7 9 17 9 21.5 14.5l-1.2 2.7-4-1-.3-2.6a12 12 0 0 0-8 0l-.3 2.6-4 1z"
      fill="currentColor"
      stroke="none"
    />
  ),
  pauseBars: <path d="M8 5v14M16 5v14" strokeWidth="4" />,
  twoHeads: (
    <g fill="currentColor" stroke="none">
      <circle cx="8" cy="8" r="3.5" />
      <circle cx="17" cy="9" r="3" />
      <path d="M1.5 20c0-4.5 2.7-7 6.5-7s6.5 2.5 6.5 7zM16 20c0-2.7-.6-4.7-1.6-6.2.8-.5 1.7-.8 2.6-.8 3.4 0 5.5 2.4 5.5 7z" />
    </g>
  ),
  threeHeads: (
    <g fill="currentColor" stroke="none">
      <circle cx="12" cy="7" r="3.2" />
      <circle cx="4.5" cy="9.5" r="2.5" />
      <circle cx="19.5" cy="9.5" r="2.5" />
      <path d="M6.5 20c0-5 2.2-8 5.5-8s5.5 3 5.5 8zM.5 19.5c0-4 1.4-6.5 4-6.5.8 0 1.5.2 2 .6-1.1 1.6-1.7 3.6-1.8 5.9zM23.5 19.5c0-4-1.4-6.5-4-6.5-.8 0-1.5.2-2 .6 1.1 1.6 1.7 3.6 1.8 5.9z" />
    </g>
  ),
  pencil: <path d="M4 20l1-4.5L16 4.5l3.5 3.5L8.5 19zM14 6.5l3.5 3.5" />,
  cup: <path d="M4 8h12v7a4 4 0 0 1-4 4H8a4 4 0 0 1-4-4zM16 10h2a2.5 2.5 0 0 1 0 5h-2M7.5 2.5v2.5M12 2.5v2.5" />,
  circle: <circle cx="12" cy="12" r="6" />,
  triangle: (
    <g>
      <path d="M12 3.5L22 20.5H2z" fill="currentColor" />
      <path d="M12 10v4.5M12 17.5v.2" className="icon-cut" />
    </g>
  ),
  triangleOutline: <path d="M12 4L21.5 20h-19zM12 10.5v4M12 17v.2" />,
  microphone: <path d="M9 11V6a3 3 0 0 1 6 0v5a3 3 0 0 1-6 0zM5.5 11a6.5 6.5 0 0 0 13 0M12 17.5V21M9 21h6" />,
  microphoneOff: (
    <path d="M9 9v2a3 3 0 0 0 4.5 2.6M15 10V6a3 3 0 0 0-5.7-1.3M5.5 11a6.5 6.5 0 0 0 10 5.5M18.5 11a6.4 6.4 0 0 1-.7 3M12 17.5V21M9 21h6M4 3l16 18" />
  ),
  transfer: <path d="M4 8h13M13 4l4 4-4 4M20 16H7M11 12l-4 4 4 4" />,
  keypad: (
    <g fill="currentColor" stroke="none">
      {[5, 12, 19].map(cy => [6, 12, 18].map(cx => <circle key={`${cx} ${cy}`} cx={cx} cy={cy} r="1.8" />))}
    </g>
  ),
  more: (
    <g fill="currentColor" stroke="none">
      <circle cx="5" cy="12" r="2" />
      <circle cx="12" cy="12" r="2" />
      <circle cx="19" cy="12" r="2" />
    </g>
  ),
  check: <path d="M4.5 12.5l5 5 10-11" strokeWidth="2.5" />,
  cross: <path d="M5.5 5.5l13 13M18.5 5.5l-13 13" strokeWidth="2.5" />,
  hand: (
    <path d="M7 12V6.5a1.5 1.5 0 0 1 3 0V4.5a1.5 1.5 0 0 1 3 0v2a1.5 1.5 0 0 1 3 0V9a1.5 1.5 0 0 1 3 0v6a6 6 0 0 1-6 6h-1c-2.5 0-4-1-5.5-3L4 14c-.8-1.5 1.2-2.7 2.2-1.5L7 13.5z" />
  ),
  network: (
    <path d="M2.5 9a14 14 0 0 1 6-3.4M21.5 9A14 14 0 0 0 12 5M6 13a9 9 0 0 1 4-2.3M18 13a9 9 0 0 0-2-1.5M9.5 17a4 4 0 0 1 5 0M12 20v.2M4 3l16 18" />
  ),
  plug: <path d="M8 3v5M16 3v5M6 8h12v3a6 6 0 0 1-12 0zM12 17v4" />,
  desk: <path d="M4 5h16v11H4zM9 20h6M12 16v4" />,
  start: <path d="M12 2.5l2.8 6 6.5.8-4.8 4.5 1.2 6.5L12 17.1l-5.7 3.2 1.2-6.5L2.7 9.3l6.5-.8z" />,
  list: <path d="M8 6h12M8 12h12M8 18h12M4 6v.2M4 12v.2M4 18v.2" />,
  person: <path d="M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21c0-4.5 3.2-7 8-7s8 2.5 8 7" />,
  globe: <path d="M12 3a9 9 0 1 0 0 18 9 9 0 0 0 0-18zM3 12h18M12 3c-5 5-5 13 0 18 5-5 5-13 0-18z" />,
  sun: (
    <path d="M12 8a4 4 0 1 0 0 8 4 4 0 0 0 0-8zM12 2v2.5M12 19.5V22M2 12h2.5M19.5 12H22M5 5l1.7 1.7M17.3 17.3L19 19M19 5l-1.7 1.7M6.7 17.3L5 19" />
  ),
  moon: <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4a8.5 8.5 0 1 0 10.5 10.5z" />,
  speaker: <path d="M4 9.5v5h4l5 4v-13l-5 4zM16 9a4 4 0 0 1 0 6M18.5 6.5a8 8 0 0 1 0 11" />,
  search: <path d="M11 4a7 7 0 1 0 0 14 7 7 0 0 0 0-14zM16 16l5 5" />,
  menu: <path d="M4 6h16M4 12h16M4 18h16" />,
  record: <circle cx="12" cy="12" r="6.5" fill="currentColor" stroke="none" />,
  recordOff: <path d="M12 5.5a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13zM5 5l14 14" />,
  ear: (
    <path d="M7 9a5 5 0 0 1 10 0c0 3-3 4-3.5 6.5S12 20 10 20s-3-1.5-3-3M9.5 9.5a2.5 2.5 0 0 1 5 0c0 1.5-1.5 2-2 3.5" />
  ),
  join: <path d="M6 5v4a6 6 0 0 0 6 6 6 6 0 0 0 6-6V5M12 15v6M9 18l3 3 3-3" />,
  swap: <path d="M7 4L3 8l4 4M3 8h14M17 12l4 4-4 4M21 16H7" />,
  forward: <path d="M5 12h14M13 6l6 6-6 6" />,
  external: <path d="M14 4h6v6M20 4l-9 9M18 14v6H4V6h6" />,
  door: <path d="M14 4H5v16h9M10 12h11M17 8l4 4-4 4" />,
  card: <path d="M3 6h18v12H3zM3 10h18M7 15h4" />,
  copy: <path d="M8 8h12v12H8zM16 8V4H4v12h4" />
} as const

export type IconName = keyof typeof SHAPES

/** Those that point somewhere and therefore point the other way in Arabic. */
const MIRRORED: ReadonlySet<IconName> = new Set(['forward', 'door', 'transfer', 'list', 'external'])

export function Icon({ name, size = 20 }: Readonly<{ name: IconName; size?: number }>) {
  return (
    <svg
      width={size}
      height={size}
      viewBox="0 0 24 24"
      fill="none"
      stroke="currentColor"
      strokeWidth="1.9"
      strokeLinecap="round"
      strokeLinejoin="round"
      aria-hidden="true"
      focusable="false"
      className={MIRRORED.has(name) ? 'icon icon-mirrored' : 'icon'}
    >
      {SHAPES[name]}
    </svg>
  )
}
