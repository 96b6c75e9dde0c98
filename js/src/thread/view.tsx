import type { ComponentChildren } from "preact";
import { useCallback, useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { useLatest, useUnique } from "../lib/hooks.ts";
import type { Issue, Selection, Turn } from "../lib/protocol.ts";
import { flash, reveal } from "../lib/scroll.ts";
import { Empty } from "../lib/status.tsx";
import { isBehind, number, plural } from "../lib/text.ts";
import type { OnCopy } from "./actions.tsx";
import { BLOCK, inReadingOrder, type Loaded } from "./blocks.ts";
import { Bubble, type Pointed } from "./bubble.tsx";
import { ChunkView, within, type Settings } from "./chunk.tsx";
import { chunksOf, useDrawing, type Chunk } from "./chunks.ts";
import type { Display } from "./display.ts";
import { Find } from "./find.tsx";
import { FindingLine } from "./finding.tsx";
import { ThreadHead } from "./head.tsx";
import { foldOf, type Slot } from "./turn.tsx";

export interface ThreadViewProps {
  thread: Loaded | null;
  selection: Selection;
  display: Display;
  busy: boolean;
  empty: string;
  /** Counts choices: the same place, chosen again, is gone to again. */
  asked?: number;
  onSelect: (selection: Selection) => void;
  onMore: (direction: 1 | -1) => void;
  /** Without it nothing can be copied but by hand. */
  onCopy?: OnCopy | undefined;
  tools?: ((turn: Turn) => ComponentChildren) | undefined;
  slot?: Slot | null;
  /** Whether the head says what was decided. */
  reviewed?: boolean;
}

/** One conversation, turn by turn. */
export function ThreadView(props: ThreadViewProps) {
  const { thread, busy, empty } = props;
  if (!thread) return <Empty text={busy ? "Loading the conversation…" : empty} busy={busy} />;
  return <OpenThread {...props} thread={thread} />;
}

const NONE: Selection = {};

function OpenThread({ thread, selection, display, busy, asked = 0, onSelect, onMore, onCopy, tools, slot = null, reviewed = false }: ThreadViewProps & { thread: Loaded }) {
  const box = useRef<HTMLDivElement>(null);
  const bubbleId = useUnique("rt-bubble");
  const [pointed, setPointed] = useState<Pointed | null>(null);
  const [chosen, setChosen] = useState<[goal: string, turn: number | null]>(["", null]);
  const ordered = useMemo(() => inReadingOrder(thread), [thread]);
  const before = useRef<Chunk[]>([]);
  const chunks = useMemo(() => (before.current = chunksOf(thread.turns, before.current)), [thread]);
  const own = selection.key === thread.key ? selection : NONE;
  const selected = own.n ?? null;
  const found = useMemo(() => ordered.find((issue) => issue.n === selected), [ordered, selected]);
  const goal = `${thread.key} ${own.turn ?? ""} ${selected ?? ""} ${asked}`;
  const active = chosen[0] === goal ? chosen[1] : (own.turn ?? null);
  const drawing = useDrawing(box, thread, chunks, own.turn ?? found?.turn ?? thread.from);
  const settingsOf = useSettings(display, thread.key);
  const latest = useLatest({ thread, display, drawing, goal, active, onSelect });

  const select = useCallback((issue: Issue) => {
    latest.current.onSelect({ key: latest.current.thread.key, turn: issue.turn, n: issue.n });
  }, []);
  const toggleTurn = useCallback((turn: number) => latest.current.display.toggleTurn(turn), []);
  const activate = useCallback((turn: number) => setChosen([latest.current.goal, latest.current.active === turn ? null : turn]), []);
  const goTo = useCallback((turn: number) => {
    const frame = box.current!;
    latest.current.drawing.draw(turn);
    leave.current();
    leave.current = reveal(frame, () => frame.querySelector(`[data-turn="${turn}"]`));
  }, []);

  // A folded turn opens once for a finding that lies in the part that is not shown; the block that holds it may come later.
  const unfolded = useRef("");
  useLayoutEffect(() => {
    if (unfolded.current === goal) return;
    const position = thread.issues.findIndex((issue) => issue.n === selected);
    const turn = position < 0 ? undefined : thread.turns.find((one) => one.issues.includes(position));
    if (!turn) return;
    unfolded.current = goal;
    const thought = turn.segments.slice(0, turn.thought ?? 0);
    const folding = foldOf(turn);
    const behind = folding !== null && isBehind(turn.segments.slice(thought.length), position, folding.cut);
    if (behind || thought.some(([, issues]) => issues.includes(position))) display.openTurn(turn.turn);
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

  // The browser has found something in the folded part of a turn.
  useEffect(() => {
    const open = (event: Event) => {
      const turn = (event.target as Element).closest<HTMLElement>("[data-turn]")?.dataset.turn;
      if (turn) latest.current.display.openTurn(Number(turn));
    };
    box.current?.addEventListener("beforematch", open);
    return () => box.current?.removeEventListener("beforematch", open);
  }, []);

  const point = (event: Event) => {
    const mark = (event.target as Element).closest<HTMLElement>("mark[data-found]");
    if (!mark) return setPointed(null);
    const numbers = foundIn(mark);
    const issues = thread.issues.filter((issue) => numbers.includes(issue.n));
    setPointed((old) => (old?.mark === mark ? old : { mark, issues }));
  };
  const choose = (event: Event) => {
    const mark = (event.target as Element).closest<HTMLElement>("mark[data-found]");
    if (!mark || window.getSelection()?.isCollapsed === false) return;
    // A mark of several findings goes through them, one each time.
    const numbers = foundIn(mark);
    const n = numbers[(numbers.indexOf(selected ?? -1) + 1) % numbers.length];
    const issue = thread.issues.find((one) => one.n === n);
    if (issue) select(issue);
  };

  const more = (direction: 1 | -1) => {
    // The button may go away with the answer; the focus stays in the box.
    box.current?.focus({ preventScroll: true });
    if (!busy) onMore(direction);
  };

  const whole = thread.issues.filter((issue) => issue.turn === null);
  return (
    <section class="rt-thread" aria-label={`conversation #${thread.index}`} aria-busy={busy}>
      <ThreadHead thread={thread} ordered={ordered} selection={own} display={display} reviewed={reviewed} onSelect={select} onCopy={onCopy} />
      {display.search > 0 && <Find thread={thread} box={box} display={display} sight={drawing.sight} onDraw={drawing.draw} />}
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
        {thread.turn_count > 0 && (
          <div class="rt-captions" aria-hidden="true">
            <span>words</span>
            <span title={thread.counted_by}>tokens</span>
            <span>quoted</span>
          </div>
        )}
        {whole.length > 0 && (
          <div class="rt-whole">
            {whole.map((issue) => (
              <FindingLine key={issue.n} issue={issue} selected={issue.n === selected} onSelect={select} />
            ))}
          </div>
        )}
        <More thread={thread} direction={-1} busy={busy} onMore={more} />
        {chunks.map((chunk) => (
          <ChunkView
            key={chunk.id}
            chunk={chunk}
            issues={thread.issues}
            total={thread.turn_count}
            exact={thread.exact ?? false}
            drawn={drawing.isDrawn(chunk.id)}
            settings={settingsOf(chunk.id, drawing.isNear(chunk.id))}
            current={within(chunk, own.turn)}
            active={within(chunk, active)}
            selected={within(chunk, found?.turn) === null ? null : selected}
            describedBy={bubbleId}
            onFold={toggleTurn}
            onActive={activate}
            onTurn={goTo}
            onSelectIssue={select}
            onCopy={onCopy}
            tools={tools}
            slot={within(chunk, slot?.turn) === null ? null : slot}
          />
        ))}
        {thread.turn_count === 0 && <Empty text="This conversation has no turns." />}
        <More thread={thread} direction={1} busy={busy} onMore={more} />
        <Bubble id={bubbleId} box={box} pointed={pointed} selected={selected} />
      </div>
    </section>
  );
}

const foundIn = (mark: HTMLElement) => mark.dataset.found?.split(" ").map(Number) ?? [];

/** Turns before or after those that are here: on their way, or to be asked for. */
function More({ thread, direction, busy, onMore }: { thread: Loaded; direction: 1 | -1; busy: boolean; onMore: (direction: 1 | -1) => void }) {
  const left = direction < 0 ? thread.from : thread.turn_count - thread.from - thread.turns.length;
  if (left <= 0) return null;
  if (thread.coming) return <p class="rt-coming">{plural(left, "turn")} to come…</p>;
  const count = plural(Math.min(BLOCK, left), "turn");
  return (
    <button class="rt-more" aria-disabled={busy} onClick={() => onMore(direction)}>
      {direction < 0 ? `Show previous ${count}` : `Show next ${count} of ${number(left)} left`}
    </button>
  );
}

/** How each chunk is shown. One that is far from the box keeps what it had until it comes near: nobody sees it. */
function useSettings({ literal, folded, apart }: Display, key: string) {
  const settings = useMemo(() => ({ literal, folded, apart }), [literal, folded, apart]);
  const given = useMemo(() => new Map<number, Settings>(), [key]);
  return (chunk: number, near: boolean): Settings => {
    const old = given.get(chunk);
    if (old && !near) return old;
    given.set(chunk, settings);
    return settings;
  };
}
