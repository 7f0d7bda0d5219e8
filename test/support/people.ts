import type { TestParley } from './parley.ts'

const PASSWORD = 'a long enough password'

export type TestPerson = Readonly<{ id: string; password: string; token: string }>

/** Gives people of the demo data a password that the test knows, and signs them in. */
export async function signInPeople<Name extends string>(
  server: Pick<TestParley, 'api' | 'signIn'>,
  names: readonly Name[]
): Promise<Readonly<Record<Name, TestPerson>>> {
  const { body } = await server.api('GET', '/users?limit=100')
  const users = body.items as { id: string; username: string }[]
  const people: Partial<Record<Name, TestPerson>> = {}
  for (const name of names) {
    const id = users.find(user => user.username === name)?.id
    if (id === undefined) throw new Error(`nobody is called ${name}`)
    await server.api('PATCH', `/users/${id}`, { password: PASSWORD })
    const token = (await server.signIn(name, PASSWORD)).body['token'] as string
    people[name] = { id, password: PASSWORD, token }
  }
  return people as Readonly<Record<Name, TestPerson>>
}
