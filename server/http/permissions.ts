import type { ApiKeyRole } from '../../sql/tables.ts'

/** Everything that a role can be allowed to do. A route names exactly one. */
export const PERMISSIONS = [
  'session',
  'softphone',
  'calls:read',
  'calls:control',
  'calls:start',
  'voicemails:read',
  'flows:read',
  'flows:write',
  'numbers:read',
  'numbers:write',
  'queues:read',
  'queues:write',
  'agents:read',
  'agents:write',
  'agents:control',
  'wallboard:read',
  'reports:read',
  'trunks:read',
  'trunks:write',
  'users:read',
  'users:write',
  'api-keys:write',
  'audit-log:read',
  'card-sources:write',
  'webhooks:write',
  'events:read',
  'compliance:read',
  'compliance:decide',
  'compliance:write',
  'compliance:sign',
  'dnc-lists:read',
  'dnc-lists:write',
  'consents:read',
  'consents:write',
  'contacts:read',
  'contacts:write',
  'campaigns:read',
  'campaigns:write',
  'campaigns:control',
  'campaigns:approve'
] as const

export type Permission = (typeof PERMISSIONS)[number]

const SETTINGS_READ: readonly Permission[] = ['flows:read', 'numbers:read', 'queues:read']

const COMPLIANCE_READ: readonly Permission[] = [
  'compliance:read',
  'compliance:decide',
  'dnc-lists:read',
  'consents:read'
]

const GRANTS: Readonly<Record<ApiKeyRole, readonly Permission[]>> = {
  agent: ['session', 'softphone', 'calls:start', 'events:read', ...SETTINGS_READ],
  supervisor: [
    'session',
    'softphone',
    'calls:read',
    'calls:control',
    'calls:start',
    'voicemails:read',
    'users:read',
    'events:read',
    'agents:read',
    'agents:write',
    'agents:control',
    'wallboard:read',
    'reports:read',
    ...COMPLIANCE_READ,
    'compliance:sign',
    'contacts:read',
    'campaigns:read',
    'campaigns:control',
    'campaigns:approve',
    ...SETTINGS_READ
  ],
  'campaign-manager': [
    'session',
    'calls:read',
    'agents:read',
    'wallboard:read',
    'reports:read',
    'events:read',
    ...COMPLIANCE_READ,
    'compliance:write',
    'dnc-lists:write',
    'consents:write',
    'contacts:read',
    'contacts:write',
    'campaigns:read',
    'campaigns:write',
    'campaigns:control',
    'campaigns:approve',
    ...SETTINGS_READ
  ],
  'qa-reviewer': ['session', 'calls:read', 'events:read', 'agents:read', 'reports:read', ...SETTINGS_READ],
  admin: PERMISSIONS,
  'privacy-officer': [
    'session',
    'calls:read',
    'voicemails:read',
    'audit-log:read',
    ...COMPLIANCE_READ,
    'compliance:sign',
    'dnc-lists:write',
    'consents:write',
    ...SETTINGS_READ
  ],
  integration: [
    'compliance:decide',
    'dnc-lists:write',
    'consents:write',
    'calls:read',
    'calls:control',
    'calls:start',
    'events:read',
    'flows:read',
    'flows:write',
    'numbers:read',
    'numbers:write',
    'queues:read',
    'queues:write',
    'agents:read',
    'agents:write',
    'wallboard:read',
    'reports:read',
    'contacts:read',
    'contacts:write',
    'campaigns:read',
    'campaigns:control'
  ]
}

export function isPermitted(role: ApiKeyRole, permission: Permission): boolean {
  return GRANTS[role].includes(permission)
}
