import { memo } from "../lib/memo.ts";
import type { Issue, Turn } from "../lib/protocol.ts";
import { chunkOf, type Chunk } from "./chunks.ts";
import { isOpen } from "./display.ts";
import { guessedHeight, TurnView, type Slot, type TurnProps } from "./turn.tsx";

export interface Settings {
  literal: boolean;
  folded: boolean;
  apart: ReadonlySet<number>;
}

type Same = "total" | "exact" | "describedBy" | "onFold" | "onActive" | "onTurn" | "onSelectIssue" | "onCopy" | "tools";

interface Props extends Pick<TurnProps, Same> {
  chunk: Chunk;
  issues: Issue[];
  drawn: boolean;
  settings: Settings;
  /** Turns, and the finding, that stand out; null where they are in another chunk. */
  current: number | null;
  active: number | null;
  selected: number | null;
  slot: Slot | null;
}

/** What stands out in a chunk; null if it is in another one, so that only two chunks are drawn anew when it changes. */
export const within = (chunk: Chunk, turn: number | null | undefined): number | null =>
  turn !== null && turn !== undefined && chunkOf(turn) === chunk.id ? turn : null;

const calledIn = (turn: Turn | undefined) => turn?.results?.[0]?.call ?? null;

function ChunkRow({ chunk, issues, drawn, settings, current, active, selected, slot, ...same }: Props) {
  const guess = chunk.turns.reduce((sum, turn) => sum + guessedHeight(turn, !settings.folded), 0);
  if (!drawn) return <div class="rt-chunk" data-chunk={chunk.id} style={{ height: `${guess}px` }} />;
  return (
    <div class="rt-chunk" data-chunk={chunk.id} style={{ containIntrinsicSize: `auto ${guess}px` }}>
      {chunk.turns.map((turn, at) => {
        const before = chunk.turns[at - 1];
        const call = calledIn(turn);
        return (
          <TurnView
            key={turn.turn}
            turn={turn}
            issues={issues}
            current={current === turn.turn}
            active={active === turn.turn}
            joined={call !== null && before !== undefined && (before.turn === call || calledIn(before) === call)}
            selected={selected !== null && turn.issues.some((position) => issues[position]?.n === selected) ? selected : null}
            literal={settings.literal}
            open={isOpen(settings, turn.turn)}
            slot={slot?.turn === turn.turn && slot.content}
            {...same}
          />
        );
      })}
    </div>
  );
}

export const ChunkView = memo(ChunkRow);
