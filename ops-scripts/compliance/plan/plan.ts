// Turns a Terraform plan into the snapshot that AWS would give after the apply, and judges it.
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

/** `region` and `account` are used where the plan does not contain them. */
export interface PlanOptions {
  region?: string;
  account?: string;
  /** Whether a set whose references may be a list or a choice is unknown. Otherwise it is a list, with a warning. */
  strict?: boolean;
}

const translations = {
  ...networkTranslations,
  ...partTranslations,
  ...storeTranslations,
};

/** Types that are translated like another type. */
const aliases: Record<string, string> = {
  aws_default_vpc: 'aws_vpc',
  aws_default_subnet: 'aws_subnet',
};

/** Throws a ConfigFault where the text is not a plan. */
export function snapshotFromPlan(text: string, file: string, options: PlanOptions = {}): Snapshot {
  return readPlan(text, file, options).snapshot;
}

/**
 * `assumed`: the arguments that were read as lists of all their references. `count`: the number of planned resources.
 */
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
 * Judges a plan. A plan lists the references of a set but not how they are combined. If a verdict for the list of all
 * would differ for one of them alone, a warning says so.
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

/**
 * The number of readings that are tried: up to `most` for a small plan, at least `fewest` for a large one. Each takes
 * as long as the first.
 */
const wayLimits = { most: 64, fewest: 8, resources: 2000 };

/**
 * Readings that take one of the references of a set, up to the limit. First all sets take the same position, then each
 * set varies alone, then each pair of sets.
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
  // A data source only counts once AWS has returned its id.
  return mode === 'data' && typeof planned.one('id') !== 'string' ? [] : resources;
}

/** The values of the outputs, which other configurations may read. */
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

/**
 * Removes the prefix of provider types that are translated under their own name, and writes rule ids as Terraform does.
 */
function inTerraform(text: string): string {
  return text
    .replaceAll('AWS::aws_', 'aws_')
    .replaceAll(/\.SecurityGroup(In|E)gress\[(\d+)\]/g, (_, side, at) => `#${side.toLowerCase()}gress${at}`);
}
