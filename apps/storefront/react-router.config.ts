import type { Config } from '@react-router/dev/config'

export default {
  ssr: true,
  // The manifest of all routes is sent with the page: it is small, and no request for it is then needed.
  routeDiscovery: { mode: 'initial' },
} satisfies Config
