import { literal } from "./text.ts";
import "./literal.css";

/**
 * Text with signs for what cannot be seen. A sign drawn over a blank takes no room, so the lines do not move. The signs
 * are no text of the page: what is copied, or found in it, is the text itself.
 */
export function LiteralText({ text }: { text: string }) {
  return (
    <>
      {literal(text).map((piece) =>
        typeof piece === "string" ? (
          piece
        ) : piece.sign === "" ? (
          <span class="rt-control">{piece.character}</span>
        ) : (
          <>
            <i class={piece.over ? "rt-sign" : "rt-sign rt-sign-code"} data-sign={piece.sign} />
            {piece.character}
          </>
        ),
      )}
    </>
  );
}
