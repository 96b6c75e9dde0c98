import type { PageArgs } from "./protocol.ts";

type Row = Record<string, unknown>;

/** One order of a list: what its pages say of the whole, and its first rows as positions in the list. */
interface SavedOrder {
  head: Row & { query: string; sort: string; descending: boolean; matched: number };
  rows: number[];
}

/** Answers that Python wrote into a page, so that it needs no kernel (outputs/recording.py). */
export interface Answers {
  /** Said where something is asked for that is not here. */
  says?: string;
  /** Rows by name of request, and the orders that name them. */
  lists?: Record<string, { rows: Row[]; orders: SavedOrder[] }>;
  /** Single answers by name of request and key; of a long conversation several, by their first turn. */
  items?: Record<string, Record<string, Row[]>>;
}

type Asked = Partial<PageArgs> & Row;

/** What an item is found by. */
const nameOf = ({ key, target }: Asked) => [key, target].filter((part) => part !== undefined).join(" ");

/** Whether some list is here for a query. */
export function holds({ lists = {} }: Answers, query: string): boolean {
  return Object.values(lists).some(({ orders }) => orders.some(({ head }) => head.query === query));
}

/** The answer to a request, undefined where it is not here. */
export function answerFrom({ lists = {}, items = {} }: Answers, name: string, args: Asked): Row | undefined {
  const list = lists[name];
  if (list) return pageOf(list.rows, list.orders, args);
  // What a limit that is tried out does was never worked out.
  if (args.max_tokens) return undefined;
  const from = Number(args.from ?? 0);
  return items[name]?.[nameOf(args)]?.find((one) => {
    const first = Number(one.from ?? 0);
    return !Array.isArray(one.turns) || args.from === undefined || (first <= from && from < first + Math.max(1, one.turns.length));
  });
}

function pageOf(all: Row[], orders: SavedOrder[], { query = "", sort, descending = false, offset = 0, limit = 100, near }: Asked): Row | undefined {
  const order = orders.find(({ head }) => head.query === query.trim() && head.sort === sort && head.descending === descending);
  if (!order) return undefined;
  const at = near === undefined ? -1 : order.rows.findIndex((row) => all[row]?.n === near || all[row]?.key === near);
  const begin = at < 0 ? offset : at - (at % limit);
  const rows = order.rows.slice(begin, begin + limit).map((row) => all[row]);
  return rows.length > 0 || begin >= order.head.matched ? { ...order.head, query, offset: begin, rows } : undefined;
}
