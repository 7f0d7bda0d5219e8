import react from '@vitejs/plugin-react'
import postcssPresetMantine from 'postcss-preset-mantine'
import { defineConfig } from 'vite'
import { compressed } from './compressed.ts'

/** The server to develop against; `npx vite web` then serves the desk with reloading on port 5173. */
const SERVER = 'http://127.0.0.1:8080'

export default defineConfig({
  plugins: [react(), compressed()],
  // The repository's root holds another React, of a development tool.
  resolve: { dedupe: ['react', 'react-dom'] },
  css: { postcss: { plugins: [postcssPresetMantine()] } },
  build: {
    target: ['chrome111', 'firefox120', 'safari17'],
    // The server's policy for scripts and images allows no inline ones.
    assetsInlineLimit: 0,
    modulePreload: { polyfill: false },
    reportCompressedSize: false,
    rolldownOptions: {
      output: {
        codeSplitting: {
          groups: [
            // Every file costs a slow network another wait: what each page needs comes in one.
            { name: 'base', tags: ['$initial'] },
            { name: 'shared', minShareCount: 2, entriesAware: true, entriesAwareMergeThreshold: 30_000 }
          ]
        }
      }
    }
  },
  server: { proxy: { '/api': { target: SERVER, ws: true }, '/healthz': SERVER } }
})
