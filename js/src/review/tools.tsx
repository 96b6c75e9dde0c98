import type { Turn } from "../lib/protocol.ts";
import type { Acts } from "./acts.ts";

/** What can be changed in a conversation at one of its turns. */
export function Tools({ turn: { turn }, last, acts }: { turn: Turn; last: boolean; acts: Acts }) {
  const button = (name: string, act: () => void, key?: string) => (
    <button type="button" class="rt-link" onClick={act}>
      {name} {key && <kbd>{key}</kbd>}
    </button>
  );
  return (
    <>
      {button("Edit", () => acts.edit(turn), "e")}
      {button("Insert below", () => acts.edit(turn, true))}
      {!last && button("Merge with next", () => void acts.rearrange("merge", turn))}
      {turn > 0 && button("Split here", () => void acts.rearrange("split", turn))}
      {button("Remove", () => void acts.rearrange("remove", turn))}
    </>
  );
}
