import type { ComponentChildren } from "preact";
import { useRef } from "preact/hooks";
import { useUnique } from "../lib/hooks.ts";

export interface Tab {
  id: string;
  label: string;
  count?: string | undefined;
  body: () => ComponentChildren;
}

export function Tabs({ tabs, open, onOpen }: { tabs: Tab[]; open: string; onOpen: (id: string) => void }) {
  const list = useRef<HTMLDivElement>(null);
  const prefix = useUnique("rt-tab");
  const at = Math.max(0, tabs.findIndex((tab) => tab.id === open));
  const shown = tabs[at];
  const go = (step: number) => {
    const next = tabs[(at + step + tabs.length) % tabs.length];
    if (!next) return;
    onOpen(next.id);
    list.current?.querySelector<HTMLElement>(`#${prefix}-${next.id}`)?.focus({ preventScroll: true });
  };
  return (
    <div class="rt-tabs">
      <div
        ref={list}
        role="tablist"
        aria-label="lists"
        onKeyDown={(event) => {
          if (event.key !== "ArrowRight" && event.key !== "ArrowLeft") return;
          event.preventDefault();
          go(event.key === "ArrowRight" ? 1 : -1);
        }}
      >
        {tabs.map((tab) => (
          <button
            key={tab.id}
            id={`${prefix}-${tab.id}`}
            type="button"
            role="tab"
            aria-selected={tab === shown}
            aria-controls={`${prefix}-panel`}
            tabIndex={tab === shown ? 0 : -1}
            onClick={() => onOpen(tab.id)}
          >
            {tab.label}
            {tab.count && <span class="rt-count">{tab.count}</span>}
          </button>
        ))}
      </div>
      <div class="rt-tab-body" role="tabpanel" id={`${prefix}-panel`} aria-labelledby={shown && `${prefix}-${shown.id}`}>
        {shown?.body()}
      </div>
    </div>
  );
}
