import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLatest, useUnique } from "../lib/hooks.ts";
import type { Issue, Selection, Thread } from "../lib/protocol.ts";
import { flash, reveal } from "../lib/scroll.ts";
import { Empty } from "../lib/status.tsx";
import { fold, isBehind, number, plural } from "../lib/text.ts";
import { BLOCK, inReadingOrder, stepIssue } from "./blocks.ts";
import { Bubble, type Pointed } from "./bubble.tsx";
import type { Display } from "./display.ts";
import { FindingLine } from "./finding.tsx";
import { TurnView } from "./turn.tsx";

export interface ThreadViewProps {
  thread: Thread | null;
  selection: Selection;
  display: Display;
  busy: boolean;
  empty: string;
  /** Counts choices: the same place, chosen again, is gone to again. */
  asked?: number;
  onSelect: (selection: Selection) => void;
  onMore: (direction: 1 | -1) => void;
}

/** One conversation, turn by turn. */
export function ThreadView(props: ThreadViewProps) {
  const { thread, busy, empty } = props;
  if (!thread) return <Empty text={busy ? "Loading the conversation…" : empty} busy={busy} />;
  return <OpenThread {...props} thread={thread} />;
}

function OpenThread({ thread, selection, display, busy, asked = 0, onSelect, onMore }: ThreadViewProps & { thread: Thread }) {
  const box = useRef<HTMLDivElement>(null);
  const bubbleId = useUnique("rt-bubble");
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const ordered = useMemo(() => inReadingOrder(thread), [thread]);
  const own = selection.key === thread.key ? selection : {};
  const selected = own.n ?? null;
  const latest = useLatest({ thread, display, onSelect });

  const select = useCallback((issue: Issue) => {
    latest.current.onSelect({ key: latest.current.thread.key, turn: issue.turn, n: issue.n });
  }, []);
  const toggleTurn = useCallback((turn: number) => latest.current.display.toggleTurn(turn), []);

  // A folded turn opens once for a finding that lies in the part that is not shown; the block that holds it may come later.
  const goal = `${thread.key} ${own.turn ?? ""} ${selected ?? ""} ${asked}`;
  const unfolded = useRef("");
  useLayoutEffect(() => {
    if (unfolded.current === goal) return;
    const position = thread.issues.findIndex((issue) => issue.n === selected);
    const turn = thread.turns.find((one) => one.issues.includes(position));
    if (!turn) return;
    unfolded.current = goal;
    const folding = fold(turn.segments, turn.words);
    if (folding && isBehind(turn.segments, position, folding.cut)) display.openTurn(turn.turn);
  }, [thread, goal]);

  // Goes to the selected place once, as soon as its turn is there; the block that holds it may come later.
  const reached = useRef("");
  const leave = useRef(() => {});
  useEffect(() => () => leave.current(), []);
  useEffect(() => {
    const frame = box.current;
    // A thread that is about to be replaced stays where it is.
    if (!frame || reached.current === goal || (selection.key && own !== selection)) return;
    leave.current();
    const article = frame.querySelector<HTMLElement>(`[data-turn="${own.turn ?? "none"}"]`);
    const n = selected ?? "none";
    const find = () => frame.querySelector(`mark[data-found~="${n}"]`) ?? frame.querySelector(`[data-finding="${n}"]`) ?? article;
    if (find()) {
      leave.current = reveal(frame, find);
      if (article) flash(article);
    } else if ((own.turn ?? null) === null) {
      frame.scrollTop = 0;
    } else {
      return;
    }
    reached.current = goal;
  }, [thread, goal]);

  const point = (event: Event) => {
    const mark = (event.target as Element).closest<HTMLElement>("mark[data-found]");
    if (!mark) return setPointed(null);
    const numbers = mark.dataset.found?.split(" ").map(Number) ?? [];
    const issues = thread.issues.filter((issue) => numbers.includes(issue.n));
    setPointed((old) => (old?.mark === mark ? old : { mark, issues }));
  };
  const choose = (event: Event) => {
    const mark = (event.target as Element).closest<HTMLElement>("mark[data-found]");
    if (!mark || window.getSelection()?.isCollapsed === false) return;
    const issue = thread.issues.find((one) => one.n === Number(mark.dataset.found?.split(" ")[0]));
    if (issue) select(issue);
  };

  const more = (direction: 1 | -1) => {
    // The button may go away with the answer; the focus stays in the box.
    box.current?.focus({ preventScroll: true });
    if (!busy) onMore(direction);
  };

  const whole = thread.issues.filter((issue) => issue.turn === null);
  const end = thread.from + thread.turns.length;
  return (
    <section class="rt-thread" aria-label={`conversation #${thread.index}`} aria-busy={busy}>
      <ThreadHead thread={thread} ordered={ordered} selection={own} display={display} onSelect={select} />
      <div
        ref={box}
        class="rt-thread-box"
        tabIndex={0}
        role="group"
        aria-label="turns"
        onMouseOver={point}
        onMouseLeave={() => setPointed(null)}
        onFocusIn={point}
        onFocusOut={() => setPointed(null)}
        onClick={choose}
        onKeyDown={(event) => {
          if (event.key === "Escape" && pointed) {
            event.preventDefault();
            setPointed(null);
          } else if ((event.key === "Enter" || event.key === " ") && (event.target as Element).matches("mark")) {
            event.preventDefault();
            choose(event);
          }
        }}
      >
        {whole.length > 0 && (
          <div class="rt-whole">
            {whole.map((issue) => (
              <FindingLine key={issue.n} issue={issue} selected={issue.n === selected} onSelect={select} />
            ))}
          </div>
        )}
        {thread.from > 0 && (
          <button type="button" class="rt-more" aria-disabled={busy} onClick={() => more(-1)}>
            Show previous {plural(Math.min(BLOCK, thread.from), "turn")}
          </button>
        )}
        {thread.turns.map((turn) => (
          <TurnView
            key={turn.turn}
            turn={turn}
            issues={thread.issues}
            current={own.turn === turn.turn}
            selected={turn.issues.some((position) => thread.issues[position]?.n === selected) ? selected : null}
            literal={display.literal}
            open={display.isOpen(turn.turn)}
            describedBy={bubbleId}
            onFold={toggleTurn}
            onSelectIssue={select}
          />
        ))}
        {thread.turn_count === 0 && <Empty text="This conversation has no turns." />}
        {end < thread.turn_count && (
          <button type="button" class="rt-more" aria-disabled={busy} onClick={() => more(1)}>
            Show next {plural(Math.min(BLOCK, thread.turn_count - end), "turn")} of {number(thread.turn_count - end)} left
          </button>
        )}
        <Bubble id={bubbleId} box={box} pointed={pointed} />
      </div>
    </section>
  );
}

