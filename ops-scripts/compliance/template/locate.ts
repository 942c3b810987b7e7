// Where a resource stands in the file that declares it, for reports that lead there.
import { LineCounter, parseDocument } from 'yaml';
import type { SourcePlace } from '../report/place.ts';
import type { Template } from './parse-template.ts';
import type { Scope } from './scope.ts';

/** The place of each resource of these stacks, by its id; each file is read once, when the first is asked for. */
export function locateResources(stacks: Scope[]): (id: string) => SourcePlace | undefined {
  const lines = new Map<Template, Map<string, number>>();
  return (id) => {
    for (const scope of stacks) {
      const logicalId = Object.keys(scope.resources).find((each) => scope.idOf(each) === id);
      if (logicalId === undefined) continue;
      const { template } = scope;
      const known = lines.get(template) ?? linesOf(template);
      lines.set(template, known);
      return { file: template.file, line: known.get(logicalId) ?? 1 };
    }
    const [first] = stacks;
    return first && { file: first.template.file, line: 1 };
  };
}

/** The line of each logical id, from 1. */
function linesOf({ text }: Template): Map<string, number> {
  const counter = new LineCounter();
  const document = parseDocument(text, { lineCounter: counter, logLevel: 'silent', strict: false });
  const resources = document.get('Resources', true) as unknown as { items?: { key?: KeyNode }[] } | undefined;
  return new Map(
    (resources?.items ?? []).flatMap(({ key }) =>
      key?.range ? [[String(key.value), counter.linePos(key.range[0]).line] as const] : [],
    ),
  );
}

interface KeyNode {
  value?: unknown;
  range?: [number, number, number];
}
