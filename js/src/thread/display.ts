import { useMemo, useState } from "preact/hooks";

/** How a thread is shown, apart from what is in it. */
export interface Display {
  literal: boolean;
  folded: boolean;
  /** Turns that differ from what holds for all. */
  apart: ReadonlySet<number>;
  /** Whether the search in the conversation is open; counts how often it was asked for, 0 while it is closed. */
  search: number;
  toggleLiteral(): void;
  toggleFolded(): void;
  toggleTurn(turn: number): void;
  openTurn(turn: number): void;
  openSearch(): void;
  closeSearch(): void;
}

export const isOpen = (display: Pick<Display, "folded" | "apart">, turn: number) => display.folded === display.apart.has(turn);

export function useDisplay(): Display {
  const [literal, setLiteral] = useState(false);
  const [{ folded, apart }, setFolding] = useState({ folded: true, apart: new Set() as ReadonlySet<number> });
  const [search, setSearch] = useState(0);
  const actions = useMemo(() => {
    const change = (turn: number, always: boolean) =>
      setFolding((old) => {
        if (!always && isOpen(old, turn)) return old;
        const next = new Set(old.apart);
        if (!next.delete(turn)) next.add(turn);
        return { folded: old.folded, apart: next };
      });
    return {
      toggleLiteral: () => setLiteral((old) => !old),
      toggleFolded: () => setFolding((old) => ({ folded: !old.folded, apart: new Set() })),
      toggleTurn: (turn: number) => change(turn, true),
      openTurn: (turn: number) => change(turn, false),
      openSearch: () => setSearch((old) => old + 1),
      closeSearch: () => setSearch(0),
    };
  }, []);
  return { ...actions, literal, folded, apart, search };
}
