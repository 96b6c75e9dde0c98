import { useState } from "preact/hooks";

/** A column of the table: what it is sorted by, what it is called, what fits above it, and how wide it is. */
export interface Column {
  id: string;
  sort: string;
  name: string;
  short: string;
  width: string;
  /** Only its shape. */
  brief?: boolean;
}

const column = (id: string, sort: string, short: string, width: string, name = id): Column => ({ id, sort, name, short, width });

export const columns: Column[] = [
  column("severity", "severity", "", "18px"),
  column("code", "code", "Code", "minmax(112px, 168px)"),
  column("conversation", "conversation", "Conv", "60px"),
  column("turn", "turn", "Turn", "44px"),
  column("role", "role", "Role", "72px"),
  column("decision", "", "Decision", "72px"),
  column("line", "", "Line", "60px"),
  column("message", "", "Message", "minmax(96px, 1fr)"),
];

/** Without these a row does not say what it is. */
const needed = ["severity", "message"];
const usual = ["severity", "code", "conversation", "turn", "role", "decision", "message"];
/** What there is no room for, from wide to narrow. */
const room: [width: number, without: string[]][] = [
  [720, ["line"]],
  [560, ["role"]],
  [440, ["turn"]],
  [360, ["code"]],
];

const narrow: Record<string, Partial<Column>> = { code: { width: "112px" }, decision: { short: "", width: "14px", brief: true } };

/** The columns that are shown, in their order: those that were chosen and that there is room for. */
export function shownColumns(chosen: readonly string[], width: number): Column[] {
  const without = width > 0 ? room.flatMap(([from, names]) => (width < from ? names : [])) : [];
  const brief = width > 0 && width < 560;
  return columns
    .filter(({ id }) => chosen.includes(id) && !without.includes(id))
    .map((one) => (brief && narrow[one.id] ? { ...one, ...narrow[one.id] } : one));
}

export const optional = columns.filter(({ id }) => !needed.includes(id));

/** The columns that a reader chose, kept in the browser under a name. A browser that keeps nothing forgets them. */
export function useColumns(name: string): [chosen: string[], toggle: (id: string) => void] {
  const place = `rolethread_nb.columns.${name}`;
  const [chosen, setChosen] = useState<string[]>(() => {
    const known = stored(place)?.split(" ").filter((id) => columns.some((one) => one.id === id));
    return known ? [...new Set([...needed, ...known])] : usual;
  });
  const toggle = (id: string) => {
    const next = chosen.includes(id) ? chosen.filter((one) => one !== id) : [...chosen, id];
    setChosen(next);
    try {
      localStorage.setItem(place, next.join(" "));
    } catch {
      // A page without a memory of its own.
    }
  };
  return [chosen, toggle];
}

function stored(place: string): string | null {
  try {
    return localStorage.getItem(place);
  } catch {
    return null;
  }
}
