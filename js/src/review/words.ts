/** A stretch of two texts: in both, only in the old one, or only in the new one. */
export type Change = [kind: "same" | "gone" | "new", text: string];

/** More cells of the table of common words would hold the page up; such texts are shown as one change. */
const MOST = 1_000_000;

const wordsOf = (text: string) => text.match(/[\p{L}\p{N}\p{M}_]+|\s|[^\p{L}\p{N}\p{M}_\s]/gu) ?? [];

/** What differs between two texts, word by word (the longest common subsequence of what their ends do not share). */
export function changes(before: string, after: string): Change[] {
  const a = wordsOf(before);
  const b = wordsOf(after);
  let start = 0;
  while (start < a.length && a[start] === b[start]) start++;
  let end = 0;
  while (end < Math.min(a.length, b.length) - start && a[a.length - 1 - end] === b[b.length - 1 - end]) end++;
  const found: Change[] = [];
  const add = (kind: Change[0], words: string[]) => {
    const last = found.at(-1);
    if (last?.[0] === kind) last[1] += words.join("");
    else if (words.length > 0) found.push([kind, words.join("")]);
  };
  add("same", a.slice(0, start));
  for (const [kind, word] of middle(a.slice(start, a.length - end), b.slice(start, b.length - end))) add(kind, [word]);
  add("same", a.slice(a.length - end));
  return found;
}

function middle(a: string[], b: string[]): Change[] {
  const all = (kind: Change[0], words: string[]): Change[] => words.map((word) => [kind, word]);
  if (a.length * b.length > MOST) return [...all("gone", a), ...all("new", b)];
  const width = b.length + 1;
  const common = new Uint16Array((a.length + 1) * width);
  for (let i = a.length - 1; i >= 0; i--) {
    for (let j = b.length - 1; j >= 0; j--) {
      common[i * width + j] = a[i] === b[j] ? common[(i + 1) * width + j + 1]! + 1 : Math.max(common[(i + 1) * width + j]!, common[i * width + j + 1]!);
    }
  }
  const found: Change[] = [];
  let [i, j] = [0, 0];
  while (i < a.length || j < b.length) {
    if (i < a.length && j < b.length && a[i] === b[j]) {
      found.push(["same", a[i++]!]);
      j++;
    } else if (i < a.length && (j === b.length || common[(i + 1) * width + j]! >= common[i * width + j + 1]!)) found.push(["gone", a[i++]!]);
    else found.push(["new", b[j++]!]);
  }
  return found;
}
