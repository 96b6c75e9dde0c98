import { useEffect, useState } from "preact/hooks";
import type { Facets } from "../lib/protocol.ts";
import type { ReviewSource } from "./review-source.ts";

/** How many findings there are of each value, asked for again with each query and each step; null until they are known. */
export function useFacets(review: ReviewSource | undefined, query: string): Facets | null {
  const [facets, setFacets] = useState<Facets | null>(null);
  const changes = review?.changes;
  useEffect(() => {
    if (!review) return;
    let open = true;
    void review.host.request("facets", { query }, "facets").then((reply) => {
      if (open && reply.status === "ok") setFacets(reply.result);
    });
    return () => {
      open = false;
    };
  }, [review, query, changes]);
  return facets;
}
