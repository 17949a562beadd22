import type { FastifyInstance } from 'fastify'
import { services, type Service } from './config.ts'

type Links = { graphiql: boolean; mailbox: string | undefined }

/** The page at `/`: what this is, and where everything is. */
export function frontPage(app: FastifyInstance, links: Links): void {
  app.get('/', async ({ protocol, host }, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', policy)
      .send(render({ ...links, host: `${protocol}://${host}` })),
  )
}

const policy =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

const does: Record<Service, string> = {
  auth: 'Accounts, sessions and the keys that tokens are checked with.',
  product: 'The catalogue: search, prices and stock.',
  order: 'Orders, from Reçue to Livrée, placed once and never wrong.',
  notification: 'The letters that customers get about their orders.',
}

const query = (host: string): string => `curl -s ${host}/graphql -H 'content-type: application/json' -d '{
  "query": "{ products(first: 3, sort: PRICE_ASC) { totalCount nodes { name price stock } } }"
}'`

const render = ({ graphiql, mailbox, host }: Links & { host: string }): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Halles</title>
    <link rel="icon" href="data:image/svg+xml,<svg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32'><path d='M2 15 16 3l14 12M6 29V12m20 0v17M11 29v-8a5 5 0 0 1 10 0v8' fill='none' stroke='%23a8431f' stroke-width='3'/></svg>" />
    <style>
      :root { color-scheme: light dark; --paper: #faf6ef; --ink: #2b2320; --soft: #75685f; --line: #e3d9cb; --brick: #a8431f; --card: #fffdf9; }
      @media (prefers-color-scheme: dark) { :root { --paper: #1d1917; --ink: #f1e9e0; --soft: #ad9f94; --line: #3b332e; --brick: #e98a62; --card: #26211e; } }
      * { box-sizing: border-box; margin: 0; }
      body { background: var(--paper); color: var(--ink); font: 17px/1.55 system-ui, sans-serif; }
      main { max-width: 60rem; margin: 0 auto; padding: clamp(2rem, 6vw, 5rem) 1.25rem 4rem; }
      h1 { font: 600 clamp(2.6rem, 8vw, 4.2rem)/1 Georgia, 'Times New Roman', serif; letter-spacing: -0.02em; display: flex; gap: 0.3em; align-items: center; }
      h1 svg { width: 0.9em; color: var(--brick); flex: none; }
      .lead { font-size: 1.2rem; color: var(--soft); margin: 1rem 0 2.2rem; max-width: 38rem; }
      h2 { font: 600 1.25rem/1.3 Georgia, 'Times New Roman', serif; margin: 2.6rem 0 0.9rem; }
      a { color: var(--brick); text-underline-offset: 0.2em; }
      a:focus-visible { outline: 3px solid var(--brick); outline-offset: 3px; border-radius: 4px; }
      .doors { display: flex; flex-wrap: wrap; gap: 0.75rem; }
      .doors a { border: 1px solid var(--brick); border-radius: 0.5rem; padding: 0.55rem 1.1rem; text-decoration: none; font-weight: 600; }
      .doors a:first-child { background: var(--brick); color: var(--paper); }
      ul { list-style: none; padding: 0; display: grid; gap: 0.9rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
      li { background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem; padding: 1rem 1.2rem; }
      li p { color: var(--soft); font-size: 0.95rem; margin: 0.2rem 0 0.6rem; }
      li strong { text-transform: capitalize; }
      li a + a { margin-left: 0.9rem; }
      pre { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--brick); border-radius: 0.4rem; padding: 1rem 1.2rem; overflow-x: auto; user-select: all; }
      code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.88em; }
      footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9rem; }
    </style>
  </head>
  <body>
    <main>
      <h1><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M2 15 16 3l14 12M6 29V12m20 0v17M11 29v-8a5 5 0 0 1 10 0v8" fill="none" stroke="currentColor" stroke-width="2.5" /></svg>Halles</h1>
      <p class="lead">A shop made of small services behind one door: one GraphQL graph over all of them, and the REST routes of each below <code>/api</code>.</p>
      <p class="doors">
        ${graphiql ? '<a href="/graphiql">Explore the graph</a>' : ''}
        ${mailbox ? `<a href="${escaped(mailbox)}">Read the mail</a>` : ''}
      </p>
      <h2>The services</h2>
      <ul>
        ${services.map(card).join('\n        ')}
      </ul>
      <h2>Try it</h2>
      <pre>${escaped(query(host))}</pre>
      <footer>
        GraphQL at <code>/graphql</code> · REST below <code>/api</code> · <a href="/openapi.json">OpenAPI of all</a>
      </footer>
    </main>
  </body>
</html>
`

const card = (service: Service): string =>
  `<li><strong>${service}</strong><p>${does[service]}</p><a href="/docs/${service}/">API page</a><a href="/docs/${service}/openapi.json">OpenAPI</a></li>`

const escaped = (text: string): string =>
  text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;').replaceAll('"', '&quot;')
