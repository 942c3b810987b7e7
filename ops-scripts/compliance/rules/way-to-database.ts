// A database is reached straight, or through a proxy that serves it: on the port of the proxy first, then on its own.
import { databasePorts } from '../parts/database.ts';
import { type AutoScalingGroupPart, type DatabasePart, describePart, type ProxyPart } from '../parts/part.ts';
import { proxyPort, servesDatabase } from '../parts/proxy.ts';
import { judgeConnection } from '../reach/connection.ts';
import type { Verdict } from '../verdict.ts';
import type { World } from '../world/world.ts';
import { bestOf, isOpen, replay, tryOut } from './trial.ts';

/** One open way is enough; where there is none, the ways through proxies known to serve are told, as they are meant to be used. */
export function judgeWayToDatabase(
  world: World,
  from: AutoScalingGroupPart,
  database: DatabasePart,
  verdict: Verdict,
): void {
  const { items, doubts, absent } = world.parts.proxies;
  const straight = tryOut((trial) =>
    judgeConnection(world, from, database, databasePorts(database)[0]!, trial),
  );
  const proxies = items.filter((each) => !each.endpointOf && servesDatabase(each, database) !== false);
  const through = proxies.map((proxy) => ({
    serves: servesDatabase(proxy, database) === true,
    trial: tryOut((trial) => judgeWayThrough(world, from, proxy, database, trial)),
  }));
  const serving = through.filter(({ serves }) => serves).map(({ trial }) => trial);
  if (isOpen(straight)) {
    for (const { failures } of serving) for (const { reason } of failures) verdict.warn(reason);
    replay(straight, verdict);
    return;
  }
  // A proxy that can't be read may be the way.
  const unread = absent || doubts.length === 0 ? [] : [tryOut((trial) => doubts.forEach(trial.doubt))];
  const perhaps = through.filter(({ serves }) => !serves).map(({ trial }) => trial);
  replay(bestOf([...serving, straight, ...perhaps, ...unread])!, verdict);
}

function judgeWayThrough(
  world: World,
  from: AutoScalingGroupPart,
  proxy: ProxyPart,
  database: DatabasePart,
  verdict: Verdict,
): void {
  if (servesDatabase(proxy, database) === undefined)
    verdict.doubt(
      `whether ${describePart(proxy)} serves ${describePart(database)}: ${proxy.targetDoubts[0]}`,
    );
  const port = proxyPort(proxy, database);
  const entrances = world.parts.proxies.items.filter(
    (each) => each === proxy || (each.endpointOf === proxy && !each.readOnly),
  );
  const ways = entrances.map((entrance) =>
    tryOut((trial) => judgeConnection(world, from, entrance, port, trial)),
  );
  replay(bestOf(ways)!, verdict);
  judgeConnection(world, proxy, database, databasePorts(database)[0]!, verdict);
}
