import { useMemo, useRef, useState } from "preact/hooks";
import { Foot } from "../lib/foot.tsx";
import { useKernel, useOwned, useSize, useStore, useTrait } from "../lib/hooks.ts";
import type { Host } from "../lib/host.ts";
import { onKeys } from "../lib/keys.ts";
import { Empty, Live, Notices } from "../lib/status.tsx";
import { number, plural } from "../lib/text.ts";
import { Board } from "./board.ts";
import { EntryList, listName, titleOf } from "./list.tsx";
import { Summary } from "./summary.tsx";
import { ThreadView } from "./thread.tsx";

const NARROW = 760;

/** What a built trainer really trains on. */
export function WitnessApp({ host }: { host: Host }) {
  const board = useStore(useOwned(() => new Board(host)));
  const error = useTrait(host, "error");
  const kernel = useKernel(host);
  const frame = useRef<HTMLDivElement>(null);
  const { width } = useSize(frame);
  const [literal, setLiteral] = useState(false);
  const toggleLiteral = () => setLiteral((old) => !old);
  const { state, query, entries } = board;
  const { witness } = state;
  const step = (by: 1 | -1) => () => void board.step(by);
  const actions = onKeys({ j: step(1), k: step(-1), n: step(1), p: step(-1), w: toggleLiteral });

  const at = board.shown ? entries.find(board.isOpen) : -1;
  const row = at < 0 ? undefined : entries.row(at);
  const said = useMemo(() => {
    if (!entries.head || entries.stale) return "";
    if (!row) return `${listName(witness, query)}, ${plural(entries.head.matched, "conversation")}`;
    return [`Conversation ${number(at + 1)} of ${number(entries.count)}`, ...row.states.map((one) => titleOf(witness, one))].join(", ");
  }, [row, at, entries.head, entries.stale, query]);

  return (
    <div ref={frame} tabIndex={-1} onKeyDown={actions} class={`rt-frame rt-preflight rt-witness${width > 0 && width < NARROW ? " rt-narrow" : ""}`}>
      {witness && <Summary witness={witness} />}
      <Notices error={error} kernel={kernel} failure={board.failure} onRetry={() => board.retry()} />
      {!witness ? (
        <Empty text={state.empty || "Loading what the trainer holds…"} busy={!state.empty} />
      ) : (
        <div class="rt-preflight-main">
          <EntryList board={board} />
          <ThreadView board={board} literal={literal} onLiteral={toggleLiteral} />
        </div>
      )}
      <Foot />
      <Live text={said} />
    </div>
  );
}
