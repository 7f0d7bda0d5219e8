import t from 'tap'
import { testDatabases, TestParley } from '../support/parley.ts'
import { signInPeople } from '../support/people.ts'

type Answer = { isKnown: boolean; passages: { title: string; text: string; score: number; version: number }[] }

/** What people ask in each language: an article, a question that it answers, and one that it does not. */
const ASKED: readonly (readonly [language: string, title: string, body: string, known: string, unknown: string])[] = [
  [
    'en',
    'Returning goods',
    'You may return goods within 30 days.',
    'Hello, how can I return the goods that I bought?',
    'Who won the football match yesterday?'
  ],
  [
    'de',
    'Rückgabe',
    'Waren können Sie innerhalb von 30 Tagen zurückgeben.',
    'Wie kann ich die Ware bitte zurückgeben?',
    'Wer hat gestern das Fußballspiel gewonnen?'
  ],
  [
    'es',
    'Devoluciones',
    'Puede devolver los productos en un plazo de 30 días.',
    'Quisiera devolver un producto, por favor',
    '¿Quién ganó el partido de fútbol?'
  ],
  ['zh', '退货', '您可以在三十天内退货。', '请问怎么退货？', '昨天谁赢了足球比赛？'],
  [
    'ja',
    '返品',
    '商品は三十日以内に返品できます。',
    '商品を返品したいのですが',
    '昨日のサッカーの試合は誰が勝ちましたか'
  ],
  [
    'ar',
    'إرجاع البضائع',
    'يمكنك إرجاع البضائع خلال ثلاثين يومًا.',
    'كيف يمكنني إرجاع البضائع من فضلك؟',
    'من فاز في مباراة كرة القدم أمس؟'
  ]
]

