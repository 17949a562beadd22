/** The Content-Security-Policy of our own pages: inline styles and the icon, no script, nothing from elsewhere. */
export const PAGE_CSP =
  "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

/**
 * Renders a page of the gateway.
 *
 * @param title text, escaped by the caller
 * @param main the HTML of the page's content
 */
export const renderPage = (title: string, main: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8" />
    <meta name="viewport" content="width=device-width, initial-scale=1" />
    <title>${title}</title>
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
      .links { display: flex; flex-wrap: wrap; gap: 0.75rem; }
      .links a { border: 1px solid var(--brick); border-radius: 0.5rem; padding: 0.55rem 1.1rem; text-decoration: none; font-weight: 600; }
      .links a:first-child { background: var(--brick); color: var(--paper); }
      ul { list-style: none; padding: 0; display: grid; gap: 0.9rem; grid-template-columns: repeat(auto-fit, minmax(20rem, 1fr)); }
      li { background: var(--card); border: 1px solid var(--line); border-radius: 0.6rem; padding: 1rem 1.2rem; }
      li p { color: var(--soft); font-size: 0.95rem; margin: 0.2rem 0 0.6rem; }
      li strong { text-transform: capitalize; }
      li a + a { margin-left: 0.9rem; }
      pre { background: var(--card); border: 1px solid var(--line); border-left: 4px solid var(--brick); border-radius: 0.4rem; padding: 1rem 1.2rem; overflow-x: auto; user-select: all; }
      code, pre { font-family: ui-monospace, Menlo, Consolas, monospace; font-size: 0.88em; }
      footer { margin-top: 3rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: 0.9rem; }
      table { border-collapse: collapse; width: 100%; font-size: 0.95rem; }
      th, td { text-align: left; vertical-align: top; padding: 0.5rem 1rem 0.5rem 0; border-bottom: 1px solid var(--line); }
      dl { margin-top: 1.2rem; display: grid; grid-template-columns: max-content 1fr; gap: 0.5rem 1.2rem; }
      dt { color: var(--soft); }
      dd { margin: 0; }
    </style>
  </head>
  <body>
    <main>
${main}
    </main>
  </body>
</html>
`
