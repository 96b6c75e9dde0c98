import type { ComponentChildren } from "preact";
import { LiteralText } from "../lib/literal.tsx";
import type { Turn } from "../lib/protocol.ts";

interface Props {
  turn: Turn;
  literal: boolean;
  open: boolean;
  onTurn: (turn: number) => void;
}

/** What a turn holds before its text: the reasoning that led to it, and of which calls it is the result. */
export function Before({ turn, onTurn, ...shown }: Props) {
  return (
    <>
      {turn.reasoning?.map(([name, text], at) => (
        <Folded key={name + at} name="Reasoning" detail={name} field={`reasoning-${at}`} text={text} {...shown} />
      ))}
      {turn.results?.map(({ name, id, call, text }, at) => {
        const title = (
          <>
            result{name !== null && " of "}
            <b dir="auto">{name}</b>
          </>
        );
        return (
          <div key={at} class="rt-call">
            {text === null ? <span>{title}</span> : <Folded name={title} field={`result-${at}`} text={text} {...shown} />}
            <Joint id={id} what="call" turn={call} onTurn={onTurn} />
          </div>
        );
      })}
    </>
  );
}

/** What a turn holds after its text: placeholders of pictures and sounds, tool calls, other keys. */
export function After({ turn, onTurn, ...shown }: Props) {
  return (
    <>
      {/* Addresses are text; nothing is ever fetched. */}
      {turn.parts?.map(({ type, facts, where }, at) => (
        <p key={type + at} class="rt-part">
          <b>{type}</b> {facts.join(" · ")}
          <code data-field={`part-${at}`}>{where}</code>
        </p>
      ))}
      {turn.calls?.map(({ name, id, answer, rest, ...call }, at) => (
        <div key={at} class="rt-call">
          <Folded
            name={
              <>
                <b dir="auto">{name ?? "no function name"}</b>
                {/* A glance at the arguments; they stand below, so this is no text of the page. */}
                <span class="rt-glance" data-glance={call.arguments.slice(0, 400).replace(/\s+/g, " ").slice(0, 160)} />
              </>
            }
            detail={rest}
            field={`call-${at}`}
            text={call.arguments}
            {...shown}
          />
          <Joint id={id} what="result" turn={answer} onTurn={onTurn} />
        </div>
      ))}
      {turn.extra.map(([name, json], at) => (
        <Folded key={name} name={<b>{name}</b>} field={`extra-${at}`} text={json} {...shown} open={false} />
      ))}
    </>
  );
}

interface FoldedProps {
  name: ComponentChildren;
  detail?: string | undefined;
  field: string;
  text: string;
  literal: boolean;
  open: boolean;
}

function Folded({ name, detail, field, text, literal, open }: FoldedProps) {
  return (
    <details class="rt-held" open={open}>
      <summary>
        {name} {detail}
      </summary>
      <pre tabIndex={0} dir="auto" data-field={field}>
        {literal ? <LiteralText text={text} /> : text}
      </pre>
    </details>
  );
}

/** The id that joins a call and its result, and where the other one is. */
function Joint({ id, what, turn, onTurn }: { id: string | null; what: string; turn: number | null; onTurn: (turn: number) => void }) {
  return (
    <span class="rt-joint">
      <code title={id ?? undefined}>{id}</code>
      {turn === null ? (
        `no ${what}`
      ) : (
        <button class="rt-link" onClick={() => onTurn(turn)}>
          {what} in turn {turn}
        </button>
      )}
    </span>
  );
}
