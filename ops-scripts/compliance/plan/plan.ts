// Turns a Terraform plan into the snapshot that AWS would give after the apply.
import type { Finding, Report } from '../findings.ts';
import { type JudgeOptions, judge } from '../judge.ts';
import { emptySnapshot, isUnknownValue, type Snapshot, unknownValue } from '../snapshot.ts';
import { Draft } from '../template/draft.ts';
import { withUncertain } from '../template/handed-groups.ts';
import { isRecord } from '../template/parse-template.ts';
import { type Resource, withZonesApart } from '../template/resources.ts';
import { answerAll, markAllUnknown } from '../template/template.ts';
import { readData } from './arguments.ts';
import { parsePlan } from './parse-plan.ts';
import { Handle } from './plan-index.ts';
import { PlannedWorld, type Reader } from './reader.ts';
import type { Reading } from './references.ts';
import { networkTranslations } from './translate-network.ts';
import { translateOther } from './translate-others.ts';
import { partTranslations } from './translate-parts.ts';
import { storeTranslations } from './translate-stores.ts';

/** `region` and `account` are taken where the plan does not tell them. */
export interface PlanOptions {
  region?: string;
  account?: string;
  /** Whether a set whose references may be a list or a choice is unknown, instead of a list with a warning. */
  strict?: boolean;
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
  return readPlan(text, file, options).snapshot;
}

/** `assumed`: the arguments that were read in one of several ways; `count`: of the planned resources. */
function readPlan(
  text: string,
  file: string,
  options: PlanOptions,
  reading: Reading = options.strict ? 'unknown' : 'all',
) {
  const plan = parsePlan(text, file);
  const region = options.region ?? plan.region ?? '';
  const snapshot = emptySnapshot(options.account ?? '', region, new Date());
  const world = new PlannedWorld(plan, reading);
  const resources = withZonesApart(world.all.flatMap((planned) => translate(planned, world)));
  const draft = new Draft(snapshot, withUncertain(resources), outputsOf(world));
  answerAll(draft);
  markAllUnknown(draft, plan.incomplete);
  const calls = inWordsOfPlans(snapshot.calls) as Snapshot['calls'];
  return { snapshot: { ...snapshot, calls }, assumed: world.references.assumed, count: world.all.length };
}

/**
 * Judges a plan. A plan does not tell how the references of a set are joined: where a verdict holds for a list of all
 * of them, and not where one of them is taken, a warning says so.
 */
export function judgePlan(
  text: string,
  file: string,
  options: PlanOptions,
  how: Omit<JudgeOptions, 'mode'>,
): { snapshot: Snapshot; report: Report } {
  const { snapshot, assumed, count } = readPlan(text, file, options);
  const report = judge(snapshot, { ...how, mode: 'plan' });
  if (assumed.size === 0 || options.strict) return { snapshot, report };
  const others = choicesOf(assumed, count).map((reading) =>
    judge(readPlan(text, file, options, reading).snapshot, { ...how, mode: 'plan' }),
  );
  const holdsAlways = (finding: Finding) =>
    others.every(({ findings }) => {
      const other = findings.find((each) => isSame(each, finding));
      return other === undefined || other.status === 'unknown' || other.status === finding.status;
    });
  const names = [...assumed.keys()].join(', ');
  const warning = `read as lists of all that they refer to, which the plan does not tell (--strict makes it unknown): ${names}`;
  const findings = report.findings.map((finding) =>
    finding.status === 'unknown' || holdsAlways(finding)
      ? finding
      : { ...finding, warnings: [...finding.warnings, warning] },
  );
  return { snapshot, report: { ...report, findings } };
}

/** A small plan is read in so many ways at most, a larger one in fewer: each way takes as long as the first. */
const wayLimits = { most: 64, fewest: 8, resources: 2000 };

/**
 * Ways to take one of what each set refers to: for each two sets one of either, where they are not too many; and the
 * same place of every set, and each set by itself.
 */
function choicesOf(assumed: ReadonlyMap<string, number>, resources: number): Map<string, number>[] {
  const places = [...assumed].map(([what, size]) =>
    Array.from({ length: size }, (_, at): [string, number] => [what, at]),
  );
  const longest = Math.max(...assumed.values());
  const together = Array.from(
    { length: longest },
    (_, at) => new Map([...assumed].map(([what]) => [what, at])),
  );
  const alone = places.flatMap((own) => own.map((place) => new Map([place])));
  const pairs = places.flatMap((own, index) =>
    places.slice(index + 1).flatMap((other) => own.flatMap((a) => other.map((b) => new Map([a, b])))),
  );
  const { most, fewest } = wayLimits;
  const limit = Math.max(fewest, Math.min(most, Math.floor(wayLimits.resources / resources)));
  return [...together, ...alone, ...pairs].slice(0, limit);
}

function isSame(a: Finding, b: Finding): boolean {
  return a.control === b.control && a.resource === b.resource;
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
  return text
    .replaceAll('AWS::aws_', 'aws_')
    .replaceAll(/\.SecurityGroup(In|E)gress\[(\d+)\]/g, (_, side, at) => `#${side.toLowerCase()}gress${at}`);
}
