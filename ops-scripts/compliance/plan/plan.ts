// Turns a Terraform plan into the snapshot that AWS would give after the apply.
import { emptySnapshot, isUnknownValue, type Snapshot, unknownValue } from '../snapshot.ts';
import { Draft } from '../template/draft.ts';
import { isRecord } from '../template/parse-template.ts';
import { type Resource, withZonesApart } from '../template/resources.ts';
import { answerAll, markAllUnknown } from '../template/template.ts';
import { parsePlan } from './parse-plan.ts';
import { PlannedWorld, type Reader, readData } from './reader.ts';
import { Handle } from './references.ts';
import { networkTranslations } from './translate-network.ts';
import { translateOther } from './translate-others.ts';
import { partTranslations } from './translate-parts.ts';
import { storeTranslations } from './translate-stores.ts';

/** `region` and `account` are taken where the plan does not tell them. */
export interface PlanOptions {
  region?: string;
  account?: string;
}

const translations = {
  ...networkTranslations,
  ...partTranslations,
  ...storeTranslations,
};

/** Other names of types that are translated alike. */
const aliases: Record<string, string> = {
  aws_default_vpc: 'aws_vpc',
  aws_default_subnet: 'aws_subnet',
};

/** Throws a ConfigFault where the text is no plan. */
export function snapshotFromPlan(text: string, file: string, options: PlanOptions = {}): Snapshot {
  const plan = parsePlan(text, file);
  const region = options.region ?? plan.region ?? '';
  const snapshot = emptySnapshot(options.account ?? '', region, new Date());
  const world = new PlannedWorld(plan);
  const resources = withZonesApart(world.all.flatMap((planned) => translate(planned, world)));
  const draft = new Draft(snapshot, resources, outputsOf(world));
  answerAll(draft);
  markAllUnknown(draft, plan.incomplete);
  return { ...snapshot, calls: inWordsOfPlans(snapshot.calls) as Snapshot['calls'] };
}

function translate(planned: Reader, world: PlannedWorld): Resource[] {
  const { type, mode } = planned.instance;
  if (mode === 'data' && !readData.has(type)) return [];
  const own = translations[aliases[type] ?? type];
  const resources = own === undefined ? translateOther(planned, world) : own(planned, world);
  // A data source is there only once AWS has told its id.
  return mode === 'data' && typeof planned.one('id') !== 'string' ? [] : resources;
}

/** What other configurations may get to know. */
function outputsOf(world: PlannedWorld): unknown[] {
  return Object.entries(world.plan.root?.outputs ?? {}).flatMap(([name, { expression }]) => {
    const resolved = world.references.resolve(expression, { module: '' }, `output ${name}`);
    if (isUnknownValue(resolved)) return [];
    return resolved.map((item) => (item instanceof Handle ? item.instance.id : item));
  });
}

/** Rewords reasons that were written for templates, so that they say "plan" instead of "template". */
function inWordsOfPlans(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(inWordsOfPlans);
  if (isUnknownValue(value))
    return unknownValue(inTerraform(value.$unknown).replaceAll(/(?<!launch )\btemplate\b/g, 'plan'));
  if (typeof value === 'string') return inTerraform(value);
  if (!isRecord(value)) return value;
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [key, inWordsOfPlans(inner)]));
}

/** A type of the provider that is translated as it is bears a prefix on the way. */
function inTerraform(text: string): string {
  return text.replaceAll('AWS::aws_', 'aws_');
}
