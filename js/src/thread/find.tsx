import type { RefObject } from "preact";
import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { reveal } from "../lib/scroll.ts";
import { number, plural } from "../lib/text.ts";
import type { Loaded } from "./blocks.ts";
import type { Display } from "./display.ts";
import { fieldElement, highlighter, rangeOf } from "./highlight.ts";
import { MOST, search } from "./search.ts";
import { Steps } from "./steps.tsx";

interface Props {
  thread: Loaded;
  box: RefObject<HTMLElement | null>;
  display: Display;
  /** The first and the last turn that are in sight, or near it. */
  sight: [number, number];
  /** Sees to it that a turn is in the page. */
  onDraw: (turn: number) => unknown;
}

/** Search in the open conversation: over its texts, not over what the browser happens to have drawn. */
export function Find({ thread, box, display, sight, onDraw }: Props) {
  const field = useRef<HTMLInputElement>(null);
  const [wanted, setWanted] = useState("");
  const [at, setAt] = useState(0);
  const [asked, setAsked] = useState(0);
  const highlight = useMemo(highlighter, []);
  const matches = useMemo(() => search(thread.turns, wanted), [thread, wanted]);
  const current = matches[at];

  useLayoutEffect(() => field.current?.select(), [display.search]);
  useEffect(() => setAt(0), [thread.key, wanted]);
  useEffect(() => () => highlight(document.body, []), []);

  // Goes to a match when one is asked for, not when the rest of a long conversation comes in.
  useEffect(() => {
    if (!current) return;
    onDraw(current.turn);
    display.openTurn(current.turn);
    const frame = box.current;
    const stop =
      frame &&
      reveal(frame, () => {
        const element = fieldElement(frame, current);
        const details = element?.closest("details");
        if (details) details.open = true;
        return rangeOf(frame, current) ?? frame.querySelector(`[data-turn="${current.turn}"]`);
      });
    return stop ?? undefined;
  }, [thread.key, wanted, at, asked, current === undefined]);

  // What is in sight may have been drawn anew at any time.
  useEffect(() => {
    const [first, last] = sight;
    if (box.current) highlight(box.current, matches.filter(({ turn }) => turn >= first && turn <= last), current);
  });

  const step = (by: 1 | -1) => {
    if (matches.length > 0) setAt((old) => (old + by + matches.length) % matches.length);
    setAsked((old) => old + 1);
  };
  const close = () => {
    display.closeSearch();
    box.current?.focus({ preventScroll: true });
  };
  const missing = thread.turn_count - thread.turns.length;
  return (
    <div class="rt-find" role="search">
      <input
        ref={field}
        type="search"
        dir="auto"
        aria-label="find in this conversation"
        placeholder="Find"
        value={wanted}
        onInput={(event) => setWanted(event.currentTarget.value)}
        onKeyDown={(event) => {
          if (event.key === "Enter") step(event.shiftKey ? -1 : 1);
          else if (event.key === "Escape") close();
          else return;
          event.preventDefault();
        }}
      />
      <Steps what="match" before={matches.length > 0 && (() => step(-1))} after={matches.length > 0 && (() => step(1))}>
        {wanted && `${matches.length && number(at + 1)} of ${number(matches.length)}${matches.length >= MOST ? "+" : ""}`}
        {wanted && missing > 0 && ` · ${plural(missing, "turn")} to come`}
      </Steps>
    </div>
  );
}
