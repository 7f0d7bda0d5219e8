/** What may come of the question "may Parley place this call now?", from best to worst. Never a boolean. */
export const OUTCOMES = ['ALLOW', 'DEFER', 'REVIEW', 'BLOCK'] as const
export type Outcome = (typeof OUTCOMES)[number]

/** The worse of two outcomes: BLOCK > REVIEW > DEFER > ALLOW. */
export function worse(a: Outcome, b: Outcome): Outcome {
  return OUTCOMES.indexOf(a) >= OUTCOMES.indexOf(b) ? a : b
}

/** Every reason that a rule can give. Closed: explanations in six languages exist for each. */
export const REASONS = [
  'NUM_INVALID',
  'NUM_SPECIAL',
  'JUR_NO_PACK',
  'JUR_AMBIGUOUS',
  'CLOCK_UNCERTAIN',
  'HOURS_OUTSIDE',
  'DAY_PROHIBITED',
  'HOLIDAY_PROHIBITED',
  'EMERGENCY_SUSPENSION',
  'COURTESY_RAMADAN',
  'NO_FEASIBLE_WINDOW',
  'DNC_INTERNAL',
  'DNC_REGISTRY_LISTED',
  'DNC_SCRUB_STALE',
  'DNC_SCRUB_MISSING',
  'CONSENT_MISSING',
  'CONSENT_INSUFFICIENT_FORM',
  'CONSENT_REVOKED',
  'CONSENT_SCOPE',
  'CONSENT_UNPROVEN',
  'EBR_EXPIRED',
  'REASSIGNED_YES',
  'REASSIGNED_NODATA',
  'FREQ_EXCEEDED',
  'REFUSAL_COOLDOWN',
  'CLI_INVALID',
  'CLI_TYPE_PROHIBITED',
  'CAMPAIGN_ABANDON_CAP',
  'CAMPAIGN_REGISTRATION_MISSING',
  'OVERRIDE_APPLIED'
] as const
export type Reason = (typeof REASONS)[number]

/** What an allowed call must do. `seconds` belongs to the codes that name a time. */
export const OBLIGATIONS = [
  'IDENTIFY_AT_START',
  'IDENTIFY_WITHIN_S',
  'PURPOSE_DISCLOSE',
  'AI_DISCLOSE',
  'ASK_CONTINUE',
  'END_WITHIN_S',
  'OPTOUT_WITHIN_2S_OF_ID',
  'OPTOUT_MECHANISM',
  'VOICEMAIL_TOLLFREE',
  'CALLBACK_NUMBER',
  'RECORDING_NOTICE',
  'RECORDING_OPT_IN',
  'RECORDING_FORBIDDEN',
  'SOURCE_OF_NUMBER_ON_REQUEST',
  'ABANDON_MESSAGE'
] as const
export type ObligationCode = (typeof OBLIGATIONS)[number]
export type Obligation = Readonly<{ code: ObligationCode; seconds?: number }>

export const MODES = ['human_manual', 'human_dialer', 'prerecorded', 'ai_voice'] as const
export type Mode = (typeof MODES)[number]

export const PURPOSES = [
  'marketing',
  'existing_customer_marketing',
  'service',
  'appointment_reminder',
  'callback_requested',
  'collections',
  'research',
  'charity',
  'political',
  'emergency'
] as const
export type Purpose = (typeof PURPOSES)[number]

export const PARTIES = ['consumer', 'business', 'unknown'] as const
export type Party = (typeof PARTIES)[number]

/** Lines of business that some laws treat apart. */
export const SECTORS = ['finance', 'telecom', 'energy_renovation', 'pensions', 'claims_management'] as const
export type Sector = (typeof SECTORS)[number]

/** Forms of consent from weakest to strongest. `written_signed` is prior express written consent (47 CFR 64.1200(f)). */
export const GRADES = [
  'none',
  'implied',
  'oral_express',
  'express_electronic',
  'written_signed',
  'double_opt_in'
] as const
export type Grade = (typeof GRADES)[number]

export function isAtLeast(grade: Grade, wanted: Grade): boolean {
  return GRADES.indexOf(grade) >= GRADES.indexOf(wanted)
}

/** Who wrote a rule: a legislator, an industry, good manners, or the house. Only the last two may be switched off. */
export const LAYERS = ['law', 'code', 'courtesy', 'house'] as const
export type Layer = (typeof LAYERS)[number]

/** How sure the value of a rule is: primary text read, secondary source, well known, or not sure. */
export const CERTAINTIES = ['P', 'S', 'K', 'UNVERIFIED'] as const
export type Certainty = (typeof CERTAINTIES)[number]
