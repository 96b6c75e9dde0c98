import type { FindingGroup } from "../lib/protocol.ts";

/** What stands at a position of the list: the head of a group, or a finding by its position in its order. */
export type Item = { kind: "group"; group: number } | { kind: "row"; row: number };

/**
 * Where everything stands, from the counts of the groups alone: a collapsed group takes one line and none of its
 * rows need to be known.
 */
export class GroupLayout {
  readonly length: number;
  readonly groups: FindingGroup[];
  #collapsed: ReadonlySet<string>;
  // For each group: the position of its head, and the first row that belongs to it.
  #heads: number[] = [];
  #rows: number[] = [];

  constructor(groups: FindingGroup[], collapsed: ReadonlySet<string>) {
    this.groups = groups;
    this.#collapsed = collapsed;
    let position = 0;
    let row = 0;
    for (const group of groups) {
      this.#heads.push(position);
      this.#rows.push(row);
      position += 1 + (collapsed.has(groupId(group)) ? 0 : group.count);
      row += group.count;
    }
    this.length = position;
  }

  item(position: number): Item {
    const group = lastAtMost(this.#heads, position);
    const inside = position - (this.#heads[group] ?? 0);
    return inside === 0 ? { kind: "group", group } : { kind: "row", row: (this.#rows[group] ?? 0) + inside - 1 };
  }

  groupOfRow(row: number): number {
    return lastAtMost(this.#rows, row);
  }

  /** The position of a row; that of its group's head while the group is collapsed. */
  positionOfRow(row: number): number {
    const group = this.groupOfRow(row);
    const head = this.#heads[group] ?? 0;
    const collapsed = this.groups[group] && this.#collapsed.has(groupId(this.groups[group]));
    return collapsed ? head : head + 1 + row - (this.#rows[group] ?? 0);
  }
}

/** A code can stand in two groups when its severity depends on the place. */
export const groupId = (group: FindingGroup) => `${group.severity} ${group.code}`;

function lastAtMost(sorted: number[], value: number): number {
  let low = 0;
  let high = sorted.length - 1;
  while (low < high) {
    const middle = Math.ceil((low + high) / 2);
    if ((sorted[middle] ?? Infinity) <= value) low = middle;
    else high = middle - 1;
  }
  return low;
}
