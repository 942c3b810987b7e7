// Takes an address or reference (`module.a["x"].aws_subnet.b[0].id`) apart into names and keys.

/** Text for names and text keys, numbers for numbered keys. */
export function readTraversal(text: string): (string | number)[] {
  const steps: (string | number)[] = [];
  for (const [whole, quoted, index] of text.matchAll(/\["((?:[^"\\]|\\.)*)"\]|\[(\d+)\]|[^.[\]]+/g)) {
    if (quoted !== undefined) steps.push(quoted.replaceAll(/\\(.)/g, '$1'));
    // `x[*].id` names every one, as `x.id` does where there are several.
    else if (whole !== '*') steps.push(index === undefined ? whole : Number(index));
  }
  return steps;
}

/** References as they were written: Terraform tells each with all of its beginnings after it. */
export function wholeReferences(references: unknown): string[] {
  const texts = Array.isArray(references) ? references.map(String) : [];
  return texts.filter((text, index) => {
    const before = texts[index - 1];
    return before === undefined || !(before.startsWith(`${text}.`) || before.startsWith(`${text}[`));
  });
}

/** The same at any depth of a block. */
export function referencesWithin(expressions: unknown): string[] {
  if (Array.isArray(expressions)) return expressions.flatMap(referencesWithin);
  if (typeof expressions !== 'object' || expressions === null) return [];
  return Object.entries(expressions).flatMap(([key, inner]) =>
    key === 'references' ? wholeReferences(inner) : key === 'constant_value' ? [] : referencesWithin(inner),
  );
}
