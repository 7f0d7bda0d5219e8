import { pino } from 'pino'
import { type Campaign, segmentOf, toCampaign } from '../../../server/campaigns/campaign.ts'
import type { CampaignSettings } from '../../../server/campaigns/settings.ts'
import { newId } from '../../../server/ids.ts'
import type { Pacing } from '../../../sql/campaign-tables.ts'
import { type Db, openDatabase } from '../../../sql/database.ts'
import { migrate } from '../../../sql/migrate.ts'
import { type ReservedLead, reserveLeads } from '../../../sql/queries/campaigns/attempts.ts'
import { insertCampaign, loadLeads } from '../../../sql/queries/campaigns/campaigns.ts'
import { settings } from '../../campaigns/support.ts'
import { freshPglite } from '../../support/database-template.ts'
import type { TestDatabase } from '../../support/parley.ts'
import { freshDatabase } from '../../support/postgres-database.ts'

export const NOW = new Date('2026-11-24T15:00:00Z')
export const log = pino({ level: 'silent' })

/** Campaigns and their people in a database of their own, without anything that dials them. */
export class CampaignRows implements AsyncDisposable {
  readonly db: Db
  /** Where the database can be reached by others; null where it cannot. */
  readonly url: string | null
  readonly #stack: AsyncDisposableStack
  #made = 0

  private constructor(db: Db, url: string | null, stack: AsyncDisposableStack) {
    this.db = db
    this.url = url
    this.#stack = stack
  }

  static async open(kind: TestDatabase): Promise<CampaignRows> {
    await using stack = new AsyncDisposableStack()
    const location =
      kind === 'pglite'
        ? ({ kind, folder: await freshPglite(stack) } as const)
        : ({ kind, url: await freshDatabase(stack) } as const)
    let isClosing = false
    const database = stack.use(
      await openDatabase(location, err => {
        // Dropping the database at the end may reach connections that are closing.
        if (!isClosing) throw err
      })
    )
    stack.defer(() => {
      isClosing = true
    })
    await migrate(database.db)
    return new CampaignRows(database.db, location.kind === 'postgres' ? location.url : null, stack.move())
  }

  /** A list with somebody at each of the numbers; resolves with its number and with the ids of its contacts. */
  async list(numbers: readonly string[]): Promise<Readonly<{ id: string; no: number; contactIds: readonly string[] }>> {
    this.#made += 1
    const id = newId()
    const { no } = await this.db
      .insertInto('contact_lists')
      .values({ id, name: `List ${this.#made}`, note: '', created_by: null, deleted_at: null })
      .returning('no')
      .executeTakeFirstOrThrow()
    const place = await this.db
      .insertInto('contact_places')
      .values({ key: `place ${this.#made}`, jurisdictions: ['US'], zones: ['America/New_York'] })
      .returning('id')
      .executeTakeFirstOrThrow()
    const contactIds: string[] = []
    for (const number of numbers) {
      const contact = await this.db
        .insertInto('contacts')
        .values({ list_no: no, name: number } as never)
        .returning('id')
        .executeTakeFirstOrThrow()
      contactIds.push(String(contact.id))
      await this.db
        .insertInto('contact_numbers')
        .values({ contact_id: contact.id, position: 0, list_no: no, number, place_id: place.id } as never)
        .execute()
    }
    return { id, no, contactIds }
  }

  /** A running campaign, whose people wait for their turn. */
  async campaign(
    pacing: Pacing,
    lists: readonly Readonly<{ id: string; no: number }>[],
    change: Partial<CampaignSettings> = {}
  ): Promise<Campaign> {
    this.#made += 1
    const row = await insertCampaign(this.db, {
      id: newId(),
      name: `Campaign ${this.#made}`,
      pacing,
      state: 'running',
      settings: JSON.stringify(settings({ lists: lists.map(one => one.id), ...change })),
      settings_hash: 'hash',
      dry_run_hash: null,
      dry_run_at: null,
      submitted_by: null,
      submitted_at: null,
      approved_by: null,
      approved_at: null,
      approved_hash: 'hash',
      refused_by: null,
      refusal: null,
      state_by: null,
      started_at: NOW,
      ended_at: null,
      created_by: null,
      deleted_at: null
    })
    const everybody = { languages: null, countries: null, custom: {}, first: [] }
    await loadLeads(
      this.db,
      row.no,
      lists.map(one => one.no),
      everybody,
      '0',
      1_000,
      NOW
    )
    return toCampaign(row)
  }

  /** The next leads of a campaign, taken by a control plane. */
  async take(campaign: Campaign, controlPlaneId: string, count: number, now = NOW): Promise<readonly ReservedLead[]> {
    const places = await this.db.selectFrom('contact_places').select('id').execute()
    return await reserveLeads(this.db, {
      campaignNo: campaign.no,
      slots: places.map(one => ({ placeId: one.id, priority: 5 })),
      lists: campaign.settings.lists,
      segment: segmentOf(campaign),
      ids: Array.from({ length: count }, () => newId()),
      controlPlaneId,
      now,
      promises: { agentIds: [], olderThan: now }
    })
  }

  async attempt(id: string) {
    return await this.db.selectFrom('campaign_attempts').selectAll().where('id', '=', id).executeTakeFirstOrThrow()
  }

  async lead(campaign: Campaign, contactId: string) {
    return await this.db
      .selectFrom('campaign_leads')
      .selectAll()
      .where('campaign_no', '=', campaign.no)
      .where('contact_id', '=', contactId)
      .executeTakeFirstOrThrow()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#stack.disposeAsync()
  }
}
