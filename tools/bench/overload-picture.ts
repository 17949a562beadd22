import type { Row } from './results.ts'

const WIDTH = 640
const HEIGHT = 360
const MARGIN = { left: 64, right: 24, top: 40, bottom: 52 }

/**
 * Draws the requests that were served, and those that were refused, against those that were offered, as an SVG image with
 * logarithmic axes. Rows have the figures `offered`, `served` and `refused`, in requests a second.
 */
export function drawOverload(rows: readonly Row[]): string {
  const points = rows.map((row) => ({
    offered: Number(row['offered']),
    served: Number(row['served']),
    refused: Number(row['refused']),
  }))
  const largest = Math.max(...points.map(({ offered }) => offered))
  const smallest = Math.min(...points.flatMap(({ offered, served }) => [offered, served])) / 1.5
  const scale = (value: number, from: number, to: number): number =>
    from + (Math.log(Math.max(value, smallest) / smallest) / Math.log(largest / smallest)) * (to - from)
  const x = (value: number): string => scale(value, MARGIN.left, WIDTH - MARGIN.right).toFixed(1)
  const y = (value: number): string => scale(value, HEIGHT - MARGIN.bottom, MARGIN.top).toFixed(1)
  const line = (name: 'served' | 'refused', colour: string): string => {
    const shown = points.filter((point) => point[name] >= smallest)
    const path = shown.map((point) => `${x(point.offered)},${y(point[name])}`).join(' ')
    const dots = shown.map(
      (point) => `<circle cx="${x(point.offered)}" cy="${y(point[name])}" r="4" fill="${colour}"/>`,
    )
    return `<polyline points="${path}" fill="none" stroke="${colour}" stroke-width="2"/>${dots.join('')}`
  }
  const ticks = [10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000].filter(
    (tick) => tick >= smallest && tick <= largest,
  )
  const bottom = HEIGHT - MARGIN.bottom
  const grid = ticks.map(
    (tick) =>
      `<line x1="${MARGIN.left}" x2="${WIDTH - MARGIN.right}" y1="${y(tick)}" y2="${y(tick)}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 8}" y="${y(tick)}" dy="4" text-anchor="end">${tick}</text>` +
      `<line x1="${x(tick)}" x2="${x(tick)}" y1="${MARGIN.top}" y2="${bottom}" stroke="#ddd"/>` +
      `<text x="${x(tick)}" y="${bottom + 18}" text-anchor="middle">${tick}</text>`,
  )
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" width="${WIDTH}" height="${HEIGHT}" font-family="sans-serif" font-size="12" fill="#333" role="img">`,
    '<title>Requests served and refused a second, by requests offered a second</title>',
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    ...grid,
    `<line x1="${x(smallest)}" y1="${y(smallest)}" x2="${x(largest)}" y2="${y(largest)}" stroke="#999" stroke-dasharray="4 4"/>`,
    line('refused', '#c0392b'),
    line('served', '#1f77b4'),
    `<text x="${MARGIN.left}" y="22"><tspan fill="#1f77b4">● served</tspan><tspan dx="16" fill="#c0392b">● refused</tspan><tspan dx="16" fill="#777">– – all offered</tspan></text>`,
    `<text x="${(MARGIN.left + WIDTH - MARGIN.right) / 2}" y="${HEIGHT - 12}" text-anchor="middle">requests offered a second</text>`,
    '</svg>',
    '',
  ].join('\n')
}
