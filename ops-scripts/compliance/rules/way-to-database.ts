// Judges the way from instances to a database: directly, or through a proxy that serves it.
import type { Inventory } from '../inventory/inventory.ts';
import { databasePorts } from '../parts/database.ts';
import { type AutoScalingGroupPart, type DatabasePart, describePart, type ProxyPart } from '../parts/part.ts';
import { proxyPort, servesDatabase } from '../parts/proxy.ts';
import { judgeConnection } from '../reach/connection.ts';
import { attempt } from '../unknown.ts';
import type { Failure, Verdict } from '../verdict.ts';

/** One open way is enough. Where none is, reports the ways through proxies that serve the database. */
export function judgeWayToDatabase(
  inventory: Inventory,
  from: AutoScalingGroupPart,
  database: DatabasePart,
  verdict: Verdict,
): void {
  const { items, unknownReasons, absent } = inventory.parts.proxies;
  const straight = recordVerdict((recorded) =>
    judgeConnection(inventory, { from, to: database, port: databasePorts(database)[0]! }, recorded),
  );
  const proxies = items.filter((each) => !each.endpointOf && servesDatabase(each, database) !== false);
  const through = proxies.map((proxy) => ({
    serves: servesDatabase(proxy, database) === true,
    recorded: recordVerdict((recorded) => judgeWayThrough(inventory, { from, proxy, database }, recorded)),
  }));
  const serving = through.filter(({ serves }) => serves).map(({ recorded }) => recorded);
  if (isOpen(straight)) {
    for (const { failures } of serving) for (const { reason } of failures) verdict.warn(reason);
    replay(straight, verdict);
    return;
  }
  // A proxy that can't be read may be the way.
  const unread =
    absent || unknownReasons.length === 0
      ? []
      : [recordVerdict((recorded) => unknownReasons.forEach(recorded.unknown))];
  const perhaps = through.filter(({ serves }) => !serves).map(({ recorded }) => recorded);
  replay(bestOf([...serving, straight, ...perhaps, ...unread])!, verdict);
}

function judgeWayThrough(
  inventory: Inventory,
  { from, proxy, database }: { from: AutoScalingGroupPart; proxy: ProxyPart; database: DatabasePart },
  verdict: Verdict,
): void {
  if (servesDatabase(proxy, database) === undefined)
    verdict.unknown(
      `whether ${describePart(proxy)} serves ${describePart(database)}: ${proxy.targetUnknownReasons[0]}`,
    );
  const port = proxyPort(proxy, database);
  const entrances = inventory.parts.proxies.items.filter(
    (each) => each === proxy || (each.endpointOf === proxy && !each.readOnly),
  );
  const ways = entrances.map((entrance) =>
    recordVerdict((recorded) => judgeConnection(inventory, { from, to: entrance, port }, recorded)),
  );
  replay(bestOf(ways)!, verdict);
  judgeConnection(inventory, { from: proxy, to: database, port: databasePorts(database)[0]! }, verdict);
}

/** The verdict on one of several ways, of which only one need be open. */
export interface RecordedVerdict {
  failures: Failure[];
  unknownReasons: string[];
  warnings: string[];
  passes: string[];
}

function recordVerdict(judge: (verdict: Verdict) => void): RecordedVerdict {
  const record: RecordedVerdict = { failures: [], unknownReasons: [], warnings: [], passes: [] };
  const verdict: Verdict = {
    fail: (failure) => void record.failures.push(failure),
    unknown: (reason) => void record.unknownReasons.push(reason),
    warn: (text) => void record.warnings.push(text),
    pass: (text) => void record.passes.push(text),
    attempt: (piece) => void attempt(piece, verdict.unknown),
    conclude: () => {
      throw new Error(
        'Cannot conclude a recorded verdict, as only the verdict that it is replayed on is reported',
      );
    },
  };
  verdict.attempt(() => judge(verdict));
  return record;
}

function isOpen({ failures, unknownReasons }: RecordedVerdict): boolean {
  return failures.length + unknownReasons.length === 0;
}

/** The first that is open, else the first that may be, else the first; undefined of none. */
function bestOf(recorded: RecordedVerdict[]): RecordedVerdict | undefined {
  return recorded.find(isOpen) ?? recorded.find(({ failures }) => failures.length === 0) ?? recorded[0];
}

/** Repeats on `verdict` what was recorded. */
function replay({ failures, unknownReasons, warnings, passes }: RecordedVerdict, verdict: Verdict): void {
  failures.forEach(verdict.fail);
  unknownReasons.forEach(verdict.unknown);
  warnings.forEach(verdict.warn);
  passes.forEach(verdict.pass);
}
