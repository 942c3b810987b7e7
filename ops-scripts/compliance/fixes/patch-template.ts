// Changes the text of a template as a fix says, and leaves everything else in it as it stands.
import { isMap, isPair, isSeq, type Pair, parseDocument, type YAMLMap, type YAMLSeq } from 'yaml';
import { Unproven } from './change-snapshot.ts';

interface Range {
  range?: [number, number, number] | null;
}

type Wish = [pattern: RegExp, grant: (text: string, words: (string | undefined)[]) => string];

/** Returns the text after the fix `In the template: …`. Throws an Unproven where the fix leaves a choice. */
export function patchTemplate(text: string, fix: string): string {
  const wish = fix.replace(/^In the template: /, '');
  for (const [pattern, grant] of wishes) {
    const words = pattern.exec(wish);
    if (words !== null) return grant(text, words.slice(1));
  }
  throw new Unproven(`it leaves a choice: ${wish}`);
}

const wishes: Wish[] = [
  [
    /^set HttpTokens in MetadataOptions of launch template (\S+) to required$/,
    (text, [id = '']) =>
      setWithin(text, id, ['LaunchTemplateData', 'MetadataOptions'], ['HttpTokens', 'required']),
  ],
  [/^set ([\w.]+) in LoadBalancerAttributes of (\S+) to true$/, setAttribute],
  [
    /^let DefaultActions of (\S+) redirect to HTTPS on port 443$/,
    (text, [id = '']) => setWithin(text, id, [], ['DefaultActions', JSON.stringify([redirectToHttps])]),
  ],
  [/^add (\w+) to EnableCloudwatchLogsExports of (\S+)$/, addLog],
  [
    /^remove the rule (\S+) \(.*\) of \S+?(?:, and open tcp (\d+) alone)?$/,
    (text, [rule = '', port]) => narrowOrRemove(text, rule, port),
  ],
  [
    /^add an (ingress|egress) rule to (\S+) for tcp (\d+) (?:from|to) (\S+)$/,
    (text, [side = '', group = '', port = '', source = '']) => addRule(text, { side, group, port, source }),
  ],
  [
    /^set (\w+) and (\w+) of (\S+) to (\S+)$/,
    (text, [a = '', b = '', id = '', value = '']) =>
      setWithin(setWithin(text, id, [], [a, value]), id, [], [b, value]),
  ],
  [
    /^set (\w+) of (\S+) to (\w+), and (\w+) to (\w+)$/,
    (text, [a = '', id = '', value = '', b = '', other = '']) =>
      setWithin(setWithin(text, id, [], [a, value]), id, [], [b, other]),
  ],
  [
    /^set (\w+) of (\S+) to ([\w-]+)(?: or more)?(?: \(.*\))?$/,
    (text, [name = '', id = '', value = '']) => setWithin(text, id, [], [name, value]),
  ],
];

const redirectToHttps = {
  Type: 'redirect',
  RedirectConfig: { Protocol: 'HTTPS', Port: '443', StatusCode: 'HTTP_301' },
};

function resourcesOf(text: string): YAMLMap {
  const document = parseDocument(text, { logLevel: 'silent', strict: false });
  const resources = document.get('Resources', true);
  if (!isMap(resources)) throw new Unproven('the template has no resources');
  return resources;
}

function pairIn(map: unknown, key: string): Pair | undefined {
  return isMap(map)
    ? map.items.find((pair) => String((pair.key as { value?: unknown }).value) === key)
    : undefined;
}

function resourceIn(text: string, id: string): Pair {
  const pair = pairIn(resourcesOf(text), id);
  if (pair === undefined) throw new Unproven(`${id} does not stand in the file as such`);
  return pair;
}

function propertiesOf(text: string, id: string): YAMLMap {
  const properties = pairIn(resourceIn(text, id).value, 'Properties')?.value;
  if (!isMap(properties) || properties.items.length === 0) throw new Unproven(`${id} has no properties`);
  return properties;
}

