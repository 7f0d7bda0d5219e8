import { type CompiledQuery, DefaultQueryExecutor, type QueryExecutor } from 'kysely'

/** All that is asked of databases by this process, in transactions and outside, while it is not disposed. */
export class CountedStatements implements Disposable {
  readonly #times = new Map<string, number>()
  readonly #prototype: Pick<QueryExecutor, 'executeQuery'>
  readonly #executeQuery: QueryExecutor['executeQuery']

  /** @param isOther statements of something else that goes on beside */
  constructor(isOther: (sql: string) => boolean = () => false) {
    // Kysely sends every statement through this one method, whatever the database.
    this.#prototype = Object.getPrototypeOf(DefaultQueryExecutor.prototype) as Pick<QueryExecutor, 'executeQuery'>
    this.#executeQuery = this.#prototype.executeQuery
    const counted = this
    this.#prototype.executeQuery = function <R>(this: QueryExecutor, query: CompiledQuery<R>) {
      if (!isOther(query.sql)) counted.#times.set(query.sql, (counted.#times.get(query.sql) ?? 0) + 1)
      return counted.#executeQuery.call(this, query) as ReturnType<typeof this.executeQuery<R>>
    }
  }

  get total(): number {
    return [...this.#times.values()].reduce((sum, one) => sum + one, 0)
  }

  /** The statement that was sent most often, values apart. */
  get mostOften(): Readonly<{ times: number; sql: string }> {
    const [sql, times] = [...this.#times].toSorted(([, one], [, other]) => other - one)[0] ?? ['', 0]
    return { times, sql: sql.slice(0, 200) }
  }

  [Symbol.dispose](): void {
    this.#prototype.executeQuery = this.#executeQuery
  }
}
