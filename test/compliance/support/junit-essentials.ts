// What JUnit's published schema (of Ant's JUnitReport, as Jenkins and GitLab read it) asks of elements and attributes.

interface Element {
  /** Attributes that must stand there, and those that may. */
  required: string[];
  optional?: string[];
  /** Elements within, in their order. */
  children?: string[];
}

const counts = ['tests', 'failures', 'errors'];

const elements: Record<string, Element> = {
  testsuites: { required: [], optional: ['name', 'time', ...counts], children: ['testsuite'] },
  testsuite: {
    required: ['name', 'timestamp', 'hostname', 'time', 'package', 'id', ...counts],
    optional: ['skipped'],
    children: ['properties', 'testcase', 'system-out', 'system-err'],
  },
  properties: { required: [], children: ['property'] },
  property: { required: ['name', 'value'] },
  testcase: {
    required: ['name', 'classname', 'time'],
    children: ['skipped', 'error', 'failure'],
  },
  failure: { required: ['type'], optional: ['message'] },
  error: { required: ['type'], optional: ['message'] },
  skipped: { required: [], optional: ['message'] },
  'system-out': { required: [] },
  'system-err': { required: [] },
};

/** What in the text is not as the schema has it; none where it is. */
export function junitFaults(xml: string): string[] {
  const faults = /&(?!(amp|lt|gt|quot|apos|#\d+);)/.test(xml) ? ['a bare &'] : [];
  const open: { name: string; last: number }[] = [];
  const token = /<\?xml[^>]*\?>|<(\/?)([\w-]+)((?:\s+[\w-]+="[^"<]*")*)\s*(\/?)>|(<)/g;
  for (const [, closing, name = '', written = '', empty, stray] of xml.matchAll(token)) {
    if (stray !== undefined) faults.push('a < that begins no element');
    if (name === '') continue;
    if (closing === '/') {
      if (open.pop()?.name !== name) faults.push(`</${name}> closes another element`);
      continue;
    }
    const parent = open.at(-1);
    if (parent === undefined && name !== 'testsuites') faults.push(`${name} is the outermost element`);
    if (parent !== undefined) {
      const at = elements[parent.name]?.children?.indexOf(name) ?? -1;
      if (at < parent.last || at < 0) faults.push(`${name} is not expected there in ${parent.name}`);
      parent.last = at;
    }
    faults.push(...faultsOf(name, written));
    if (empty !== '/') open.push({ name, last: 0 });
  }
  return open.length > 0 ? [...faults, `${open.at(-1)!.name} is not closed`] : faults;
}

function faultsOf(name: string, written: string): string[] {
  const { required, optional = [] } = elements[name] ?? { required: [] };
  const given = new Map([...written.matchAll(/([\w-]+)="([^"]*)"/g)].map(([, key, value]) => [key!, value!]));
  const missing = required.filter((key) => !given.has(key));
  const more = [...given.keys()].filter((key) => ![...required, ...optional].includes(key));
  const numbers = [...counts, 'skipped', 'id'].filter(
    (key) => given.has(key) && !/^\d+$/.test(given.get(key)!),
  );
  const timestamp = given.get('timestamp');
  const isTime = timestamp === undefined || /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d$/.test(timestamp);
  return [
    ...missing.map((key) => `${name} lacks ${key}`),
    ...more.map((key) => `${name} has ${key}`),
    ...numbers.map((key) => `${key} of ${name} is no number`),
    ...(isTime ? [] : [`timestamp of ${name} is no time`]),
  ];
}