/** Sets a property of a resource or of a map within its properties. It creates maps that are missing on the way. */
function setWithin(text: string, id: string, path: string[], [name, value]: [string, string]): string {
  let map = propertiesOf(text, id);
  for (const [index, step] of path.entries()) {
    const inner = pairIn(map, step)?.value;
    if (inner === undefined || (isMap(inner) && inner.items.length === 0)) {
      const made = path
        .slice(index + 1)
        .reduceRight<object>((within, key) => ({ [key]: within }), { [name]: value });
      return setMember(text, map, step, JSON.stringify(made));
    }
    if (!isMap(inner)) throw new Unproven(`${step} of ${id} does not stand in the file as such`);
    map = inner;
  }
  return setMember(text, map, name, /^(true|false|\d+)$|^[[{]/.test(value) ? value : JSON.stringify(value));
}

function setMember(text: string, map: YAMLMap, name: string, value: string): string {
  const present = pairIn(map, name);
  if (present !== undefined) return replaceValue(text, present, value);
  const start = startOf(map.items[0]!.key);
  const quote = text[start] === '"' ? '"' : '';
  const separator = isFlow(text, map) ? `,${gapBefore(text, start)}` : `\n${indentOf(text, start)}`;
  return `${text.slice(0, start)}${quote}${name}${quote}: ${value}${separator}${text.slice(start)}`;
}

/** Adds an item to a list of a resource. The list may be missing. */
function addItem(text: string, id: string, name: string, item: string): string {
  const properties = propertiesOf(text, id);
  const list = pairIn(properties, name)?.value;
  if (list === undefined || (isSeq(list) && list.items.length === 0))
    return setMember(text, properties, name, `[${item}]`);
  if (!isSeq(list)) throw new Unproven(`${name} of ${id} is no list in the file`);
  const end = endOf(list.items.at(-1));
  if (isFlow(text, list)) return `${text.slice(0, end)}, ${item}${text.slice(end)}`;
  const dash = text.lastIndexOf('-', startOf(list.items[0]));
  const after = lineEnd(text, end);
  const head = text.slice(0, after);
  return `${head}${head.endsWith('\n') ? '' : '\n'}${indentOf(text, dash)}- ${item}\n${text.slice(after)}`;
}

function addLog(text: string, [log, id = '']: (string | undefined)[]): string {
  return addItem(text, id, 'EnableCloudwatchLogsExports', JSON.stringify(log ?? ''));
}

function setAttribute(text: string, [key = '', id = '']: (string | undefined)[]): string {
  const list = pairIn(propertiesOf(text, id), 'LoadBalancerAttributes')?.value;
  const items = isSeq(list) ? list.items : [];
  const entryOf = (wanted: string) =>
    items.find((item) => (pairIn(item, 'Key')?.value as { value?: unknown } | undefined)?.value === wanted);
  if (key === 'access_logs.s3.enabled' && entryOf('access_logs.s3.bucket') === undefined)
    throw new Unproven('it leaves a choice: the bucket of the access logs');
  const entry = entryOf(key);
  if (!isMap(entry))
    return addItem(text, id, 'LoadBalancerAttributes', JSON.stringify({ Key: key, Value: 'true' }));
  return setMember(text, entry, 'Value', '"true"');
}

/** Replaces everything from after the colon to the end of the value, so that a tag is replaced too. */
function replaceValue(text: string, { key, value }: Pair, replacement: string): string {
  const after = text.indexOf(':', endOf(key)) + 1;
  const end = Math.max(after, endOf(value));
  return `${text.slice(0, after)} ${replacement}${text.slice(end)}`;
}

/** Removes or narrows a rule, which is an item of a group or a resource of its own. */
function narrowOrRemove(text: string, rule: string, port: string | undefined): string {
  const [, id, list, index] = /^(.+)\.(SecurityGroup(?:In|E)gress)\[(\d+)\]$/.exec(rule) ?? [];
  if (port !== undefined) {
    const find = (now: string) => {
      if (id === undefined) return propertiesOf(now, rule);
      const rules = pairIn(propertiesOf(now, id), list!)?.value;
      const found = isSeq(rules) ? rules.items[Number(index)] : undefined;
      if (!isMap(found)) throw new Unproven(`${rule} does not stand in the file as such`);
      return found;
    };
    const wanted = { IpProtocol: 'tcp', FromPort: port, ToPort: port };
    return Object.entries(wanted).reduce(
      (now, [name, value]) => setMember(now, find(now), name, value),
      text,
    );
  }
  if (id === undefined) return removeResource(text, rule);
  const pair = pairIn(propertiesOf(text, id), list!);
  if (!isSeq(pair?.value)) throw new Unproven(`the rules of ${id} are no list`);
  if (pair.value.items.length === 1) return replaceValue(text, pair, '[]');
  return removeItem(text, pair.value, Number(index));
}

function removeItem(text: string, list: YAMLSeq, index: number): string {
  const items = list.items as Range[];
  return cut(
    text,
    list,
    [startOf(items[index]), endOf(items[index])],
    items[index + 1] && startOf(items[index + 1]),
  );
}

function removeResource(text: string, id: string): string {
  const resources = resourcesOf(text);
  const pair = pairIn(resources, id);
  if (pair === undefined) throw new Unproven(`${id} does not stand in the file as such`);
  const next = resources.items[resources.items.indexOf(pair) + 1];
  return cut(text, resources, [startOf(pair.key), endOf(pair.value)], next && startOf(next.key));
}

/** Removes up to the next item, or from the comma before if it is the last. */
function cut(text: string, within: Range, [start, end]: [number, number], next: number | undefined): string {
  if (isFlow(text, within)) {
    if (next !== undefined) return text.slice(0, start) + text.slice(next);
    const comma = text.lastIndexOf(',', start);
    return text.slice(0, comma < 0 ? start : comma) + text.slice(end);
  }
  // Removes whole lines, with the dash of a list item.
  const from = text.lastIndexOf('\n', start) + 1;
  const to = next === undefined ? lineEnd(text, end) : text.lastIndexOf('\n', next) + 1;
  return text.slice(0, from) + text.slice(to);
}

interface NewRule {
  side: string;
  group: string;
  port: string;
  source: string;
}

function addRule(text: string, { side, group, port, source }: NewRule): string {
  const resources = resourcesOf(text);
  const type = side === 'ingress' ? 'SecurityGroupIngress' : 'SecurityGroupEgress';
  const names = resources.items.map(({ key }) => String((key as { value?: unknown }).value));
  if (!names.includes(group)) throw new Unproven(`${group} does not stand in the file as such`);
  const isGroup = names.includes(source);
  const peer = isGroup
    ? side === 'ingress'
      ? 'SourceSecurityGroupId'
      : 'DestinationSecurityGroupId'
    : source.includes(':')
      ? 'CidrIpv6'
      : 'CidrIp';
  if (!isGroup && !source.includes('/')) throw new Unproven(`${source} does not stand in the file as such`);
  const rule = {
    Type: `AWS::EC2::${type}`,
    Properties: {
      GroupId: { 'Fn::GetAtt': [group, 'GroupId'] },
      IpProtocol: 'tcp',
      FromPort: Number(port),
      ToPort: Number(port),
      [peer]: isGroup ? { 'Fn::GetAtt': [source, 'GroupId'] } : source,
    },
  };
  const name = `${group}${side === 'ingress' ? 'From' : 'To'}${isGroup ? source : 'All'}${port}`;
  const last = resources.items.at(-1)!;
  const start = startOf(last.key);
  const quote = text[start] === '"' || isFlow(text, resources) ? '"' : '';
  const written = `${quote}${name}${quote}: ${JSON.stringify(rule)}`;
  if (isFlow(text, resources)) {
    const end = endOf(last.value);
    return `${text.slice(0, end)},${gapBefore(text, start)}${written}${text.slice(end)}`;
  }
  const end = lineEnd(text, endOf(last.value));
  const head = text.slice(0, end);
  return `${head}${head.endsWith('\n') ? '' : '\n'}${indentOf(text, start)}${written}\n${text.slice(end)}`;
}

function startOf(node: unknown): number {
  return (isPair(node) ? (node.key as Range) : (node as Range)).range?.[0] ?? 0;
}

function endOf(node: unknown): number {
  return (node as Range | null)?.range?.[1] ?? 0;
}

function isFlow(text: string, node: Range): boolean {
  return /[[{]/.test(text[node.range?.[0] ?? 0] ?? '');
}

/** The white space before a position. The next member gets the same. */
function gapBefore(text: string, at: number): string {
  return /\s*$/.exec(text.slice(0, at))?.[0] || ' ';
}

function indentOf(text: string, at: number): string {
  return ' '.repeat(at - (text.lastIndexOf('\n', at - 1) + 1));
}

function lineEnd(text: string, at: number): number {
  const end = text.indexOf('\n', Math.max(0, at - 1));
  return end < 0 ? text.length : end + 1;
}
