import { createHash } from 'node:crypto'
import { promisify } from 'node:util'
import { gzip } from 'node:zlib'
import type { FastifyInstance, FastifyReply } from 'fastify'
import { isNavigation } from './error-page.ts'

const compress = promisify(gzip)

/** GraphiQL may load from this origin and call it. It creates styles and workers at run time. */
const GRAPHIQL_CSP = [
  "default-src 'none'",
  "script-src 'self'",
  "worker-src 'self'",
  "style-src 'self' 'unsafe-inline'",
  "font-src 'self' data:",
  "img-src 'self' data:",
  "connect-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join('; ')

/** The operation of the first tab. It works as it stands, without signing in. */
const catalogueQuery = `# The catalogue. Press ▶, or Ctrl-Enter.
query Catalogue {
  products(first: 5, sort: PRICE_ASC) {
    nodes {
      id
      name
      price
      category
      stock
    }
    totalCount
  }
  categories {
    name
    productCount
  }
}
`

const signInMutation = `# Signs in. Put the accessToken into the Headers of another tab, below its query:
#   { "Authorization": "Bearer …" }
mutation SignIn($email: String!, $password: String!) {
  login(input: { email: $email, password: $password }) {
    accessToken
    expiresIn
    user {
      name
      role
    }
  }
}
`

const myOrdersQuery = `# Your orders, with data of all four services.
# Needs the header: { "Authorization": "Bearer …" }
query MyOrders {
  me {
    name
    orders(first: 5) {
      nodes {
        number
        status
        total
        items {
          name
          quantity
          price
          product {
            stock
          }
        }
        notifications {
          subject
          status
        }
      }
    }
  }
}
`

const followOrderSubscription = `# Follows one of your orders: change its status in another window.
# Needs the header: { "Authorization": "Bearer …" }
subscription FollowOrder($id: ID!) {
  orderChanged(id: $id) {
    number
    status
    statusHistory {
      status
      timestamp
    }
    notifications {
      subject
      status
    }
  }
}
`

const options = {
  title: 'Halles GraphiQL',
  endpoint: '/graphql',
  defaultTabs: [
    { query: catalogueQuery },
    { query: signInMutation, variables: '{\n  "email": "",\n  "password": ""\n}\n' },
    { query: myOrdersQuery, headers: '{\n  "Authorization": "Bearer "\n}\n' },
    {
      query: followOrderSubscription,
      variables: '{\n  "id": ""\n}\n',
      headers: '{\n  "Authorization": "Bearer "\n}\n',
    },
  ],
  isHeadersEditorEnabled: true,
  // A token in localStorage would outlive the session.
  shouldPersistHeaders: false,
}

const startScript = `
self.MonacoEnvironment = {
  globalAPI: false,
  getWorkerUrl: (_module, label) => '/graphiql/' + (label === 'json' || label === 'graphql' ? label : 'editor') + '.js',
}
YogaGraphiQL.renderYogaGraphiQL(document.querySelector('#root'), ${JSON.stringify(options)})
`

const page = `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>Halles GraphiQL</title>
    <link rel="icon" href="data:," />
    <link rel="stylesheet" href="/graphiql/graphiql.css" />
  </head>
  <body id="body" class="no-focus-outline">
    <noscript>GraphiQL needs JavaScript.</noscript>
    <div id="root"></div>
    <script src="/graphiql/graphiql.js"></script>
    <script src="/graphiql/start.js"></script>
  </body>
</html>
`

/**
 * Serves GraphiQL at /graphiql, and to browsers that open /graphql, with all of its files from this origin. Its 9 MB are loaded at the first request, and sent
 * compressed and in separate files, so that browsers cache them; the package's own page has them inline.
 */
export function registerGraphiql(app: FastifyInstance): void {
  const sendPage = (reply: FastifyReply): FastifyReply =>
    reply.type('text/html; charset=utf-8').header('content-security-policy', GRAPHIQL_CSP).send(page)
  app.get('/graphiql', async (_request, reply) => sendPage(reply))
  // A browser that opens the endpoint itself would be answered in JSON that a query is missing.
  app.addHook('preHandler', async (request, reply) => {
    if (request.routeOptions.url === '/graphql' && isNavigation(request))
      return sendPage(reply.header('vary', 'accept'))
  })

  let files: ReturnType<typeof loadFiles> | undefined
  app.get('/graphiql/:file', async (request, reply) => {
    files ??= loadFiles()
    const file = (await files).get((request.params as { file: string }).file)
    if (!file) return reply.callNotFound()
    reply.headers({ etag: file.etag, 'cache-control': 'public, max-age=3600', vary: 'accept-encoding' })
    if (request.headers['if-none-match'] === file.etag) return reply.status(304).send()
    reply.type(file.type)
    return request.headers['accept-encoding']?.includes('gzip')
      ? reply.header('content-encoding', 'gzip').send(file.compressed)
      : reply.send(file.text)
  })
}

async function loadFiles() {
  const { css, js, editorWorkerService, jsonWorker, graphqlWorker } = (await import(
    // The package declares types for the page that it renders, not for this module.
    '@graphql-yoga/render-graphiql/graphiql'
  )) as Record<string, string>
  const script = 'text/javascript; charset=utf-8'
  const files = [
    { name: 'graphiql.css', type: 'text/css; charset=utf-8', text: css! },
    { name: 'graphiql.js', type: script, text: js! },
    { name: 'start.js', type: script, text: startScript },
    { name: 'editor.js', type: script, text: editorWorkerService! },
    { name: 'json.js', type: script, text: jsonWorker! },
    { name: 'graphql.js', type: script, text: graphqlWorker! },
  ]
  const entries = files.map(async ({ name, type, text }) => {
    const etag = `"${createHash('sha256').update(text).digest('base64url').slice(0, 16)}"`
    return [name, { type, text, etag, compressed: await compress(text) }] as const
  })
  return new Map(await Promise.all(entries))
}
