import { access, readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fastifyStatic from '@fastify/static'
import type { App } from './fastify-types.ts'

const DIST = fileURLToPath(new URL('../../web/dist', import.meta.url))
const FOREVER = 'public, max-age=31536000, immutable'

/**
 * Serves the desk from web/dist: hashed files for ever, compressed beforehand, and the page itself for every other path, so
 * that a reload finds its screen again. Before the desk is built, `/` leads to the API's pages.
 */
export async function registerWebPages(app: App): Promise<void> {
  const isBuilt = await access(join(DIST, 'index.html')).then(
    () => true,
    () => false
  )
  if (!isBuilt) {
    app.get('/', { config: { access: 'public' }, schema: { hide: true } }, (_request, reply) =>
      reply.redirect('/api/docs')
    )
    return
  }
  const page = await readFile(join(DIST, 'index.html'), 'utf8')
  await app.register(fastifyStatic, {
    root: DIST,
    wildcard: false,
    index: false,
    preCompressed: true,
    setHeaders: (reply, path) => {
      reply.header('cache-control', /-[\w-]{8,}\.\w+$/.test(path) ? FOREVER : 'no-cache')
    }
  })
  app.get('/*', { config: { access: 'public' }, schema: { hide: true } }, (request, reply) => {
    if (request.url.startsWith('/api/')) return reply.callNotFound()
    // A file that is not there must not come back as a page.
    if (/\.\w{2,5}($|\?)/.test(request.url)) return reply.callNotFound()
    return reply.type('text/html; charset=utf-8').header('cache-control', 'no-cache').send(page)
  })
}
