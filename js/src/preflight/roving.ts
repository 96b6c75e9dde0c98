import { useState } from "preact/hooks";

const steps: Record<string, [down: number, right: number]> = { ArrowDown: [1, 0], ArrowUp: [-1, 0], ArrowRight: [0, 1], ArrowLeft: [0, -1] };

const placeOf = (button: HTMLElement) => (button.dataset.at ?? "").split(",").map(Number) as [row: number, column: number];

/**
 * One tab stop for many buttons; arrow keys go on from there. The buttons carry their place as `data-at="row,column"`; a
 * place without a button is passed over.
 */
export function useRoving(places: string[]) {
  const [last, setLast] = useState("");
  const stop = places.includes(last) ? last : places[0];
  return {
    at: (row: number, column = 0) => {
      const place = `${row},${column}`;
      return { "data-at": place, tabIndex: place === stop ? 0 : -1 };
    },
    onFocusIn: (event: FocusEvent) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-at]");
      if (button?.dataset.at) setLast(button.dataset.at);
    },
    onKeyDown: (event: KeyboardEvent) => {
      const button = (event.target as Element).closest<HTMLElement>("[data-at]");
      const step = Object.hasOwn(steps, event.key) ? steps[event.key] : undefined;
      if (!button || !step || event.ctrlKey || event.metaKey || event.altKey) return;
      event.preventDefault();
      event.stopPropagation();
      const [row, column] = placeOf(button);
      const [down, right] = step;
      const away = (other: HTMLElement) => {
        const [below, beside] = [placeOf(other)[0] - row, placeOf(other)[1] - column];
        // Sideways only within the row; up and down to the nearest column.
        const ahead = right ? below === 0 && beside * right > 0 : below * down > 0;
        return ahead ? Math.abs(below) * 100 + Math.abs(beside) : Infinity;
      };
      const others = (event.currentTarget as HTMLElement).querySelectorAll<HTMLElement>("[data-at]");
      const nearest = [...others].reduce((best, other) => (away(other) < away(best) ? other : best), button);
      nearest.focus();
    },
  };
}
