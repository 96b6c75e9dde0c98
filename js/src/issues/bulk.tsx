import { useEffect, useRef, useState } from "preact/hooks";
import type { Host } from "../lib/host.ts";
import type { RepairPlan } from "../lib/protocol.ts";
import { number, plural } from "../lib/text.ts";
import { decisions } from "./decision.tsx";
import type { Picks } from "./picks.ts";
import type { ReviewSource } from "./review-source.ts";

interface Props {
  picks: Picks;
  review: ReviewSource;
  /** How many findings there are if all that match are chosen. */
  matched: number;
  /** What was chosen is ignored: all one can do is to have it back. */
  restoring: boolean;
  onDone: () => void;
}

/** What can be done with what was chosen; each is one step of the journal. */
export function BulkBar({ picks, review, matched, restoring, onDone }: Props) {
  const [tagging, setTagging] = useState(false);
  const [planning, setPlanning] = useState(false);
  const act = async (args: { op: string; [arg: string]: unknown }) => {
    if (!(await review.do(args))) return;
    picks.clear();
    onDone();
  };
  const tag = (text: string) => {
    const tags = text.split(",").map((one) => one.trim()).filter(Boolean);
    setTagging(false);
    if (tags.length > 0) void act({ op: "tag", ...picks.conversations, tags });
  };
  const conversations = picks.all || picks.keys.length > 0;
  const what = picks.all
    ? `All ${plural(matched, "finding")} that match`
    : `${plural(picks.count, "finding")} in ${plural(picks.keys.length, "conversation")}`;
  return (
    <div class="rt-bulk" role="toolbar" aria-label="what was chosen">
      <span class="rt-bulk-what">{review.busy ? "Working…" : what}</span>
      {restoring ? (
        <button type="button" disabled={review.busy} onClick={() => void act({ op: "restore", ...picks.findings })}>
          restore
        </button>
      ) : tagging ? (
        <input
          class="rt-bulk-tag"
          aria-label="Tags, with commas between them"
          placeholder="tag, another tag"
          ref={(field) => field?.focus({ preventScroll: true })}
          onKeyDown={(event) => {
            if (event.key === "Enter") tag(event.currentTarget.value);
            if (event.key !== "Escape") return;
            event.preventDefault();
            setTagging(false);
          }}
          onBlur={() => setTagging(false)}
        />
      ) : (
        <>
          {decisions.map(({ id, shape }) => (
            <button key={id} type="button" disabled={review.busy || !conversations} onClick={() => void act({ op: "decide", ...picks.conversations, as: id })}>
              <span aria-hidden="true">{shape}</span> {id}
            </button>
          ))}
          <button type="button" disabled={review.busy || !conversations} onClick={() => setTagging(true)}>
            tag…
          </button>
          <button type="button" disabled={review.busy} onClick={() => void act({ op: "ignore", ...picks.findings })}>
            ignore
          </button>
          <button type="button" disabled={review.busy} aria-haspopup="dialog" onClick={() => setPlanning(true)}>
            repair…
          </button>
        </>
      )}
      <button type="button" class="rt-link rt-bulk-clear" onClick={() => picks.clear()}>
        Choose nothing
      </button>
      {planning && (
        <PlanDialog
          host={review.host}
          picks={picks}
          onClose={() => setPlanning(false)}
          onRepair={(unsafe) => {
            setPlanning(false);
            void act({ op: "repair", ...picks.findings, unsafe });
          }}
        />
      )}
    </div>
  );
}

interface PlanProps {
  host: Host;
  picks: Picks;
  onClose: () => void;
  onRepair: (unsafe: boolean) => void;
}

