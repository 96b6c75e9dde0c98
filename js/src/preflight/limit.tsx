import { useEffect, useRef, useState } from "preact/hooks";
import type { PreflightTarget } from "../lib/protocol.ts";
import { number } from "../lib/text.ts";
import { clamp } from "../lib/window.ts";
import type { Board } from "./board.ts";

const LEAST = 16;
const SETTLE = 150;

interface Props {
  board: Board;
  target: PreflightTarget;
  /** The limit that the preflight has. */
  set: number;
}

/** The length limit as a slider and a number, to see where the cut would fall, and what it does to all conversations. */
export function Limit({ board, target: { name, longest, effect }, set }: Props) {
  const tried = board.limit;
  const onLimit = (limit: number | null) => board.setLimit(limit);
  const [draft, setDraft] = useState(tried ?? set);
  const timer = useRef<ReturnType<typeof setTimeout> | undefined>(undefined);
  const most = Math.max(LEAST, longest ?? set, set);
  useEffect(() => {
    clearTimeout(timer.current);
    setDraft(tried ?? set);
  }, [tried, set]);
  useEffect(() => () => clearTimeout(timer.current), []);
  const done = !board.state.preflight?.progress;
  useEffect(() => {
    if (tried !== null) void board.weigh(name, tried);
  }, [name, tried, done]);
  const asked = board.effect;
  const says = tried === null ? effect : asked?.target === name && asked.max_tokens === tried ? asked.says : "";

  const now = (limit: number | null) => {
    clearTimeout(timer.current);
    setDraft(limit ?? set);
    onLimit(limit === set ? null : limit);
  };
  const move = (value: number) => {
    clearTimeout(timer.current);
    setDraft(value);
    timer.current = setTimeout(() => onLimit(value === set ? null : value), SETTLE);
  };
  const spoken = `${number(draft)} tokens`;
  return (
    <div class="rt-limit" role="group" aria-label="length limit">
      <span class="rt-limit-name">
        limit: <b>{spoken}</b>
      </span>
      <input
        type="range"
        min={LEAST}
        max={most}
        value={draft}
        aria-label="length limit"
        aria-valuetext={spoken}
        onInput={(event) => move(Number(event.currentTarget.value))}
      />
      <input
        type="number"
        min={LEAST}
        max={most}
        value={draft}
        aria-label="length limit in tokens"
        onInput={(event) => {
          // What is being typed is not cut short: "5" may become "512".
          const value = event.currentTarget.valueAsNumber;
          if (value >= LEAST && value <= most) move(Math.round(value));
        }}
        onChange={(event) => {
          const value = event.currentTarget.valueAsNumber;
          const limit = Number.isNaN(value) ? draft : clamp(Math.round(value), LEAST, most);
          event.currentTarget.value = String(limit);
          now(limit);
        }}
      />
      <button type="button" aria-disabled={draft === set} title={`${number(set)} tokens`} onClick={() => draft === set || now(null)}>
        as set
      </button>
      {says && <output class="rt-limit-whole">{says}</output>}
    </div>
  );
}
