import { pino } from 'pino'
import t from 'tap'
import { groupQuestions } from '../../server/bots/analytics/group-questions.ts'
import { ConversationLog } from '../../server/bots/conversation-log.ts'
import { startDialogue } from '../../server/bots/dialogue.ts'
import { CallBudget } from '../../server/bots/model/budget.ts'
import { Call } from '../../server/calls/call.ts'
import { deleteOldQuestions } from '../../sql/queries/bots/conversations.ts'
import { testDatabases, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'

t.test('questions that ask for the same stand together, the most asked first', async t => {
  const ask = (id: string, question: string, words: readonly string[], language = 'en') => ({
    id,
    language,
    question,
    words,
    askedAt: new Date(Number(id) * 1_000)
  })
  const groups = groupQuestions([
    ask('1', 'Do you repair kettles?', ['repair', 'kettl']),
    ask('2', 'Can I pay by cheque?', ['pay', 'chequ']),
    ask('3', 'Who repairs my kettle?', ['repair', 'kettl', 'who']),
    ask('4', 'Reparieren Sie?', ['repair', 'kettl'], 'de')
  ])
  t.match(groups, [
    { ids: ['1', '3'], words: ['repair', 'kettl'], example: 'Do you repair kettles?', lastAskedAt: new Date(3_000) },
    { ids: ['4'], language: 'de' },
    { ids: ['2'] }
  ])
})

for (const database of testDatabases())
  t.test(`supervisors see what bots achieve, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    const people = await signInPeople(server, ['sara', 'ana'])
    const { db } = server.parley
    const made = await server.api('POST', '/knowledge-articles', {
      language: 'en',
      title: 'Returns',
      body: 'In 30 days.'
    })
    const articleId = made.body['id'] as string
    const from = new Date(Date.now() - 60_000).toISOString()
    const log = pino({ level: 'silent' })
    const converse = async (
      end: Parameters<ConversationLog['close']>[1],
      answers: number,
      isSolved: boolean | null,
      step: 'question' | 'disclosure' = 'question'
    ) => {
      const call = new Call({ direction: 'inbound', log, sink: () => {} })
      const facts = { flowId: 'bot', node: 'bot', language: 'en', model: null }
      const conversation = new ConversationLog(db, call, facts, new Date())
      conversation.disclosedMs = 4_800
      for (let turn = 1; turn <= answers; turn += 1)
        conversation.answered(
          { kind: 'answer', source: 'retrieval', articleId, topic: 'Returns', failure: null },
          { turn, confidence: 0.9, retrieval_ms: 10 * turn, first_clause_ms: 20, speech_ms: 100, reply_ms: 3_000 }
        )
      const state = { ...startDialogue(0), turns: answers, answered: answers, isSolved }
      await conversation.close(state, end, step, new CallBudget({ tokens: 1, cents: 1 }))
      return { call, conversation }
    }
    await converse({ kind: 'done', isSolved: true }, 2, true)
    await converse({ kind: 'done', isSolved: null }, 1, null)
    await converse({ kind: 'handover', reason: 'asked' }, 1, null)
    await converse(null, 1, null)
    await converse(null, 0, null, 'disclosure')
    const asked = await converse({ kind: 'handover', reason: 'unknownAnswer' }, 0, false)
    let agrees = true
    asked.conversation.unknown('Never kept', ['kept'], () => false)
    asked.conversation.unknown('Do you repair kettles?', ['repair', 'kettl'], () => agrees)
    asked.conversation.unknown('My name is Anna Weber, who repairs?', ['anna', 'weber', 'repair'], () => agrees)
    t.same(await db.selectFrom('bot_questions').selectAll().execute(), [], 'nothing is kept before the call ends')
    await asked.call[Symbol.asyncDispose]()
    const withdrawn = await converse({ kind: 'done', isSolved: null }, 0, null)
    withdrawn.conversation.unknown('Taken back', ['taken'], () => agrees)
    agrees = false
    await withdrawn.call[Symbol.asyncDispose]()
    const to = new Date(Date.now() + 60_000).toISOString()

    await t.test('contained and solved apart, topics, where callers leave, and how long stages take', async t => {
      const { status, body } = await server.api(
        'GET',
        `/reports/bots?from=${from}&to=${to}`,
        undefined,
        people.sara.token
      )
      t.equal(status, 200)
      t.match(body, {
        conversations: 7,
        disclosed: 6,
        done: 3,
        handover: 2,
        callerLeft: 2,
        contained: 4,
        solved: 1,
        askedIfSolved: 2,
        answered: 5,
        handOvers: [
          { name: 'asked', count: 1 },
          { name: 'unknownAnswer', count: 1 }
        ],
        leaving: [
          { name: 'disclosure', count: 1 },
          { name: 'question', count: 1 }
        ],
        topics: [{ articleId, title: 'Returns', answers: 5, conversations: 4, solved: 1, handedOver: 1 }]
      })
      const stages = body['stages'] as { stage: string; medianMs: number; turns: number }[]
      t.match(
        stages.find(one => one.stage === 'retrieval'),
        { turns: 5, medianMs: 10 }
      )
      t.match(await server.api('GET', `/reports/bots?from=${to}&to=${from}`), { status: 400 })
      t.match(await server.api('GET', `/reports/bots?from=${from}&to=${to}&language=de`), {
        body: { conversations: 0 }
      })
      t.match(await server.api('GET', `/reports/bots?from=${from}&to=${to}`, undefined, people.ana.token), {
        status: 403
      })
    })

    await t.test(
      'questions without an answer are kept of those who agreed, redacted, until somebody deals with them',
      async t => {
        const { body } = await server.api('GET', '/bot-questions')
        const groups = body['groups'] as { example: string; ids: string[] }[]
        t.same(groups.map(one => one.example).sort(), ['Do you repair kettles?', 'My name is [name], who repairs?'])
        const ids = groups.flatMap(one => one.ids)
        t.match(await server.api('POST', '/bot-questions/settle', { ids, articleId: 'none' }), { status: 404 })
        t.match(await server.api('POST', '/bot-questions/settle', { ids }, people.ana.token), { status: 403 })
        t.match(await server.api('POST', '/bot-questions/settle', { ids, articleId }), { body: { settled: 2 } })
        t.match(await server.api('GET', '/bot-questions'), { body: { groups: [] } })
        t.equal(await deleteOldQuestions(db, new Date(Date.now() + 60_000)), 2, 'when they are old enough')
      }
    )
  })
