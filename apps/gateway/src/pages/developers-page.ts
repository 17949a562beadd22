import escapeHtml from 'escape-html'
import type { FastifyInstance } from 'fastify'
import { services, type Service } from '../config.ts'
import { PAGE_CSP, renderPage } from './layout.ts'

/** What the page links to. */
type Links = { graphiql: boolean; apiDocs: boolean; mailboxUrl: string | undefined }

/** Serves the page for developers at `/developers`: what Halles is, and links to everything that this gateway serves. */
export function registerDevelopersPage(app: FastifyInstance, links: Links): void {
  app.get('/developers', async ({ protocol, host }, reply) =>
    reply
      .type('text/html; charset=utf-8')
      .header('content-security-policy', PAGE_CSP)
      .send(renderDevelopersPage(`${protocol}://${host}`, links)),
  )
}

const descriptions: Record<Service, string> = {
  auth: 'Accounts, sessions and the public keys that verify access tokens.',
  product: 'The catalogue: search, prices and stock.',
  order: 'Orders, from Reçue to Livrée; a retried request never orders twice.',
  notification: 'The e-mails that customers get about their orders.',
}

const createSampleCommand = (
  origin: string,
): string => `curl -s ${origin}/graphql -H 'content-type: application/json' -d '{
  "query": "{ products(first: 3, sort: PRICE_ASC) { totalCount nodes { name price stock } } }"
}'`

const renderDevelopersPage = (origin: string, { graphiql, apiDocs, mailboxUrl }: Links): string =>
  renderPage(
    'Halles for developers',
    `      <h1><svg viewBox="0 0 32 32" aria-hidden="true"><path d="M2 15 16 3l14 12M6 29V12m20 0v17M11 29v-8a5 5 0 0 1 10 0v8" fill="none" stroke="currentColor" stroke-width="2.5" /></svg>Halles for developers</h1>
      <p class="lead">An e-commerce platform of microservices behind one gateway: one GraphQL supergraph over all of them, and the REST routes of each below <code>/api</code>.</p>
      <p class="links">
        ${graphiql ? '<a href="/graphiql">Explore the graph</a>' : ''}
        ${mailboxUrl ? `<a href="${escapeHtml(mailboxUrl)}">Read the mail</a>` : ''}
      </p>
      <h2>The services</h2>
      <ul>
        ${services.map((service) => renderService(service, apiDocs)).join('\n        ')}
      </ul>
      <h2>Try it</h2>
      <pre>${escapeHtml(createSampleCommand(origin))}</pre>
      <footer>
        GraphQL at <code>/graphql</code> · REST below <code>/api</code> · ${apiDocs ? '<a href="/openapi.json">OpenAPI of all</a> · ' : ''}<a href="/problems">Error codes</a>
      </footer>`,
  )

const renderService = (service: Service, apiDocs: boolean): string =>
  `<li><strong>${service}</strong><p>${descriptions[service]}</p>${apiDocs ? `<a href="/docs/${service}/">API documentation</a><a href="/docs/${service}/openapi.json">OpenAPI</a>` : ''}</li>`
