import type { Db } from '../../sql/database.ts'
import { ensureAgent, setProfile } from '../../sql/queries/agents.ts'
import { insertQueue, insertSkill, upsertDisposition, upsertStatusReason } from '../../sql/queries/queues.ts'
import type { LanguageLevel } from '../agents/profile.ts'
import { newId } from '../ids.ts'
import type { Tier } from './queue.ts'

type DemoAgent = Readonly<{
  skills: readonly Readonly<{ skill: string; level: number }>[]
  languages: readonly Readonly<{ language: string; level: LanguageLevel }>[]
}>

const DEMO_AGENTS: Readonly<Record<string, DemoAgent>> = {
  ana: {
    skills: [
      { skill: 'support', level: 4 },
      { skill: 'sales', level: 3 }
    ],
    languages: [
      { language: 'es', level: 'C2' },
      { language: 'en', level: 'C1' },
      { language: 'de', level: 'B1' }
    ]
  },
  karim: {
    skills: [
      { skill: 'support', level: 3 },
      { skill: 'sales', level: 4 }
    ],
    languages: [
      { language: 'ar', level: 'C2' },
      { language: 'en', level: 'C1' },
      { language: 'zh', level: 'B1' }
    ]
  }
}

const tiers = (skill: string): readonly Tier[] => [
  { afterMs: 0, skills: [{ skill, minLevel: 2 }], languageLevel: 'B2' },
  { afterMs: 40_000, skills: [{ skill, minLevel: 1 }], languageLevel: 'A2' }
]

const DEMO_QUEUES = [
  {
    name: 'support',
    tiers: tiers('support'),
    labels: { en: 'Support', es: 'Asistencia', de: 'Kundendienst', zh: '客户支持', ar: 'الدعم', ja: 'サポート' },
    script: 'Greet by name. Ask for the order number. Say what happens next before you end the call.'
  },
  {
    name: 'service',
    tiers: tiers('support'),
    labels: { en: 'Service', es: 'Servicio', de: 'Service', zh: '服务', ar: 'الخدمة', ja: 'サービス' },
    script: ''
  },
  {
    name: 'sales',
    tiers: tiers('sales'),
    labels: { en: 'Sales', es: 'Ventas', de: 'Vertrieb', zh: '销售', ar: 'المبيعات', ja: '営業' },
    script: ''
  },
  {
    name: 'reception',
    tiers: [],
    labels: { en: 'Reception', es: 'Recepción', de: 'Empfang', zh: '前台', ar: 'الاستقبال', ja: '受付' },
    script: ''
  },
  {
    // Whoever presses "Ring me" is the agent that is asked for, and may press 1 before the browser is ready for calls.
    name: 'first-minute',
    tiers: [],
    waits_without_agents: true,
    strategy: 'stickyAgent',
    sticky_wait_ms: 60_000,
    wrap_up_ms: 10_000,
    labels: {
      en: 'First minute',
      es: 'Primer minuto',
      de: 'Erste Minute',
      zh: '第一分钟',
      ar: 'الدقيقة الأولى',
      ja: '最初の一分'
    },
    script: ''
  }
] as const

const DEMO_DISPOSITIONS = [
  { code: 'solved', labels: { en: 'Solved', es: 'Resuelto', de: 'Gelöst', zh: '已解决', ar: 'تم الحل', ja: '解決' } },
  {
    code: 'follow-up',
    labels: { en: 'Follow up', es: 'Seguimiento', de: 'Wiedervorlage', zh: '需跟进', ar: 'متابعة', ja: '要フォロー' }
  },
  {
    code: 'handed-over',
    labels: { en: 'Handed over', es: 'Transferido', de: 'Übergeben', zh: '已转交', ar: 'تم التحويل', ja: '引き継ぎ' }
  },
  {
    code: 'wrong-number',
    labels: {
      en: 'Wrong number',
      es: 'Número equivocado',
      de: 'Falsch verbunden',
      zh: '打错号码',
      ar: 'رقم خاطئ',
      ja: '間違い電話'
    }
  }
] as const

const DEMO_STATUS_REASONS = [
  { code: 'lunch', labels: { en: 'Lunch', es: 'Almuerzo', de: 'Mittag', zh: '午餐', ar: 'غداء', ja: '昼食' } },
  { code: 'pause', labels: { en: 'Pause', es: 'Pausa', de: 'Pause', zh: '休息', ar: 'استراحة', ja: '休憩' } },
  {
    code: 'meeting',
    labels: { en: 'Meeting', es: 'Reunión', de: 'Besprechung', zh: '会议', ar: 'اجتماع', ja: '会議' }
  },
  { code: 'training', labels: { en: 'Training', es: 'Formación', de: 'Schulung', zh: '培训', ar: 'تدريب', ja: '研修' } }
] as const

/** Queues, skills, outcomes and reasons for a newcomer to look at; agents who are known by name get their skills. */
export async function seedQueues(db: Db, people: readonly Readonly<{ id: string; username: string }>[]): Promise<void> {
  for (const name of ['support', 'sales']) await insertSkill(db, { name, description: '' })
  for (const { tiers, labels, ...queue } of DEMO_QUEUES)
    await insertQueue(db, {
      id: newId(),
      ...queue,
      labels: JSON.stringify(labels),
      tiers: JSON.stringify(tiers),
      goal_percent: 80,
      max_size: 50,
      max_wait_ms: null,
      music: null,
      callback_after_ms: 120_000
    })
  for (const { code, labels } of DEMO_DISPOSITIONS)
    await upsertDisposition(db, { code, labels: JSON.stringify(labels) })
  for (const { code, labels } of DEMO_STATUS_REASONS)
    await upsertStatusReason(db, { code, labels: JSON.stringify(labels) })
  for (const { id, username } of people) {
    const known = DEMO_AGENTS[username]
    if (known === undefined) continue
    await ensureAgent(db, id, new Date())
    await setProfile(db, id, known)
  }
}
