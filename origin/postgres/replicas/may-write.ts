// Whether a statement may leave something in the log; whoever is not sure says yes, which costs one question to the primary.
import type { CompiledQuery } from 'kysely';

export function mayWrite({ query, sql }: CompiledQuery): boolean {
  // A common table expression can write, and a SELECT hides it.
  if (query.kind === 'SelectQueryNode') return query.with !== undefined;
  return !/^\s*select\b/i.test(sql);
}
