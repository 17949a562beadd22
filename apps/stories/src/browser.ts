import { chromium, type Browser, type BrowserContext, type Page } from 'playwright-core'
import { afterAll, beforeAll, expect, inject, onTestFinished } from 'vitest'
import { findChromium } from './chromium.ts'

/** What a visitor's device is like. */
export type Device = { width?: number; height?: number; locale?: 'fr-FR' | 'en-GB'; theme?: 'light' | 'dark' }

/** Lines of the console and requests that are part of a story, as patterns: a lost connection that a story causes. */
type Expected = readonly RegExp[]

let browser: Browser

/** Whether stories can be played on this machine. */
export const hasBrowser = findChromium() !== undefined

/** Starts the browser for all stories of a file. */
export function useBrowser(): void {
  beforeAll(async () => {
    browser = await chromium.launch({
      executablePath: findChromium()!,
      // A container has no user namespaces, and a small /dev/shm.
      args: ['--no-sandbox', '--disable-dev-shm-usage'],
    })
  })
  afterAll(() => browser.close())
}

/** A visitor: a browser profile of their own, with a first tab. Errors in any of their tabs fail the story. */
export type Visitor = {
  context: BrowserContext
  page: Page
  openTab: (path: string) => Promise<Page>
  problems: string[]
}

/**
 * Opens the shop as a new visitor.
 *
 * @param path the first page
 * @param expected errors that the story itself causes
 */
export async function visit(path: string, device: Device = {}, expected: Expected = []): Promise<Visitor> {
  const { width = 1280, height = 900, locale = 'fr-FR', theme = 'light' } = device
  const context = await browser.newContext({
    viewport: { width, height },
    locale,
    colorScheme: theme,
    reducedMotion: 'reduce', // contrast is not measured in the middle of a transition
    baseURL: inject('storyShop').gateway,
  })
  context.setDefaultTimeout(30_000)
  const problems: string[] = []
  const note = (problem: string): void => {
    if (!expected.some((pattern) => pattern.test(problem))) problems.push(problem)
  }
  context.on('console', (message) => {
    if (message.type() === 'error' || message.type() === 'warning') note(`${message.type()}: ${message.text()}`)
  })
  context.on('weberror', (webError) => note(`uncaught: ${String(webError.error())}`))
  context.on('requestfailed', (request) => {
    const failure = request.failure()?.errorText
    // The browser ends a request that a navigation made useless.
    if (failure !== 'net::ERR_ABORTED') note(`failed: ${request.url()} ${failure}`)
  })
  context.on('response', (response) => {
    if (response.status() >= 400) note(`${response.status()}: ${response.request().method()} ${response.url()}`)
  })
  onTestFinished(async () => {
    await context.close()
    expect(problems, 'errors in the console and failed requests').toEqual([])
  })
  const openTab = async (to: string): Promise<Page> => {
    const tab = await context.newPage()
    await open(tab, to)
    return tab
  }
  return { context, page: await openTab(path), openTab, problems }
}

/** Opens a page, and waits until it answers to clicks. */
export async function open(page: Page, path: string): Promise<void> {
  await page.goto(path)
  await page.locator('html[data-hydrated]').waitFor({ state: 'attached' })
}
