import { LiteralText } from "../lib/literal.tsx";
import type { LostText } from "../lib/protocol.ts";
import { TurnLabel } from "./rendered.tsx";

/** Texts of the record that the model does not get, or not as they are. */
export function LostTexts({ lost }: { lost: LostText[] }) {
  return (
    <>
      <Part name="Not in what the model gets" lost={lost.filter(({ state }) => state === "lost")} />
      <Part name="Reaches the model as another text" lost={lost.filter(({ state }) => state !== "lost")} />
    </>
  );
}

function Part({ name, lost }: { name: string; lost: LostText[] }) {
  if (lost.length === 0) return null;
  return (
    <section class="rt-lost" aria-label={name}>
      <h4>
        {name} <span class="rt-count">{lost.length}</span>
      </h4>
      <ul>
        {lost.map((one, at) => (
          <li key={at} data-place={`lost-${one.turn}`}>
            <div class="rt-lost-head">
              <TurnLabel turn={{ turn: one.turn, role: one.role, speaker: null, hue: null }} />
              <span class="rt-facts">
                {one.what}, {one.state}
              </span>
            </div>
            <Text {...one} />
          </li>
        ))}
      </ul>
    </section>
  );
}

function Text({ text, state }: LostText) {
  if (text === "") return null;
  const Element = state === "lost" ? "del" : "span";
  return (
    <Element class="rt-lost-text" dir="auto">
      {state === "trimmed" ? <LiteralText text={text} /> : text}
    </Element>
  );
}