for (const database of testDatabases())
  t.test(`editors keep what bots answer from, with ${database}`, { timeout: 280_000 }, async t => {
    await using server = await TestParley.start({ database, hasDemoData: true })
    const people = await signInPeople(server, ['sara', 'ana'])
    const ask = async (question: string, language: string, more: object = {}): Promise<Answer> => {
      const { status, body } = await server.api('POST', '/knowledge-articles/ask', { question, language, ...more })
      t.equal(status, 200)
      return body as unknown as Answer
    }

    await t.test('an article is found in each language when it is published, and nothing else is made up', async t => {
      for (const [language, title, body, known, unknown] of ASKED) {
        const made = await server.api('POST', '/knowledge-articles', { language, title, body })
        t.equal(made.status, 201)
        t.notOk((await ask(known, language)).isKnown, 'a draft is not answered from')
        const published = await server.api('POST', `/knowledge-articles/${made.body['id']}/publish`, { version: 1 })
        t.equal(published.status, 204)
        // Other articles of the language, so that rare and common words differ.
        await server.api('POST', '/knowledge-articles/import', {
          format: 'markdown',
          name: `others-${language}`,
          language,
          content: '# Alpha\n\nNothing of that kind.\n\n# Beta\n\nNor here.',
          isPublished: true
        })
        const found = await ask(known, language)
        t.match(found, { isKnown: true, passages: [{ title, text: body }] }, `${language}: ${known}`)
        t.notOk((await ask(unknown, language)).isKnown, `${language}: ${unknown}`)
      }
    })

    await t.test('a new version is a draft until it is published, and an old one can be taken again', async t => {
      const { body: made } = await server.api('POST', '/knowledge-articles', {
        language: 'en-GB',
        region: 'GB',
        product: 'kettle',
        title: 'Descaling the kettle',
        body: 'Use vinegar.'
      })
      const path = `/knowledge-articles/${made['id']}`
      await server.api('POST', `${path}/publish`, { version: 1 })
      t.match(await server.api('POST', `${path}/versions`, { title: 'Descaling the kettle', body: 'Use lemon.' }), {
        status: 201,
        body: { version: 2 }
      })
      const question = ['How do I descale the kettle', 'en-GB', { region: 'GB', product: 'kettle' }] as const
      t.match(await ask(...question), { passages: [{ text: 'Use vinegar.', version: 1 }] })
      await server.api('POST', `${path}/publish`, { version: 2 })
      t.match(await ask(...question), { passages: [{ text: 'Use lemon.', version: 2 }] })
      const { body: article } = await server.api('GET', path)
      t.same(
        (article['versions'] as { version: number; state: string }[]).map(one => [one.version, one.state]),
        [
          [2, 'published'],
          [1, 'old']
        ]
      )
      await server.api('POST', `${path}/publish`, { version: 1 })
      t.match(await ask(...question), { passages: [{ text: 'Use vinegar.' }] })

      t.notOk((await ask(question[0], 'en-US', question[2])).isKnown, 'Americans are not told British things')
      t.notOk((await ask(question[0], 'en-GB', { region: 'IE', product: 'kettle' })).isKnown, 'nor those elsewhere')
      t.notOk((await ask(question[0], 'en-GB', { region: 'GB', product: 'toaster' })).isKnown, 'nor of other goods')
      await server.api('PATCH', path, { language: 'en', region: null, product: null })
      t.ok((await ask(question[0], 'en-US')).isKnown)

      t.equal((await server.api('POST', `${path}/withdraw`)).status, 204)
      t.notOk((await ask(...question)).isKnown)
      t.equal((await server.api('DELETE', path)).status, 204)
      t.match(await server.api('GET', path), { status: 404, body: { code: 'NOT_FOUND' } })
    })

    await t.test('an article that is not valid yet, or no longer, is not answered from', async t => {
      const day = 86_400_000
      const write = async (title: string, from: number, until: number) => {
        const { body } = await server.api('POST', '/knowledge-articles', {
          language: 'en',
          title,
          body: `${title} lasts two weeks.`,
          validFrom: new Date(Date.now() + from * day).toISOString(),
          validUntil: new Date(Date.now() + until * day).toISOString()
        })
        await server.api('POST', `/knowledge-articles/${body['id']}/publish`, { version: 1 })
      }
      await write('Carnival discount', -1, 1)
      await write('Midsummer rebate', 1, 2)
      await write('Harvest voucher', -2, -1)
      t.ok((await ask('carnival discount', 'en')).isKnown)
      t.notOk((await ask('midsummer rebate', 'en')).isKnown)
      t.notOk((await ask('harvest voucher', 'en')).isKnown)
      t.match(
        await server.api('POST', '/knowledge-articles', {
          language: 'en',
          title: 'x',
          body: 'x',
          validFrom: '2026-02-01T00:00:00Z',
          validUntil: '2026-01-01T00:00:00Z'
        }),
        { status: 400, body: { code: 'VALIDATION_FAILED', problems: [{ at: '/validUntil' }] } }
      )
    })

    await t.test('a file is checked, imported, and imported again without a second copy', async t => {
      const file = (content: string, more: object = {}) => ({
        format: 'csv',
        name: 'products.csv',
        language: 'en',
        content,
        isPublished: true,
        ...more
      })
      const first = 'id,title,body\na,Gift wrapping,We wrap gifts for free.\nb,,No title.\n'
      const send = (body: object) => server.api('POST', '/knowledge-articles/import', body)
      const report = { created: 1, changed: 0, problems: [{ line: 3, code: 'TITLE_MISSING' }] }
      t.match(await send(file(first, { isCheck: true })), { status: 200, body: report })
      t.notOk((await ask('gift wrapping', 'en')).isKnown, 'a check stores nothing')
      t.match(await send(file(first)), { status: 200, body: report })
      t.match(await send(file(first)), { body: { created: 0, changed: 0, unchanged: 1 } })
      t.match(await send(file(first.replace('for free', 'for two euros'))), { body: { changed: 1 } })
      t.match(await ask('gift wrapping', 'en'), { passages: [{ text: 'We wrap gifts for two euros.', version: 2 }] })
    })

    await t.test('lists page by cursor, and roles decide who reads and who writes', async t => {
      const titles: string[] = []
      let cursor = ''
      for (let pages = 0; pages < 20; pages += 1) {
        const { body } = await server.api('GET', `/knowledge-articles?language=en&limit=2${cursor}`)
        titles.push(...(body.items as { title: string }[]).map(one => one.title))
        if (body['nextCursor'] === null) break
        cursor = `&cursor=${body['nextCursor']}`
      }
      t.equal(new Set(titles).size, titles.length)
      t.ok(titles.length >= 6)
      t.match(await server.api('GET', '/knowledge-articles?title=WRAP'), {
        body: { items: [{ title: 'Gift wrapping' }] }
      })
      t.equal((await server.api('GET', '/knowledge-articles', undefined, people.ana.token)).status, 200)
      const words = { language: 'en', title: 'By an agent', body: 'Not allowed.' }
      t.match(await server.api('POST', '/knowledge-articles', words, people.ana.token), { status: 403 })
      t.equal((await server.api('POST', '/knowledge-articles', words, people.sara.token)).status, 201)
      const { body } = await server.api('GET', '/audit-log?limit=5')
      t.match(body.items, [{ action: 'knowledge.created', actorName: 'sara' }])
    })
  })
