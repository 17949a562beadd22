import { projectConfig } from '../../vitest.shared.ts'

/** Rules of pages that need no browser; what people do in one is in apps/stories. */
export default projectConfig('storefront', { include: ['app/**/*.test.ts'] })
