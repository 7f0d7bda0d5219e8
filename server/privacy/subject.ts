import type { Db } from '../../sql/database.ts'
import { callsOfCustomer } from '../../sql/queries/privacy/items.ts'
import { attemptsOfPerson, contactsOfPerson } from '../../sql/queries/privacy/people.ts'

/** A person as a request names one: numbers in E.164 and e-mail addresses that belong together, and what they lead to. */
export type Subject = Readonly<{
  numbers: readonly string[]
  emails: readonly string[]
  callIds: readonly string[]
  /** Contacts in lists that hold one of the numbers or addresses, also of those that only attempts still know. */
  contactIds: readonly string[]
}>

/** Nobody. */
export const NO_SUBJECT: Subject = { numbers: [], emails: [], callIds: [], contactIds: [] }

/**
 * Finds a person's contacts by numbers and addresses, the dials to these contacts on whatever number, and all calls. Other
 * numbers of a contact lead to the calls of campaigns to that contact, and to no others: somebody else may share them.
 */
export async function findSubject(db: Db, { numbers, emails }: Pick<Subject, 'numbers' | 'emails'>): Promise<Subject> {
  const contacts = await contactsOfPerson(db, numbers, emails)
  const dialled = await attemptsOfPerson(db, { numbers, contactIds: [], callIds: [] })
  const contactIds = [...new Set([...contacts.map(one => one.id), ...dialled.map(one => one.contactId)])]
  const attempts = await attemptsOfPerson(db, { numbers, contactIds, callIds: [] })
  const calls = await callsOfCustomer(db, numbers)
  return {
    numbers,
    emails,
    contactIds,
    callIds: [...new Set([...calls.map(one => one.callId), ...attempts.map(one => one.id)])]
  }
}
