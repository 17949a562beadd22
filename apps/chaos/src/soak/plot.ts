import type { Sample } from './sampler.ts'

const WIDTH = 900
const HEIGHT = 420
const MARGIN = { top: 40, right: 180, bottom: 40, left: 60 }
const PLOT_WIDTH = WIDTH - MARGIN.left - MARGIN.right
const PLOT_HEIGHT = HEIGHT - MARGIN.top - MARGIN.bottom
const MEGABYTE = 2 ** 20
/** Okabe and Ito's palette, which colour-blind people can tell apart. */
const COLOURS = ['#0072b2', '#d55e00', '#009e73', '#cc79a7', '#e69f00', '#56b4e9', '#000000']
const DASHES = ['', '6 3', '2 3']

/**
 * Draws the resident memory of the service processes over the time of a run, as SVG.
 *
 * @param services the names of the processes that are drawn
 */
export function plotMemory(samples: readonly Sample[], services: readonly string[], title: string): string {
  const began = samples[0]?.at ?? 0
  const duration = Math.max(1, (samples.at(-1)?.at ?? 0) - began)
  const lines = services.map((name) => ({
    name,
    points: samples.flatMap(({ at, processes }) => {
      const rss = processes.get(name)?.rss
      return rss === undefined ? [] : [{ at, megabytes: rss / MEGABYTE }]
    }),
  }))
  const highest = Math.max(50, ...lines.flatMap(({ points }) => points.map(({ megabytes }) => megabytes)))
  const top = Math.ceil(highest / 50) * 50
  const x = (at: number): number => MARGIN.left + ((at - began) / duration) * PLOT_WIDTH
  const y = (megabytes: number): number => MARGIN.top + PLOT_HEIGHT * (1 - megabytes / top)
  const round = (value: number): string => value.toFixed(1)

  const grid = Array.from({ length: top / 50 + 1 }, (_, i) => i * 50).map(
    (megabytes) =>
      `<line x1="${MARGIN.left}" x2="${MARGIN.left + PLOT_WIDTH}" y1="${round(y(megabytes))}" y2="${round(y(megabytes))}" stroke="#ddd"/>` +
      `<text x="${MARGIN.left - 8}" y="${round(y(megabytes) + 4)}" text-anchor="end">${megabytes}</text>`,
  )
  const minutes = duration / 60_000
  const step = Math.max(1, Math.round(minutes / 6))
  const ticks = Array.from({ length: Math.floor(minutes / step) + 1 }, (_, i) => i * step).map(
    (minute) =>
      `<text x="${round(x(began + minute * 60_000))}" y="${HEIGHT - MARGIN.bottom + 18}" text-anchor="middle">${minute} min</text>`,
  )
  const curves = lines.map(({ name, points }, i) => {
    const stroke = `stroke="${COLOURS[i % COLOURS.length]}" stroke-width="1.5" stroke-dasharray="${DASHES[Math.floor(i / COLOURS.length) % DASHES.length]}"`
    const legendY = MARGIN.top + 8 + i * 18
    const legendX = MARGIN.left + PLOT_WIDTH + 12
    const path = points.map(({ at, megabytes }) => `${round(x(at))},${round(y(megabytes))}`).join(' ')
    return (
      `<polyline fill="none" ${stroke} points="${path}"/>` +
      `<line x1="${legendX}" x2="${legendX + 20}" y1="${legendY}" y2="${legendY}" ${stroke}/>` +
      `<text x="${legendX + 26}" y="${legendY + 4}">${name}</text>`
    )
  })
  return [
    `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${WIDTH} ${HEIGHT}" font-family="sans-serif" font-size="12" role="img">`,
    `<title>${title}</title>`,
    `<rect width="${WIDTH}" height="${HEIGHT}" fill="#fff"/>`,
    `<text x="${MARGIN.left}" y="20" font-size="14">${title}</text>`,
    `<text x="${MARGIN.left - 8}" y="${MARGIN.top - 10}" text-anchor="end">MB</text>`,
    ...grid,
    ...ticks,
    ...curves,
    '</svg>',
    '',
  ].join('\n')
}