/** What repairs would change, shown before anything does. */
function PlanDialog({ host, picks, onClose, onRepair }: PlanProps) {
  const [plans, setPlans] = useState<{ safe?: RepairPlan; unsafe?: RepairPlan; failure?: string }>({});
  const [ticked, setTicked] = useState(false);
  const box = useRef<HTMLDivElement>(null);
  const before = useRef<Element | null>(null);
  useEffect(() => {
    const page = box.current?.getRootNode() as Document | ShadowRoot;
    before.current = page.activeElement;
    box.current?.focus({ preventScroll: true });
    let open = true;
    const ask = async (unsafe: boolean) => {
      const reply = await host.request("plan", { ...picks.findings, unsafe }, `plan ${unsafe}`);
      if (!open || reply.status === "void") return;
      setPlans((old) => (reply.status === "ok" ? { ...old, [unsafe ? "unsafe" : "safe"]: reply.result } : { ...old, failure: reply.error }));
    };
    void ask(false).then(() => (open ? ask(true) : undefined));
    return () => {
      open = false;
      (before.current as HTMLElement | null)?.focus?.({ preventScroll: true });
    };
  }, []);
  const plan = ticked ? plans.unsafe : plans.safe;
  const risky = unsafeCodes(plans.safe, plans.unsafe);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "Tab") return keepInside(event, box.current);
    event.stopPropagation();
    if (event.key !== "Escape") return;
    event.preventDefault();
    onClose();
  };
  return (
    <div class="rt-plan" ref={box} role="dialog" aria-modal="true" aria-label="repairs" tabIndex={-1} onKeyDown={onKeyDown}>
      <b>
        {plans.failure ?? (!plan ? "Working out what would change…" : plan.repairs === 0 ? "Nothing can be repaired here." : `${plural(plan.repairs, "place")} would change.`)}
      </b>
      {plan && (
        <>
          <ul class="rt-plan-counts">
            {Object.entries(plan.counts).map(([code, count]) => (
              <li key={code}>
                <code>{code}</code> <span class="rt-count">{number(count)}</span>
                {code in risky && <b> unsafe</b>}
              </li>
            ))}
          </ul>
          {Object.keys(risky).length > 0 && (
            <label class="rt-plan-unsafe">
              <input type="checkbox" checked={ticked} onChange={(event) => setTicked(event.currentTarget.checked)} /> Also the unsafe ones, which may change
              what is meant: {Object.entries(risky).map(([code, count]) => `${code} (${number(count)})`).join(", ")}
            </label>
          )}
          <div class="rt-plan-lines" tabIndex={0} role="group" aria-label="what would change">
            {plan.lines.map(([kind, text], at) => (
              <div key={at} data-kind={kind} dir="auto">
                {kind === "-" || kind === "+" ? `${kind} ${text}` : text}
              </div>
            ))}
          </div>
        </>
      )}
      <div class="rt-plan-end">
        {plan && plan.left > 0 && <span class="rt-facts">{plural(plan.left, "finding")} would be left as they are.</span>}
        <button type="button" onClick={onClose}>
          Cancel
        </button>
        <button type="button" class="rt-primary" disabled={!plan || plan.repairs === 0} onClick={() => onRepair(ticked)}>
          {plan && plan.repairs > 0 ? `Repair ${plural(plan.repairs, "place")}` : "Repair"}
        </button>
      </div>
    </div>
  );
}

/** The codes with repairs that are made only on demand, and how many these are. */
function unsafeCodes(safe?: RepairPlan, unsafe?: RepairPlan): Record<string, number> {
  if (!safe || !unsafe || unsafe.unsafe === 0) return {};
  const more = Object.entries(unsafe.counts).map(([code, count]) => [code, count - (safe.counts[code] ?? 0)] as const);
  return Object.fromEntries(more.filter(([, count]) => count > 0));
}

function keepInside(event: KeyboardEvent, box: HTMLElement | null): void {
  const stops = [...(box?.querySelectorAll<HTMLElement>("button:not(:disabled), input, [tabindex='0']") ?? [])];
  const focused = (box?.getRootNode() as Document | ShadowRoot | undefined)?.activeElement;
  const at = stops.indexOf(focused as HTMLElement) + (event.shiftKey ? -1 : 1);
  event.preventDefault();
  stops.at(at % stops.length)?.focus();
}
