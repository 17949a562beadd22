import { expect, it } from 'vitest'
import { parseConfig } from './config.ts'

const env = {
  PORT: '0',
  JWKS_URL: 'http://127.0.0.1:1/jwks.json',
  MONGODB_URL: 'mongodb://127.0.0.1:27017/halles_notification?replicaSet=rs0',
  KAFKA_BROKERS: '127.0.0.1:9092',
  SMTP_URL: 'smtp://api:s%40cret@sandbox.smtp.mailtrap.io:587',
}

it('parseConfig needs only the addresses of its servers', () => {
  expect(parseConfig(env)).toMatchObject({
    MAIL_FROM: 'Halles <commandes@halles.example>',
    RETRY_SCALE: 1,
    SMTP_TIMEOUT_MS: 60_000,
    SMTP_URL: env.SMTP_URL,
  })
})

it.each([
  ['SMTP_URL', 'http://127.0.0.1:1025'],
  ['SMTP_URL', 'smtp://'],
  ['MAIL_FROM', 'Halles'],
  ['MAIL_FROM', 'Halles <a@b.fr>\r\nBcc: c@d.fr'],
  ['RETRY_SCALE', '0'],
  ['RETRY_SCALE', 'soon'],
  ['SMTP_TIMEOUT_MS', '0'],
  ['SMTP_TIMEOUT_MS', '1.5'],
  ['SHOP_URL', 'halles.example'],
  ['SHOP_URL', 'javascript:alert(1)'],
])('parseConfig refuses %s=%j and names the variable', (name, value) => {
  expect(() => parseConfig({ ...env, [name]: value })).toThrow(name)
})

it.each(['Halles <commandes@halles.example>', 'commandes@halles.example', 'Les Halles de Paris <a@b.fr>'])(
  'parseConfig accepts the sender %s',
  (from) => expect(parseConfig({ ...env, MAIL_FROM: from }).MAIL_FROM).toBe(from),
)
