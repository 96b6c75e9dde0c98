import { useMemo, useRef } from "preact/hooks";
import { LiteralText } from "../lib/literal.tsx";
import { memo } from "../lib/memo.ts";
import type { Case, CaseTurn, Role } from "../lib/protocol.ts";
import { blocksOf, keptBlocks, type Block } from "./blocks.ts";

const roles: Role[] = ["system", "developer", "user", "assistant", "tool"];

export const roleClass = (role: string | null) => `rt-role-${roles.includes(role as Role) ? role : "unknown"}`;

/** Number and role of a turn; it is no part of the text and is not copied with it. */
export function TurnLabel({ turn, anchor }: { turn: CaseTurn; anchor?: string }) {
  const { role, speaker, hue } = turn;
  return (
    <span class={`rt-turn-label ${roleClass(role)}`} data-place={anchor}>
      {turn.turn} <b>{role ?? "no role"}</b>
      {speaker && (
        <span dir="auto" style={hue === null ? undefined : { color: `var(--rt-hue-${hue % 8})` }}>
          {" "}
          {speaker}
        </span>
      )}
    </span>
  );
}

/** The text that the model gets, as it is, with the part that each stretch has in the loss. */
export const Rendered = memo(function Rendered({ shown, literal }: { shown: Case; literal: boolean }) {
  const before = useRef<Block[]>([]);
  const blocks = useMemo(() => (before.current = keptBlocks(before.current, blocksOf(shown.pieces, shown.turns))), [shown]);
  return (
    <div class="rt-rendered" dir={shown.dir}>
      {blocks.map((block, at) => (
        <BlockView key={at} block={block} literal={literal} />
      ))}
    </div>
  );
});

const elements = { trained: "mark", masked: "span", cut: "s" } as const;

const BlockView = memo(function BlockView({ block, literal }: { block: Block; literal: boolean }) {
  return (
    <div class="rt-block" style={{ containIntrinsicSize: guessedHeight(block) }}>
      {block.map(({ text, loss, turn, label }) => {
        const Element = elements[loss] ?? "span";
        const own = turn !== null;
        return (
          <>
            {label && <TurnLabel turn={label} anchor={`turn-${turn}`} />}
            <Element class={`${own ? "rt-said" : "rt-written"} rt-loss-${loss}`} dir={own ? "auto" : undefined}>
              {literal ? <LiteralText text={text} /> : text}
            </Element>
          </>
        );
      })}
    </div>
  );
});

/** A guess at the height, so that blocks that are not drawn yet do not make the scroll bar jump. */
function guessedHeight(block: Block): string {
  const lines = block.map(({ text }) => text).join("").split("\n");
  return `auto ${lines.reduce((sum, line) => sum + Math.max(1, Math.ceil(line.length / 80)), 0) * 21}px`;
}
