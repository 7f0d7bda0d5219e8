import t from 'tap'
import { hashPassword, isPassword, PASSWORD_COST } from '../../server/http/passwords.ts'

t.test('a stored password costs whoever tries to guess it 32 MiB and three lanes', async t => {
  const stored = await hashPassword('a long enough password', PASSWORD_COST)
  t.match(stored, /^scrypt\$32768\$8\$3\$/)
  t.ok(await isPassword('a long enough password', stored))
  t.notOk(await isPassword('a long enough passwore', stored))
  t.not(stored, await hashPassword('a long enough password', PASSWORD_COST), 'the salt is another each time')
})

t.test('what is no hash of a password is an error and no "no"', async t => {
  await t.rejects(isPassword('x', 'md5$abc'), { message: /unknown form/ })
})
