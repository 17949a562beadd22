import { useStaffMessages } from '../staff-i18n.ts'

export default function Overview() {
  const { overview: texts } = useStaffMessages()
  return (
    <>
      <title>{`${texts.title} · Halles`}</title>
      <h1 className="font-display text-3xl font-bold">{texts.title}</h1>
    </>
  )
}
