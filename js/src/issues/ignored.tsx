import { useEffect } from "preact/hooks";
import { useOwned, useStore } from "../lib/hooks.ts";
import { Pages } from "../lib/pages.ts";
import type { Finding, FindingsPage } from "../lib/protocol.ts";
import type { Column } from "./columns.ts";
import { IssueGrid } from "./grid.tsx";
import type { Picks } from "./picks.ts";
import type { ReviewSource } from "./review-source.ts";

interface Props {
  review: ReviewSource;
  picks: Picks;
  columns: Column[];
  onSelect: (finding: Finding) => void;
}

const order = { query: "", sort: "file", descending: false };

/** The findings that the review ignores. */
export function Ignored({ review, picks, columns, onSelect }: Props) {
  const pages = useStore(useOwned(() => new Pages<Finding, FindingsPage>("ignored", order, (args, purpose) => review.host.request("ignored", args, purpose))));
  useEffect(() => (pages.head ? pages.refresh() : pages.retry()), [review.changes]);
  const unsorted = columns.map((column) => ({ ...column, sort: "" }));
  return <IssueGrid pages={pages} chosen={-1} empty="No finding is ignored." picks={picks} columns={unsorted} onSelect={onSelect} />;
}
