// Finds the resources that an expression refers to, at any depth and in any function.
import { isRecord } from './parse-template.ts';

/** Logical ids that `Ref`, `Fn::GetAtt` and `Fn::Sub` name at any depth; names of parameters are among them. */
export function referencesIn(value: unknown): Set<string> {
  const found = new Set<string>();
  gather(value, found);
  return found;
}

function gather(value: unknown, found: Set<string>): void {
  if (Array.isArray(value)) for (const item of value) gather(item, found);
  if (!isRecord(value)) return;
  for (const [key, inner] of Object.entries(value)) {
    if (key === 'Ref') found.add(String(inner));
    else if (key === 'Fn::GetAtt') found.add(String(Array.isArray(inner) ? inner[0] : inner).split('.')[0]!);
    else if (key === 'Fn::Sub') gatherFromText(Array.isArray(inner) ? inner[0] : inner, found);
    gather(inner, found);
  }
}

function gatherFromText(text: unknown, found: Set<string>): void {
  for (const [, name = ''] of String(text).matchAll(/\$\{([^!}][^}]*)\}/g))
    found.add(name.trim().split('.')[0]!);
}
