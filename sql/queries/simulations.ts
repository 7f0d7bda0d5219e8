import type { Selectable } from 'kysely'
import type { Db } from '../database.ts'
import type { CallScenariosTable, SimulationsTable } from '../tables.ts'

export type ScenarioRow = Selectable<CallScenariosTable>
export type SimulationRow = Selectable<SimulationsTable>

export async function listScenarios(db: Db, flowId: string): Promise<readonly ScenarioRow[]> {
  return await db.selectFrom('call_scenarios').selectAll().where('flow_id', '=', flowId).orderBy('name').execute()
}

/** Keeps a scenario, in the place of an earlier one of the same name. */
export async function saveScenario(
  db: Db,
  row: Readonly<{ flowId: string; name: string; source: string; updatedBy: string | null }>
): Promise<void> {
  const { flowId, name, source, updatedBy } = row
  const values = { source, updated_by: updatedBy, updated_at: new Date() }
  await db
    .insertInto('call_scenarios')
    .values({ flow_id: flowId, name, ...values })
    .onConflict(conflict => conflict.columns(['flow_id', 'name']).doUpdateSet(values))
    .execute()
}

/** Whether there was one. */
export async function removeScenario(db: Db, flowId: string, name: string): Promise<boolean> {
  const { numDeletedRows } = await db
    .deleteFrom('call_scenarios')
    .where('flow_id', '=', flowId)
    .where('name', '=', name)
    .executeTakeFirst()
  return numDeletedRows > 0n
}

export async function insertSimulation(
  db: Db,
  row: Pick<SimulationRow, 'id' | 'flow_id' | 'flow_version' | 'scenario' | 'started_by' | 'started_at'>
): Promise<void> {
  await db.insertInto('simulations').values(row).execute()
}

export async function finishSimulation(db: Db, id: string, isSuccess: boolean, report: unknown): Promise<void> {
  await db
    .updateTable('simulations')
    .set({ ended_at: new Date(), is_success: isSuccess, report: JSON.stringify(report, (_, value) => storable(value)) })
    .where('id', '=', id)
    .execute()
}

/** PostgreSQL takes neither NUL nor half a surrogate pair in a text; what a model said may hold both. */
function storable<T>(value: T): T | string {
  return typeof value === 'string' ? value.replaceAll('\0', '\ufffd').toWellFormed() : value
}

export async function findSimulation(db: Db, id: string): Promise<SimulationRow | undefined> {
  return await db.selectFrom('simulations').selectAll().where('id', '=', id).executeTakeFirst()
}

/** The newest of a flow, without their reports. */
export async function listSimulations(
  db: Db,
  flowId: string,
  limit: number
): Promise<readonly Omit<SimulationRow, 'report' | 'scenario'>[]> {
  return await db
    .selectFrom('simulations')
    .select(['id', 'flow_id', 'flow_version', 'started_by', 'started_at', 'ended_at', 'is_success'])
    .where('flow_id', '=', flowId)
    .orderBy('started_at', 'desc')
    .limit(limit)
    .execute()
}

export async function deleteOldSimulations(db: Db, before: Date): Promise<void> {
  await db.deleteFrom('simulations').where('started_at', '<', before).execute()
}
