import { useI18n } from '../../i18n/i18n.tsx'
import { card, Count, Pager } from '../list.tsx'
import { useStaffMessages } from '../staff-i18n.ts'
import type { PersonQuery } from './gen/person.ts'

/** What happened to an account, newest first. */
export function SecurityLog({ log }: { log: PersonQuery['securityLog'] }) {
  const { formats } = useI18n()
  const { people: texts } = useStaffMessages()
  const cell = 'px-5 py-3 align-top'
  return (
    <section aria-labelledby="log" className={card}>
      <div className="flex flex-wrap items-baseline justify-between gap-2 p-5 pb-2">
        <h2 id="log" className="text-xl font-bold">
          {texts.log}
        </h2>
        <p className="text-sm text-muted">
          <Count count={log.totalCount} isExact={log.totalCountIsExact} word={texts.logWord} />
        </p>
      </div>
      <table className="w-full border-separate border-spacing-0">
        <caption className="sr-only">{texts.log}</caption>
        <thead className="text-left text-sm text-muted">
          <tr>
            <th scope="col" className={`${cell} font-medium`}>
              {texts.what}
            </th>
            <th scope="col" className={`${cell} hidden font-medium sm:table-cell`}>
              {texts.at}
            </th>
            <th scope="col" className={`${cell} text-right font-medium`}>
              {texts.outcome}
            </th>
          </tr>
        </thead>
        <tbody>
          {log.nodes.map(({ id, at, what, outcome, byId, userId }) => (
            <tr key={id} className="[&>td]:border-t [&>td]:border-line">
              <td className={cell}>
                <span className="font-medium">{texts.kinds[what]}</span>
                {byId !== null && byId !== userId && <span className="text-muted">{` ${texts.byStaff}`}</span>}
                <span className="block text-sm text-muted sm:hidden">{formats.dateTime(at)}</span>
              </td>
              <td className={`${cell} hidden whitespace-nowrap sm:table-cell`}>{formats.dateTime(at)}</td>
              <td
                className={`${cell} text-right ${outcome === 'REFUSED' ? 'font-semibold text-danger' : 'text-muted'}`}
              >
                {outcome === 'REFUSED' ? texts.refused : texts.done}
              </td>
            </tr>
          ))}
        </tbody>
      </table>
      <div className="px-5 pb-5">
        <Pager pageInfo={log.pageInfo} />
      </div>
    </section>
  )
}
