/** Choices of the question "may this call be placed?", as the server names them. */
export const PURPOSES = [
  'marketing',
  'existing_customer_marketing',
  'service',
  'appointment_reminder',
  'callback_requested',
  'collections',
  'research',
  'charity',
  'political'
] as const
export const MODES = ['human_manual', 'human_dialer', 'prerecorded', 'ai_voice'] as const
export const PARTIES = ['consumer', 'business', 'unknown'] as const

export type Question = Readonly<{ number: string; purpose: string; mode: string; party: string }>

export const FIRST_QUESTION: Question = { number: '', purpose: 'marketing', mode: 'human_manual', party: 'unknown' }

/** A number with its country code, in any usual writing; the server judges whether it exists. */
export function looksLikeNumber(text: string): boolean {
  return /^\s*\+[\d\s().-]{6,24}$/.test(text)
}
