import type { ComponentChildren } from "preact";
import { useEffect, useLayoutEffect, useRef, useState } from "preact/hooks";
import "./grid.css";
import { useSize } from "./hooks.ts";
import { clamp, rowsInSight, scrollToRow, squeezed } from "./window.ts";

export const ROW = 28;

interface GridProps {
  label: string;
  count: number;
  /** The position that is marked as chosen, or -1. */
  chosen: number;
  columns: number;
  busy: boolean;
  head?: ComponentChildren;
  className?: string;
  /** What all rows are styled by, for columns that can be chosen. */
  style?: Record<string, string>;
  /** What the cells of a row are; the classes are those of the row. */
  row: (position: number) => { cells: ComponentChildren; className: string; selected?: boolean | undefined };
  onEnter: (position: number) => void;
  /** Takes a row in or out of what is chosen for a step; up to it from the one before, if `range`. */
  onToggle?: ((position: number, range: boolean) => void) | undefined;
  onAll?: (() => void) | undefined;
  onSide?: ((position: number, side: "left" | "right") => void) | undefined;
  onSight: (first: number, end: number) => void;
}

/** A list of rows of one height, drawn only where one looks, with one tab stop. */
export function Grid(props: GridProps) {
  const { label, count, chosen, columns, busy, head, className = "", style, row, onEnter, onToggle, onAll, onSide, onSight } = props;
  const box = useRef<HTMLDivElement>(null);
  const { height } = useSize(box);
  const [scrollTop, setScrollTop] = useState(0);
  const [active, setActive] = useState(Math.max(0, chosen));
  // The position that takes the focus once it is drawn.
  const toFocus = useRef(-1);
  const headHeight = head ? ROW : 0;
  const tall = height || 400;
  const { height: drawn, shift, back } = squeezed(count * ROW, tall - headHeight);
  const top = shift(scrollTop);
  const [first, end] = rowsInSight(top, tall, ROW, count);
  const at = clamp(active, 0, Math.max(0, count - 1));

  useEffect(() => onSight(first, end));

  const show = (position: number) => {
    const frame = box.current;
    if (!frame) return;
    const old = shift(frame.scrollTop);
    const next = scrollToRow(position, old, frame.clientHeight || tall, ROW, headHeight);
    if (next !== old) frame.scrollTop = back(next);
  };
  useLayoutEffect(() => {
    if (chosen < 0) return;
    const focused = (box.current?.getRootNode() as Document | ShadowRoot | undefined)?.activeElement;
    if (focused?.matches("[data-position]") && box.current?.contains(focused)) toFocus.current = chosen;
    setActive(chosen);
    show(chosen);
  }, [chosen, count, height > 0]);

  useLayoutEffect(() => {
    if (toFocus.current !== at) return;
    toFocus.current = -1;
    box.current?.querySelector<HTMLElement>(`[data-position="${at}"]`)?.focus({ preventScroll: true });
  });

  const move = (position: number) => {
    const next = clamp(position, 0, count - 1);
    toFocus.current = next;
    setActive(next);
    show(next);
  };
  const page = Math.max(1, Math.floor((tall - headHeight) / ROW) - 1);
  const moves = (at: number): Record<string, () => void> => ({
    ArrowDown: () => move(at + 1),
    ArrowUp: () => move(at - 1),
    PageDown: () => move(at + page),
    PageUp: () => move(at - page),
    Home: () => move(0),
    End: () => move(count - 1),
    Enter: () => onEnter(at),
    " ": () => (onToggle ? onToggle(at, false) : onEnter(at)),
    ...(onSide && { ArrowLeft: () => onSide(at, "left"), ArrowRight: () => onSide(at, "right") }),
  });
  const onKeyDown = (event: KeyboardEvent) => {
    if (count === 0) return;
    if (onAll && (event.ctrlKey || event.metaKey) && !event.altKey && event.key === "a") {
      event.preventDefault();
      event.stopPropagation();
      onAll();
      return;
    }
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    const focused = (event.target as Element).closest<HTMLElement>("[data-position]");
    if (!focused) return;
    const actions = moves(Number(focused.dataset.position));
    const action = Object.hasOwn(actions, event.key) ? actions[event.key] : undefined;
    if (!action) return;
    event.preventDefault();
    event.stopPropagation();
    action();
    const at = Number(focused.dataset.position);
    if (onToggle && event.shiftKey && event.key.startsWith("Arrow")) onToggle(clamp(at + (event.key === "ArrowDown" ? 1 : -1), 0, count - 1), true);
  };

  const positions: number[] = [];
  // The row with the tab stop stays in the page wherever one scrolls, else the focus would be lost.
  if (at < first && at < count) positions.push(at);
  for (let position = first; position < end; position++) positions.push(position);
  if (at >= end && at < count) positions.push(at);

  return (
    <div
      ref={box}
      class={`rt-grid ${className}`}
      role="grid"
      aria-label={label}
      aria-rowcount={count + (head ? 1 : 0)}
      aria-colcount={columns}
      aria-busy={busy}
      onScroll={(event) => setScrollTop((event.currentTarget as HTMLElement).scrollTop)}
      onKeyDown={onKeyDown}
    >
      {head}
      <div class="rt-rows" role="rowgroup" style={{ height: `${drawn}px` }}>
        {positions.map((position) => {
          const { cells, className, selected } = row(position);
          return (
            <div
              key={position}
              role="row"
              class={`rt-row ${className}`}
              aria-rowindex={position + (head ? 2 : 1)}
              aria-selected={selected}
              data-position={position}
              tabIndex={position === at ? 0 : -1}
              style={{ ...style, transform: `translateY(${position * ROW - top + scrollTop}px)` }}
              onClick={(event) => {
                setActive(position);
                const check = (event.target as Element).closest("[data-check]");
                if (onToggle && (check || event.shiftKey || event.ctrlKey || event.metaKey)) onToggle(position, event.shiftKey);
                else onEnter(position);
              }}
            >
              {cells}
            </div>
          );
        })}
      </div>
    </div>
  );
}

/** Puts the focus on the list of a component, or on its frame where there is none, so that its keys are heard. */
export function focusList(frame: HTMLElement | null): void {
  (frame?.querySelector<HTMLElement>("[data-position][tabindex='0']") ?? frame)?.focus({ preventScroll: true });
}
