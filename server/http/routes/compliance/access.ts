import type { Permission } from '../../permissions.ts'

/** What the routes of compliance ask for. */
export const COMPLIANCE_PERMISSIONS = [
  'compliance:read',
  'compliance:decide',
  'compliance:write',
  'compliance:sign',
  'dnc-lists:read',
  'dnc-lists:write',
  'consents:read',
  'consents:write'
] as const

/** The permission of a route; the list of all permissions names these too. */
export function access(permission: (typeof COMPLIANCE_PERMISSIONS)[number]): { access: Permission } {
  return { access: permission as string as Permission }
}
