// What the translations of planned resources share.
import { isUnknownValue } from '../snapshot.ts';
import { isRecord } from '../template/parse-template.ts';
import type { Properties, Resource } from '../template/resources.ts';
import type { PlannedWorld, Reader } from './reader.ts';

/** The CloudFormation resources that a resource of the AWS provider is, by its type. */
export type Translations = Record<string, (planned: Reader, world: PlannedWorld) => Resource[]>;

export function resource(planned: Reader, type: string, properties: Properties): Resource {
  const set = Object.entries(properties).filter(([, value]) => value !== undefined);
  return { id: planned.id, type, properties: Object.fromEntries(set), refers: new Set() };
}

/** Tags of the resource with those of the provider, where the plan tells them joined. */
export function tagsOf(planned: Reader): unknown {
  const all = planned.one('tags_all');
  const given = (isUnknownValue(all) ? planned.one('tags') : (all ?? planned.one('tags'))) ?? {};
  if (!isRecord(given) || isUnknownValue(given)) return given;
  return Object.entries(given).map(([Key, Value]) => ({ Key, Value }));
}

/** Values of several blocks or of none; an unknown value where the blocks can't be known. */
export function eachBlock(planned: Reader, name: string, read: (block: Reader) => unknown): unknown {
  const blocks = planned.blocks(name);
  return isUnknownValue(blocks) ? blocks : blocks.map(read);
}
