import { useLayoutEffect, useMemo } from "preact/hooks";
import { useKernel, useOwned, useStore, useTrait } from "../lib/hooks.ts";
import type { Host } from "../lib/host.ts";
import { onKeys } from "../lib/keys.ts";
import { readJson, readSelection, writeSelection, type ThreadState } from "../lib/protocol.ts";
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
  const source = useStore(useOwned(() => new ThreadSource(host)));
  const display = useDisplay();

  useLayoutEffect(() => source.seed(state.thread ?? null), [state]);
  useLayoutEffect(() => {
    if (selection.key) source.open(selection.key, selection.turn ?? null);
  }, [selection, state]);

  const thread = source.thread ?? state.thread ?? null;
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
    <div tabIndex={-1} class="rt-frame rt-thread-frame" onKeyDown={keys}>
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
      />
      <Live text={current ? `Finding ${at + 1} of ${ordered.length}: ${current.message}` : ""} />
    </div>
  );
}
