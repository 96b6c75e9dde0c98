import { useEffect, useRef, useState } from "preact/hooks";
import type { ReviewSource } from "./review-source.ts";

interface Props {
  query: string;
  review: ReviewSource;
  onQuery: (query: string) => void;
}

/** The queries that were kept in the journal, and the present one to be kept. */
export function SavedQueries({ query, review, onQuery }: Props) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const name = useRef<HTMLInputElement>(null);
  useEffect(() => {
    if (open) root.current?.querySelector<HTMLElement>(".rt-saved button, .rt-saved input")?.focus({ preventScroll: true });
  }, [open]);
  const close = () => {
    setOpen(false);
    button.current?.focus({ preventScroll: true });
  };
  const kept = Object.entries(review.status?.queries ?? {});
  const save = (event: Event) => {
    event.preventDefault();
    const text = name.current?.value.trim();
    if (!text) return;
    void review.do({ op: "query", name: text, query });
    close();
  };
  return (
    <div
      class="rt-menu"
      ref={root}
      onFocusOut={(event) => {
        if (event.relatedTarget && !root.current?.contains(event.relatedTarget as Node)) setOpen(false);
      }}
      onKeyDown={(event) => {
        if (!open || event.key !== "Escape") return;
        event.preventDefault();
        close();
      }}
    >
      <button ref={button} type="button" aria-haspopup="dialog" aria-expanded={open} onClick={() => setOpen(!open)}>
        Saved<span aria-hidden="true"> ▾</span>
      </button>
      {open && (
        <div class="rt-menu-list rt-saved" role="dialog" aria-label="saved queries">
          {kept.map(([label, text]) => (
            <div key={label} class="rt-saved-one">
              <button
                type="button"
                title={text}
                onClick={() => {
                  onQuery(text);
                  close();
                }}
              >
                <b dir="auto">{label}</b> <code>{text || "everything"}</code>
              </button>
              <button type="button" aria-label={`Forget ${label}`} title="Forget" onClick={() => void review.do({ op: "query", name: label, query: null })}>
                ✕
              </button>
            </div>
          ))}
          {kept.length === 0 && <p class="rt-facts">No query was saved yet.</p>}
          <form onSubmit={save}>
            <input ref={name} aria-label="Name for the present query" placeholder="name for this query" onKeyDown={(event) => event.key !== "Escape" && event.stopPropagation()} />
            <button type="submit" title={query || "everything"}>
              Save
            </button>
          </form>
        </div>
      )}
    </div>
  );
}
