/** Why a part of a recording holds no sound. Gaps are declared, never cut out. */
export const GAP_KINDS = ['beforeConsent', 'onDemand', 'pause', 'party', 'card', 'withdrawn', 'lost'] as const

/**
 * `beforeConsent`: nobody had agreed yet. `onDemand`: recording was not needed yet. `pause`: the agent paused.
 * `party`: somebody had joined who was not asked. `card`: a card number was given. `withdrawn`: the customer took the
 * consent back. `lost`: sound that should be there is not.
 */
export type GapKind = (typeof GAP_KINDS)[number]

/** Half-open, in milliseconds since the answer. */
export type RecordingGap = Readonly<{ kind: GapKind; fromMs: number; toMs: number }>
