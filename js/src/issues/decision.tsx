/** What can be decided on a conversation: a word and a shape each, for the colour-blind as for the hurried. */
export const decisions = [
  { id: "keep", shape: "✓" },
  { id: "fix", shape: "✎" },
  { id: "reject", shape: "✕" },
  { id: "later", shape: "…" },
] as const;

export function DecisionMark({ decision, brief = false }: { decision: string | null | undefined; brief?: boolean }) {
  const known = decisions.find(({ id }) => id === decision);
  if (!known) return null;
  return (
    <span class={`rt-decision rt-decision-${known.id}`} title={brief ? known.id : undefined}>
      <span aria-hidden="true">{known.shape}</span>
      <span class={brief ? "rt-sr" : undefined}> {known.id}</span>
    </span>
  );
}
