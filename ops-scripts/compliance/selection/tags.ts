// The tags of a part, wherever its service keeps them; those that could not be read give an unknown reason.
import { listAnswers } from '../answers.ts';
import type { Inventory } from '../inventory/inventory.ts';
import type { Part } from '../parts/part.ts';
import { knownOrAbsent, readItems } from '../unknown.ts';

interface Tags {
  tags: Map<string, string>;
  unknownReasons: string[];
}

type Tag = { Key?: string | undefined; Value?: string | undefined };

export function tagsOf(inventory: Inventory, part: Part): Tags {
  if (part.kind === 'auto-scaling-group') return toTags(part.raw.Tags);
  if (part.kind === 'database') return toTags(part.raw.TagList);
  if (part.kind === 'cache') {
    const listed = listAnswers(inventory.answers, 'elasticache', 'ListTagsForResource', 'TagList', part.id);
    return toTags(listed.items, listed.unknownReasons);
  }
  const listed = listAnswers(inventory.answers, 'elbv2', 'DescribeTags', 'TagDescriptions', part.id);
  const own = listed.items.filter(({ ResourceArn }) => ResourceArn === part.id);
  return toTags(
    own.flatMap(({ Tags: tags }) => tags ?? []),
    listed.unknownReasons,
  );
}

function toTags(tags: Tag[] | undefined, unknownReasons: string[] = []): Tags {
  const byKey = new Map<string, string>();
  const unread: string[] = [];
  readItems(
    tags,
    'tags of a part',
    ({ Key, Value }) =>
      byKey.set(
        String(Key),
        String((Key === 'Stack' ? knownOrAbsent(Value, `the tag ${Key}`) : Value) ?? ''),
      ),
    (reason) => unread.push(reason),
  );
  return { tags: byKey, unknownReasons: [...unknownReasons, ...unread] };
}
