import type { ComponentChildren } from "preact";
import { useRef, useState } from "preact/hooks";
import type { Chart } from "../lib/protocol.ts";
import { clamp } from "../lib/window.ts";
import { isChosen } from "./choice.ts";

export type Mark = Chart["marks"][number];

const tones = new Set(["system", "developer", "user", "assistant", "tool", "error", "warning", "info", "hue-0", "hue-1", "hue-2", "hue-3", "hue-4", "hue-5", "hue-6", "hue-7"]);
export const toneClass = (tone: string | undefined) => (tone && tones.has(tone) ? `rt-tone-${tone}` : "rt-tone-plain");

export interface Place {
  x: number;
  y: number;
}

export interface MarksProps {
  marks: Mark[];
  query: string;
  onChoose: (filter: string) => void;
  /** Called with the mark under the pointer or the focus. */
  onPoint: (mark: Mark | null, place: Place) => void;
}

interface Props extends MarksProps {
  /** Marks stand in rows of so many, and up and down go from row to row. */
  columns?: number;
  place: (mark: Mark, at: number) => Place;
  draw: (mark: Mark, at: number) => ComponentChildren;
}

/** The marks of one chart behind a single tab stop: arrows go from mark to mark, Enter chooses. */
export function Marks({ columns = 1, marks, query, onChoose, onPoint, place, draw }: Props) {
  const group = useRef<SVGGElement>(null);
  const [active, setActive] = useState(0);
  const at = clamp(active, 0, marks.length - 1);
  const some = marks.some((mark) => isChosen(query, mark.filter));
  const go = (next: number) => {
    const position = clamp(next, 0, marks.length - 1);
    setActive(position);
    (group.current?.children[position] as SVGElement | undefined)?.focus({ preventScroll: true });
  };
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const mark = marks[at];
    const actions: Record<string, () => void> = {
      ArrowRight: () => go(at + 1),
      ArrowDown: () => go(at + columns),
      ArrowLeft: () => go(at - 1),
      ArrowUp: () => go(at - columns),
      Home: () => go(0),
      End: () => go(marks.length - 1),
      Enter: () => mark?.filter && onChoose(mark.filter),
      " ": () => mark?.filter && onChoose(mark.filter),
    };
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
  };
  return (
    <g ref={group} onKeyDown={onKeyDown}>
      {marks.map((mark, position) => {
        const chosen = isChosen(query, mark.filter);
        const point = () => onPoint(mark, place(mark, position));
        return (
          <g
            key={position}
            class={`rt-mark-shape ${toneClass(mark.tone)}${chosen ? " rt-chosen" : some ? " rt-dimmed" : ""}${mark.filter ? "" : " rt-fixed"}`}
            role="button"
            // Attribute names are not folded to lower case in SVG.
            tabindex={position === at ? 0 : -1}
            aria-label={`${mark.label}: ${mark.text}`}
            aria-pressed={chosen}
            aria-disabled={mark.filter ? undefined : true}
            onClick={() => {
              setActive(position);
              if (mark.filter) onChoose(mark.filter);
            }}
            onPointerEnter={point}
            onPointerLeave={() => onPoint(null, { x: 0, y: 0 })}
            onFocus={() => {
              setActive(position);
              point();
            }}
            onBlur={() => onPoint(null, { x: 0, y: 0 })}
          >
            {draw(mark, position)}
          </g>
        );
      })}
    </g>
  );
}
