import { reactRouter } from '@react-router/dev/vite'
import tailwindcss from '@tailwindcss/vite'
import { defineConfig } from 'vite'
import { compression } from 'vite-plugin-compression2'

export default defineConfig({
  plugins: [tailwindcss(), reactRouter(), compression({ algorithms: ['brotliCompress'], include: /\.(js|css|svg)$/ })],
  build: { target: 'es2022', assetsInlineLimit: 0 },
  environments: {
    client: {
      build: {
        rolldownOptions: {
          output: {
            codeSplitting: {
              groups: [
                // What every page needs, in two files instead of some twenty: it compresses better.
                {
                  name: 'vendor',
                  test: /node_modules\/(react|react-dom|react-router|scheduler|clsx|cookie|set-cookie-parser)\//,
                },
                {
                  name: 'shop',
                  test: /storefront\/app\/(root|layout\/(layout|header|footer|logo|search-box|theme)|ui\/(button|empty-state)|basket\/basket\.ts|session\/(session|use-session)\.ts|api\/(api|errors)\.ts|i18n\/(i18n|language|format))|lucide-react\/dist\/esm\/(createLucideIcon|Icon|defaultAttributes|shared|context)|node_modules\/get-nonce/,
                },
              ],
            },
          },
        },
      },
    },
  },
})
