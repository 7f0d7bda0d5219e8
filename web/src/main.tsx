import './styles/mantine.ts'
import './styles/base.css'
import { createRoot } from 'react-dom/client'
import { queryClient } from './api/query-client.ts'
import { meQuery } from './api/session.ts'
import { App, isOnWall } from './app.tsx'
import { startI18n } from './i18n/i18n.ts'

const root = document.getElementById('root')
if (root === null) throw new Error('the page has no root')

// Asked while the texts are fetched, so that neither waits for the other.
if (!isOnWall()) void queryClient.prefetchQuery(meQuery)
await startI18n(['common'])
createRoot(root).render(<App />)
