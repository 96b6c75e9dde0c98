import { useLayoutEffect, useRef } from "preact/hooks";

export const keys: [keys: string[], what: string][] = [
  [["j", "k"], "next and previous finding, across conversations"],
  [["n", "p"], "next and previous conversation"],
  [["1", "2", "3", "4"], "keep, fix, reject, later; again takes it back"],
  [["a", "i"], "apply the repair of the finding; ignore the finding"],
  [["e"], "edit the turn; Ctrl+Enter saves, Esc leaves it"],
  [["t", "m"], "tag the conversation, -tag takes one away; write a note"],
  [["u", "U"], "undo, redo"],
  [["/"], "search"],
  [["w"], "show white space and invisible characters"],
  [["f"], "fold or unfold long turns"],
  [["b"], "show or hide the charts"],
  [["↑", "↓"], "move in a list; also Home, End, Page Up, Page Down"],
  [["←", "→"], "close and open a group; move between the marks of a chart"],
  [["Space"], "choose findings for a step; Ctrl+A chooses all"],
  [["Enter"], "open what is marked; choose a bar"],
  [["?"], "these keys"],
  [["Esc"], "leave the search or this list, then back to the notebook"],
];

export function Help({ onClose }: { onClose: () => void }) {
  const close = useRef<HTMLButtonElement>(null);
  useLayoutEffect(() => close.current?.focus({ preventScroll: true }), []);
  return (
    <div class="rt-veil" onClick={(event) => event.target === event.currentTarget && onClose()}>
      <div
        class="rt-help"
        role="dialog"
        aria-modal="true"
        aria-label="Keys"
        onKeyDown={(event) => {
          // The close button is all there is to focus.
          if (event.key === "Tab") event.preventDefault();
        }}
      >
        <header>
          <b>Keys</b>
          <button ref={close} type="button" onClick={onClose}>
            Close
          </button>
        </header>
        <dl>
          {keys.map(([names, what]) => (
            <div key={what}>
              <dt>
                {names.map((name) => (
                  <kbd key={name}>{name}</kbd>
                ))}
              </dt>
              <dd>{what}</dd>
            </div>
          ))}
        </dl>
      </div>
    </div>
  );
}