interface HeadProps {
  thread: Thread;
  ordered: Issue[];
  selection: Selection;
  display: Display;
  onSelect: (issue: Issue) => void;
}

function ThreadHead({ thread, ordered, selection, display, onSelect }: HeadProps) {
  const at = ordered.findIndex((issue) => issue.n === selection.n);
  const before = stepIssue(ordered, selection, -1);
  const after = stepIssue(ordered, selection, 1);
  const facts = [
    thread.format,
    thread.line !== null && `line ${number(thread.line)}`,
    plural(thread.turn_count, "turn"),
    plural(thread.words, "word"),
  ].filter(Boolean);
  return (
    <header class="rt-thread-head">
      <b>#{thread.index}</b>
      <span class="rt-title" dir="auto" title={[thread.id, thread.source].filter(Boolean).join("\n") || undefined}>
        {thread.title || thread.id || ""}
      </span>
      <span class="rt-facts">{facts.join(" · ")}</span>
      <div class="rt-tools" role="group" aria-label="this conversation">
        {ordered.length > 0 && (
          <span class="rt-jump">
            <button type="button" aria-label="previous finding in this conversation" aria-disabled={!before} onClick={() => before && onSelect(before)}>
              ↑
            </button>
            <span>{at >= 0 ? `${at + 1} of ${ordered.length}` : plural(ordered.length, "finding")}</span>
            <button type="button" aria-label="next finding in this conversation" aria-disabled={!after} onClick={() => after && onSelect(after)}>
              ↓
            </button>
          </span>
        )}
        <button type="button" onClick={display.toggleFolded}>
          {display.folded ? "Unfold all" : "Fold all"}
        </button>
        <button type="button" role="switch" aria-checked={display.literal} onClick={display.toggleLiteral}>
          White space
        </button>
      </div>
    </header>
  );
}
