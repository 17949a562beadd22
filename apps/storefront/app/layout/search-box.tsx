import { Search, X } from 'lucide-react'
import { useEffect, useRef, useState } from 'react'
import { Form, useLocation, useNavigate } from 'react-router'
import { useI18n } from '../i18n/i18n.tsx'

/** How long typing must rest before the results follow, in milliseconds. */
const TYPING_PAUSE = 180

/** The search: the results follow while one types. It works as a form without scripts. */
export function SearchBox() {
  const { messages, href } = useI18n()
  const { pathname, search } = useLocation()
  const navigate = useNavigate()
  const action = href('/products')
  const isCatalogue = pathname === action
  const current = isCatalogue ? (new URLSearchParams(search).get('q') ?? '') : ''
  const [text, setText] = useState(current)
  const input = useRef<HTMLInputElement>(null)
  const timer = useRef<ReturnType<typeof setTimeout>>(undefined)

  // A link, or "back", changes the query without typing.
  useEffect(() => {
    if (document.activeElement !== input.current) setText(current)
  }, [current])
  useEffect(() => () => clearTimeout(timer.current), [])

  const show = (query: string): void => {
    const params = new URLSearchParams(isCatalogue ? search : '')
    for (const name of ['after', 'show', 'sort']) params.delete(name)
    if (query === '') params.delete('q')
    else params.set('q', query)
    // The first letters leave the page; the next ones refine the results in place, so that "back" leads out of the search.
    void navigate(
      { pathname: action, search: params.toString() },
      { replace: isCatalogue, preventScrollReset: isCatalogue },
    )
  }

  return (
    <Form
      role="search"
      action={action}
      className="relative w-full"
      onSubmit={(event) => {
        event.preventDefault()
        clearTimeout(timer.current)
        show(text.trim())
        input.current?.blur()
      }}
    >
      <Search
        className="pointer-events-none absolute left-3 top-1/2 size-5 -translate-y-1/2 text-muted"
        aria-hidden="true"
      />
      <input
        ref={input}
        type="search"
        name="q"
        value={text}
        maxLength={100}
        autoComplete="off"
        aria-label={messages.search.label}
        placeholder={messages.search.placeholder}
        className="min-h-11 w-full rounded-full border border-control bg-surface pl-10 pr-11 text-base [&::-webkit-search-cancel-button]:hidden"
        onChange={({ target }) => {
          setText(target.value)
          clearTimeout(timer.current)
          timer.current = setTimeout(() => show(target.value.trim()), TYPING_PAUSE)
        }}
      />
      {text !== '' && (
        <button
          type="button"
          aria-label={messages.search.clear}
          className="absolute inset-y-0 right-0 flex w-11 items-center justify-center text-muted"
          onClick={() => {
            clearTimeout(timer.current)
            setText('')
            if (isCatalogue) show('')
            input.current?.focus()
          }}
        >
          <X className="size-5" aria-hidden="true" />
        </button>
      )}
    </Form>
  )
}
