import { existsSync } from 'node:fs'

/** Where Linux distributions install Chromium; CHROMIUM names another one. */
const places = ['/usr/bin/chromium', '/usr/bin/chromium-browser', '/usr/bin/google-chrome']

/** The path of a Chromium on this machine; undefined when there is none. */
export const findChromium = (): string | undefined =>
  [process.env['CHROMIUM'] ?? '', ...places].find((file) => file !== '' && existsSync(file))
