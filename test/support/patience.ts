/**
 * A limit in milliseconds for a test that runs beside others: five times what is promised. It tells a fault from a machine
 * that has much to do; whether the promise is kept is measured in `bench`, with nothing else running.
 */
export function patient(promisedMs: number): number {
  return promisedMs * 5
}
