import { useLayoutEffect, useMemo, useRef, useState } from "preact/hooks";
import { LiteralText } from "../lib/literal.tsx";
import type { Role, Turn } from "../lib/protocol.ts";
import { reveal } from "../lib/scroll.ts";
import { textOf } from "../lib/text.ts";
import { changes } from "./words.ts";

/** What is being edited: a turn, or one that is put in after it. */
export interface Editing {
  key: string;
  turn: number;
  insert: boolean;
}

export interface Written {
  text?: string;
  role?: string;
  speaker?: string;
}

/** Characters of what stays the same that are shown beside a change. */
const AROUND = 80;

const roles: Role[] = ["system", "user", "assistant", "tool", "developer"];

/** A field of the page ends its lines with \n alone. */
export function withLineEnds(text: string, source: string): string {
  return /\r\n/.test(source) && !/[^\r]\n/.test(source) ? text.replace(/\r?\n/g, "\r\n") : text;
}

/** What stays the same is shown around what changes. */
function shortened(text: string, after: boolean, before: boolean): string {
  const head = after ? AROUND : 0;
  const tail = before ? AROUND : 0;
  return text.length <= head + tail + 20 ? text : `${text.slice(0, head)} … ${tail ? text.slice(-tail) : ""}`;
}

interface Props {
  /** The turn that is edited; of one that is put in, the turn before it. */
  turn: Turn;
  insert: boolean;
  /** Why the last try was refused. */
  problem: string;
  saving: boolean;
  onSave: (written: Written) => void;
  onCancel: () => void;
}

/** The source text of a turn as a field, with what differs from the source below it. */
export function Editor({ turn, insert, problem, saving, onSave, onCancel }: Props) {
  const [source] = useState(insert ? "" : textOf(turn.segments));
  const [text, setText] = useState(source);
  const role = useRef<HTMLSelectElement>(null);
  const speaker = useRef<HTMLInputElement>(null);
  const field = useRef<HTMLTextAreaElement>(null);
  const known = insert ? (turn.role === "assistant" ? "user" : "assistant") : (turn.role ?? "");
  const found = useMemo(() => changes(source, text), [source, text]);
  useLayoutEffect(() => {
    field.current?.focus({ preventScroll: true });
    field.current?.setSelectionRange(0, 0);
    const box = field.current?.closest<HTMLElement>(".rt-thread-box");
    return box ? reveal(box, () => field.current) : undefined;
  }, []);

  const save = () => {
    const written: Written = {};
    if (insert || text !== source) written.text = text;
    if (role.current && (insert || role.current.value !== known)) written.role = role.current.value;
    if (!insert && speaker.current && speaker.current.value.trim() !== (turn.speaker ?? "")) written.speaker = speaker.current.value.trim();
    onSave(written);
  };
  const moved = !insert && source !== textOf(turn.segments);
  return (
    <div
      class={`rt-editor${insert ? "" : " rt-instead"}`}
      role="group"
      aria-label={insert ? `new turn after turn ${turn.turn}` : `edit turn ${turn.turn}`}
      onKeyDown={(event) => {
        if (event.key === "Escape") onCancel();
        else if (event.key === "Enter" && (event.ctrlKey || event.metaKey)) saving || save();
        else return;
        event.preventDefault();
        event.stopPropagation();
      }}
    >
      <textarea
        ref={field}
        dir="auto"
        aria-label="text"
        spellcheck={false}
        readOnly={saving}
        rows={Math.min(10, Math.max(2, text.split("\n").length, Math.ceil(text.length / 76)))}
        value={text}
        onInput={(event) => setText(withLineEnds(event.currentTarget.value, source))}
      />
      {source !== text && !insert && (
        <div class="rt-changes" aria-label="what changes" dir="auto">
          {found.map(([kind, piece], at) =>
            kind === "same" ? (
              shortened(piece, at > 0, at + 1 < found.length)
            ) : kind === "gone" ? (
              <del key={at}>
                <LiteralText text={piece} />
              </del>
            ) : (
              <ins key={at}>
                <LiteralText text={piece} />
              </ins>
            ),
          )}
        </div>
      )}
      {(problem || moved) && (
        <p class="rt-editor-problem" role="alert">
          {problem || "The turn was changed elsewhere meanwhile; saving replaces it."}
        </p>
      )}
      <div class="rt-editor-foot">
        <label>
          Role{" "}
          <select ref={role} defaultValue={known}>
            {!roles.includes(known as Role) && <option value={known}>{turn.role_raw ?? "none"}</option>}
            {roles.map((one) => (
              <option key={one} value={one} selected={one === known}>
                {one}
              </option>
            ))}
          </select>
        </label>
        {!insert && (
          <label>
            Speaker <input ref={speaker} dir="auto" defaultValue={turn.speaker ?? ""} placeholder="none" />
          </label>
        )}
        <span class="rt-space" />
        <button type="button" onClick={onCancel}>
          Cancel
        </button>
        <button type="button" class="rt-do" onClick={save}>
          Save <kbd>Ctrl ↵</kbd>
        </button>
      </div>
    </div>
  );
}
