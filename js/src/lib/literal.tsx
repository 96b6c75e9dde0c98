import { literal } from "./text.ts";
import "./literal.css";

/** Text with signs for what cannot be seen. A sign drawn over a blank takes no room, so the lines do not move. */
export function LiteralText({ text }: { text: string }) {
  return (
    <>
      {literal(text).map((piece) =>
        typeof piece === "string" ? (
          piece
        ) : (
          <>
            <i class={piece.over ? "rt-sign" : "rt-sign rt-sign-code"}>{piece.sign}</i>
            {piece.character}
          </>
        ),
      )}
    </>
  );
}
