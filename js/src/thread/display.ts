import { useMemo, useState } from "preact/hooks";

/** How a thread is shown, apart from what is in it. */
export interface Display {
  literal: boolean;
  folded: boolean;
  isOpen(turn: number): boolean;
  toggleLiteral(): void;
  toggleFolded(): void;
  toggleTurn(turn: number): void;
  openTurn(turn: number): void;
}

export function useDisplay(): Display {
  const [literal, setLiteral] = useState(false);
  const [folded, setFolded] = useState(true);
  // Turns that differ from what holds for all.
  const [apart, setApart] = useState<ReadonlySet<number>>(new Set());
  const actions = useMemo(
    () => ({
      toggleLiteral: () => setLiteral((old) => !old),
      toggleFolded: () => {
        setApart(new Set());
        setFolded((old) => !old);
      },
      toggleTurn: (turn: number) =>
        setApart((old) => {
          const next = new Set(old);
          if (!next.delete(turn)) next.add(turn);
          return next;
        }),
    }),
    [],
  );
  return {
    ...actions,
    literal,
    folded,
    isOpen: (turn) => folded === apart.has(turn),
    openTurn: (turn) => {
      if (folded !== apart.has(turn)) actions.toggleTurn(turn);
    },
  };
}
