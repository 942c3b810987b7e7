// Writes answers as the services' XML by the SDK's schemas, so that the SDK reads what AWS would send.
import { NormalizedSchema } from '@smithy/core/schema';

/** The members of a command's output as XML elements. */
export function outputXml(output: unknown, answer: Record<string, unknown>): string {
  return membersXml(NormalizedSchema.of(output as never), answer);
}

export function hasMember(output: unknown, name: string): boolean {
  return [...NormalizedSchema.of(output as never).structIterator()].some(([member]) => member === name);
}

function membersXml(schema: NormalizedSchema, value: Record<string, unknown>): string {
  return [...schema.structIterator()]
    .map(([name, member]) => {
      const inner = value[name];
      const tag = String(member.getMemberTraits().xmlName ?? name);
      return inner === undefined || inner === null ? '' : elementXml(tag, member, inner);
    })
    .join('');
}

function elementXml(tag: string, schema: NormalizedSchema, value: unknown): string {
  if (schema.isListSchema()) {
    const items = value as unknown[];
    const item = schema.getValueSchema();
    if (schema.getMergedTraits().xmlFlattened) return items.map((one) => elementXml(tag, item, one)).join('');
    const itemTag = String(item.getMergedTraits().xmlName ?? 'member');
    return `<${tag}>${items.map((one) => elementXml(itemTag, item, one)).join('')}</${tag}>`;
  }
  if (schema.isStructSchema()) {
    return `<${tag}>${membersXml(schema, value as Record<string, unknown>)}</${tag}>`;
  }
  return `<${tag}>${escapeXml(String(value))}</${tag}>`;
}

export function escapeXml(text: string): string {
  return text.replaceAll('&', '&amp;').replaceAll('<', '&lt;').replaceAll('>', '&gt;');
}
