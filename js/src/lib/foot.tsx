/** The keys of a panel of conversations, at its foot. */
export function Foot() {
  return (
    <div class="rt-keys">
      <span>
        <kbd>n</kbd> <kbd>p</kbd> conversation
      </span>
      <span>
        <kbd>w</kbd> white space
      </span>
      <span>
        <kbd>Esc</kbd> back to the notebook
      </span>
    </div>
  );
}

/** What a reader has to know besides, unfolded by a button that controls the list of this id. */
export function Notes({ id, notes, open }: { id: string; notes: string[]; open: boolean }) {
  return (
    <ul id={id} class="rt-notes" hidden={!open}>
      {notes.map((note) => (
        <li key={note} dir="auto">
          {note}
        </li>
      ))}
    </ul>
  );
}
