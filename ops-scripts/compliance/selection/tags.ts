// The tags of a part, wherever its service keeps them; those that could not be read are a doubt.
import { listAnswers } from '../answers.ts';
import { knownOrAbsent, readItems } from '../doubt.ts';
import type { Part } from '../parts/part.ts';
import type { World } from '../world/world.ts';

interface Tags {
  tags: Map<string, string>;
  doubts: string[];
}

type Tag = { Key?: string | undefined; Value?: string | undefined };

export function tagsOf(world: World, part: Part): Tags {
  if (part.kind === 'auto-scaling-group') return toTags(part.raw.Tags);
  if (part.kind === 'database') return toTags(part.raw.TagList);
  if (part.kind === 'cache') {
    const listed = listAnswers(world.answers, 'elasticache', 'ListTagsForResource', 'TagList', part.id);
    return toTags(listed.items, listed.doubts);
  }
  const listed = listAnswers(world.answers, 'elbv2', 'DescribeTags', 'TagDescriptions', part.id);
  const own = listed.items.filter(({ ResourceArn }) => ResourceArn === part.id);
  return toTags(
    own.flatMap(({ Tags: tags }) => tags ?? []),
    listed.doubts,
  );
}

function toTags(tags: Tag[] | undefined, doubts: string[] = []): Tags {
  const byKey = new Map<string, string>();
  const unread: string[] = [];
  readItems(
    tags,
    'tags of a part',
    ({ Key, Value }) => byKey.set(String(Key), String(knownOrAbsent(Value, `the tag ${Key}`) ?? '')),
    (reason) => unread.push(reason),
  );
  return { tags: byKey, doubts: [...doubts, ...unread] };
}
