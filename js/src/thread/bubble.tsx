import type { RefObject } from "preact";
import { useLayoutEffect, useRef, useState } from "preact/hooks";
import type { Issue } from "../lib/protocol.ts";
import { SeverityShape } from "../lib/status.tsx";
import { clamp } from "../lib/window.ts";

export interface Pointed {
  mark: HTMLElement;
  issues: Issue[];
}

interface Props {
  id: string;
  box: RefObject<HTMLElement | null>;
  pointed: Pointed | null;
  selected: number | null;
}

/** What the mark under the pointer or the focus is about; it stands in the thread's box, beside no turn that could clip it. */
export function Bubble({ id, box, pointed, selected }: Props) {
  const ref = useRef<HTMLDivElement>(null);
  const [place, setPlace] = useState({ left: 0, top: 0 });
  useLayoutEffect(() => {
    const frame = box.current;
    const bubble = ref.current;
    if (!frame || !bubble || !pointed) return;
    const outer = frame.getBoundingClientRect();
    const rects = pointed.mark.getClientRects();
    const first = rects[0] ?? pointed.mark.getBoundingClientRect();
    const last = rects[rects.length - 1] ?? first;
    const above = first.top - outer.top - bubble.offsetHeight - 6;
    const top = above > 4 ? above : last.bottom - outer.top + 6;
    const left = (above > 4 ? first : last).left - outer.left;
    setPlace({
      left: clamp(left, 8, Math.max(8, frame.clientWidth - bubble.offsetWidth - 8)),
      top: top + frame.scrollTop,
    });
  }, [pointed]);
  return (
    <div ref={ref} id={id} class="rt-bubble" role="tooltip" hidden={!pointed} style={{ left: `${place.left}px`, top: `${place.top}px` }}>
      {pointed?.issues.map((issue) => (
        <div key={issue.n} class={pointed.issues.length > 1 && issue.n === selected ? "rt-on" : undefined}>
          <SeverityShape severity={issue.severity} /> <code>{issue.code}</code> {issue.message}
        </div>
      ))}
    </div>
  );
}
