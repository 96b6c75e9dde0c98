/** The terms of a query as they were written; a part in quotation marks may hold blanks. */
export function terms(query: string): string[] {
  return query.match(/(?:"[^"]*"?|[^\s"])+/g) ?? [];
}

export function hasTerms(query: string, filter: string): boolean {
  const present = new Set(terms(query));
  const wanted = terms(filter);
  return wanted.length > 0 && wanted.every((term) => present.has(term));
}

export function withoutTerms(query: string, drop: (term: string) => boolean): string {
  return terms(query)
    .filter((term) => !drop(term))
    .join(" ");
}

/**
 * Adds the terms of a filter, or takes them away when all of them are there. Terms that another chosen filter
 * needs as well stay.
 */
export function toggleTerms(query: string, filter: string, others: string[] = []): string {
  const wanted = terms(filter);
  if (!hasTerms(query, filter)) {
    const present = new Set(terms(query));
    return [query.trim(), ...wanted.filter((term) => !present.has(term))].filter(Boolean).join(" ");
  }
  const needed = new Set(others.filter((other) => other !== filter && hasTerms(query, other)).flatMap(terms));
  return withoutTerms(query, (term) => wanted.includes(term) && !needed.has(term));
}

/** The values given for one name, for example the codes of `code:a code:b`. */
export function valuesOf(query: string, name: string): string[] {
  return terms(query)
    .filter((term) => term.startsWith(`${name}:`))
    .map((term) => term.slice(name.length + 1));
}
