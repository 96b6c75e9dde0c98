import { useEffect, useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { keepFocus } from "../lib/focus.ts";
import { useKernel, useOwned, useStore, useTrait } from "../lib/hooks.ts";
import type { Host } from "../lib/host.ts";
import { onKeys } from "../lib/keys.ts";
import { readJson, readSelection, writeSelection, type Thread, type ThreadState } from "../lib/protocol.ts";
import { Live, Notices } from "../lib/status.tsx";
import { clamp } from "../lib/window.ts";
import { inReadingOrder, stepIssue } from "./blocks.ts";
import { useDisplay } from "./display.ts";
import { ThreadSource } from "./source.ts";
import { ThreadView } from "./view.tsx";

export function ThreadApp({ host }: { host: Host }) {
  const stateText = useTrait(host, "state");
  const selectionText = useTrait(host, "selection");
  const error = useTrait(host, "error");
  const kernel = useKernel(host);
  const state = useMemo(() => readJson<ThreadState>(stateText), [stateText]);
  const selection = useMemo(() => readSelection(selectionText), [selectionText]);
  const changes = Number(useTrait(host, "changes")) || 0;
  const source = useStore(useOwned(() => new ThreadSource(host)));
  const frame = useRef<HTMLDivElement>(null);
  const display = useDisplay();

  useLayoutEffect(() => source.seed(state.thread ?? null), [state]);
  useLayoutEffect(() => {
    if (selection.key) source.open(selection.key, selection.turn ?? null);
  }, [selection, state]);

  // What was sent may be older than the last step, in a page that was loaded again.
  const seen = useRef(NaN);
  useEffect(() => {
    if (changes !== (isNaN(seen.current) ? (state.serial ?? changes) : seen.current)) void source.follow();
    seen.current = changes;
  }, [changes]);
  useLayoutEffect(() => keepFocus(frame.current!, () => frame.current!.querySelector<HTMLElement>(".rt-thread-box")), []);

  const thread = source.thread ?? state.thread ?? null;
  const told = useChange(thread);
  const ordered = useMemo(() => (thread ? inReadingOrder(thread) : []), [thread]);
  const own = selection.key === thread?.key ? selection : {};
  const step = (direction: 1 | -1) => {
    const issue = stepIssue(ordered, own, direction);
    if (issue && thread) host.set("selection", writeSelection({ key: thread.key, turn: issue.turn, n: issue.n }));
  };
  const stepTurn = (direction: 1 | -1) => {
    if (!thread || thread.turn_count === 0) return;
    const turn = (own.turn ?? (direction > 0 ? -1 : thread.turn_count)) + direction;
    host.set("selection", writeSelection({ key: thread.key, turn: clamp(turn, 0, thread.turn_count - 1) }));
  };
  const keys = onKeys({
    j: () => step(1),
    k: () => step(-1),
    J: () => stepTurn(1),
    K: () => stepTurn(-1),
    "/": display.openSearch,
    w: display.toggleLiteral,
    f: display.toggleFolded,
  });
  const at = ordered.findIndex((issue) => issue.n === own.n);
  const current = ordered[at];

  return (
    <div ref={frame} tabIndex={-1} class="rt-frame rt-thread-frame" onKeyDown={keys}>
      <Notices error={error} kernel={kernel} failure={source.failure} onRetry={() => source.retry()} />
      <ThreadView
        thread={thread}
        selection={selection}
        display={display}
        busy={source.opening !== null && !source.failure}
        empty={state.empty || "No conversation is open."}
        onSelect={(next) => host.set("selection", writeSelection(next))}
        onMore={(direction) => source.more(direction)}
        onCopy={kernel === "none" ? undefined : source.copy}
        reviewed
      />
      <Live text={current ? `Finding ${at + 1} of ${ordered.length}: ${current.message}` : ""} />
      <Live text={told} />
    </div>
  );
}

/** A sentence on what became of the conversation while it was open. */
function useChange(thread: Thread | null): string {
  const before = useRef(thread);
  const [told, tell] = useState("");
  useEffect(() => {
    const old = before.current;
    before.current = thread;
    if (!thread || !old || old.key !== thread.key) return tell("");
    if (old.state !== thread.state) tell(`Conversation #${thread.index} is ${thread.edited ? "edited" : "as it is in the file"} now.`);
    else if (old.decision !== thread.decision) tell(`Conversation #${thread.index}: ${thread.decision ?? "not decided"}.`);
  }, [thread]);
  return told;
}
