import type { Outcome, Preflight, PreflightTarget } from "../lib/protocol.ts";
import { valuesOf } from "../lib/query.ts";

/** What a query of cases asks for; null where it does not say. */
export interface Asked {
  target: string | null;
  outcome: Outcome | null;
  reason: string | null;
}

export function readQuery(query: string): Asked {
  const value = (name: string) => valuesOf(query, name)[0] ?? null;
  return { target: value("target"), outcome: value("outcome") as Outcome | null, reason: value("reason") };
}

export function writeQuery({ target, outcome, reason }: Partial<Asked>): string {
  return [target && `target:${target}`, outcome && `outcome:${outcome}`, reason && `reason:${reason}`].filter(Boolean).join(" ");
}

export const targetNamed = (preflight: Preflight | undefined, name: string | null | undefined): PreflightTarget | undefined =>
  preflight?.targets.find((target) => target.name === name);

/** The trainer that a query is about: the one it names, or the only one there is. */
export function targetAsked(preflight: Preflight | undefined, query: string): PreflightTarget | undefined {
  const { target } = readQuery(query);
  return target === null && preflight?.targets.length === 1 ? preflight.targets[0] : targetNamed(preflight, target);
}

export const sizeOf = (target: PreflightTarget): number => Object.values(target.counts).reduce((sum, count) => sum + count, 0);
