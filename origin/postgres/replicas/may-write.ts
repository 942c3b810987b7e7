// Says whether a statement may write. In doubt it says yes, which costs one query to the primary.
import type { CompiledQuery } from 'kysely';

export function mayWrite({ query, sql }: CompiledQuery): boolean {
  // A common table expression can write, and a SELECT hides it.
  if (query.kind === 'SelectQueryNode') return query.with !== undefined;
  return !/^\s*select\b/i.test(sql);
}
