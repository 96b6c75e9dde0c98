import { useEffect, useRef, useState } from "preact/hooks";

export interface Choice {
  value: string;
  label: string;
  detail?: string;
  on: boolean;
}

/** A button that opens a list of things to switch on and off. */
export function Menu({ label, choices, onToggle }: { label: string; choices: Choice[]; onToggle: (value: string) => void }) {
  const [open, setOpen] = useState(false);
  const root = useRef<HTMLDivElement>(null);
  const button = useRef<HTMLButtonElement>(null);
  const chosen = choices.filter((choice) => choice.on).length;

  useEffect(() => {
    if (!open) return;
    root.current?.querySelector<HTMLElement>("[role=menuitemcheckbox]")?.focus({ preventScroll: true });
    const page = root.current?.getRootNode();
    const outside = (event: Event) => {
      if (root.current && !event.composedPath().includes(root.current)) setOpen(false);
    };
    page?.addEventListener("pointerdown", outside);
    return () => page?.removeEventListener("pointerdown", outside);
  }, [open]);

  const close = () => {
    setOpen(false);
    button.current?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (!open) return;
    const items = [...(root.current?.querySelectorAll<HTMLElement>("[role=menuitemcheckbox]") ?? [])];
    const at = items.indexOf(event.target as HTMLElement);
    const go: Record<string, () => void> = {
      ArrowDown: () => items[(at + 1) % items.length]?.focus(),
      ArrowUp: () => items[(at - 1 + items.length) % items.length]?.focus(),
      Home: () => items[0]?.focus(),
      End: () => items.at(-1)?.focus(),
      Escape: close,
    };
    if (event.key === "Tab") setOpen(false);
    const action = Object.hasOwn(go, event.key) ? go[event.key] : undefined;
    if (event.key.length === 1 && event.key !== " ") event.stopPropagation();
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  return (
    <div class="rt-menu" ref={root} onKeyDown={onKeyDown}>
      <button ref={button} type="button" aria-haspopup="menu" aria-expanded={open} disabled={choices.length === 0} onClick={() => setOpen(!open)}>
        {label}
        {chosen > 0 && <span class="rt-badge">{chosen}</span>}
        <span aria-hidden="true"> ▾</span>
      </button>
      {open && (
        <div class="rt-menu-list" role="menu" aria-label={label}>
          {choices.map((choice) => (
            <button
              key={choice.value}
              type="button"
              role="menuitemcheckbox"
              tabIndex={-1}
              aria-checked={choice.on}
              onClick={() => onToggle(choice.value)}
            >
              <span class="rt-check" aria-hidden="true">
                {choice.on ? "✓" : ""}
              </span>
              <span>{choice.label}</span>
              {choice.detail && <span class="rt-count">{choice.detail}</span>}
            </button>
          ))}
        </div>
      )}
    </div>
  );
}
