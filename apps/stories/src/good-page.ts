import { AxeBuilder } from '@axe-core/playwright'
import type { Page } from 'playwright-core'
import { expect } from 'vitest'
import type { Device } from './browser.ts'

/** The devices on which every page is checked: both widths and both themes. */
export const devices: Record<string, Device> = {
  'a phone in the dark theme': { width: 375, height: 812, theme: 'dark' },
  'a desktop in the light theme': { width: 1280, height: 900, theme: 'light' },
}

/** axe finds nothing (WCAG 2.2 A and AA, and best practices), and nothing is wider than the page. */
export async function expectGoodPage(page: Page): Promise<void> {
  await page.locator('[data-loading="page"]').waitFor({ state: 'detached' })
  const { violations } = await new AxeBuilder({ page }).analyze()
  const found = violations.map(
    ({ id, nodes }) => `${page.url()} ${id}: ${nodes.map(({ html }) => html.slice(0, 160)).join('\n  ')}`,
  )
  expect(found).toEqual([])
  const overflow = await page.evaluate(
    () => document.documentElement.scrollWidth - document.documentElement.clientWidth,
  )
  expect(overflow, `${page.url()} is wider than the window`).toBe(0)
}
