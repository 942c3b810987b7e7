// Databases are referred to by logical id, by the name that they are given, or by an ARN of either.
import type { Draft } from './draft.ts';

const nameProperties = { DBCluster: 'DBClusterIdentifier', DBInstance: 'DBInstanceIdentifier' };

/** The logical id where the template declares what is named; else the name as it stands. */
export function logicalIdOf(draft: Draft, kind: keyof typeof nameProperties, named: unknown): unknown {
  if (typeof named !== 'string') return named;
  const name = withoutArn(named, draft.snapshot.region);
  const declared = draft.perhaps(`AWS::RDS::${kind}`);
  // RDS keeps names in lower case.
  const isNamed = (value: unknown) => typeof value === 'string' && value.toLowerCase() === name.toLowerCase();
  const found =
    declared.find(({ id }) => id === name) ??
    declared.find(({ properties }) => isNamed(properties[nameProperties[kind]]));
  return found?.id ?? name;
}

/** An ARN of another region names another database, though it may bear the same name. */
function withoutArn(text: string, region: string): string {
  const [, of, name] = /^arn:[^:]*:rds:([^:]*):[^:]*:(?:db|cluster):(.*)$/.exec(text) ?? [];
  return name !== undefined && (of === region || region === '') ? name : text;
}
