import type { ComponentChildren } from "preact";

interface Props {
  /** What the steps go through, in the singular. */
  what: string;
  before: (() => void) | false;
  after: (() => void) | false;
  children: ComponentChildren;
}

/** To the previous and the next one of several, and which one this is. */
export function Steps({ what, before, after, children }: Props) {
  const step = (name: string, sign: string, go: (() => void) | false) => (
    <button aria-label={`${name} ${what}`} aria-disabled={!go} onClick={() => go && go()}>
      {sign}
    </button>
  );
  return (
    <span class="rt-jump">
      {step("previous", "↑", before)}
      <span role="status">{children}</span>
      {step("next", "↓", after)}
    </span>
  );
}
