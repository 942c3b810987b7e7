// `check template`: judges CloudFormation templates, SAM's and CDK's, as one system.
import type { Command } from 'commander';
import { ConfigFault } from '../config-fault.ts';
import { judgeTemplates } from '../template/judge-templates.ts';
import { checkParameters, parseParameters } from '../template/parameter-files.ts';
import { type GivenTemplates, readTemplates } from '../template/read-templates.ts';
import type { TemplateOptions } from '../template/scope.ts';
import { readText } from './files.ts';
import { guard } from './guard.ts';
import { addIdleAccessOptions, type CheckOptions, howToJudge } from './options.ts';
import { checking, present } from './present.ts';

export interface TemplateCheckOptions extends CheckOptions {
  parameter?: Record<string, string>;
  parameters?: string[];
  account?: string;
}

export function checkTemplateCommand(): Command {
  const template = checking('template', 'Judge CloudFormation templates, as one system').argument(
    '<files...>',
    'JSON or YAML, or a folder that CDK wrote (cdk.out)',
  );
  return addIdleAccessOptions(addTemplateOptions(template))
    .addHelpText(
      'after',
      '\nExample:\n  $ npm run ops -- compliance check template shop.yaml data.yaml \\\n      --parameters production.json --parameter Size=small',
    )
    .action(
      guard((files: string[], options: TemplateCheckOptions) => {
        const given = readTemplates(files);
        const judged = judgeTemplates(
          given.templates,
          templateOptionsOf(given, options),
          howToJudge(options),
        );
        present(judged, options);
      }),
    );
}

export function addTemplateOptions(command: Command): Command {
  return command
    .option('--parameter <name=value>', 'value of a parameter, repeatable', collectParameter)
    .option('--parameters <file>', "parameter file in one of CloudFormation's formats, repeatable", collect)
    .option('--region <region>', 'region of the stack (default: us-east-1, or as CDK says)')
    .option('--account <id>', 'account of the stack (default: 123456789012, or as CDK says)');
}

/** What the templates are deployed with. Throws a ConfigFault for a parameter that none of them declares. */
export function templateOptionsOf(
  given: GivenTemplates,
  options: Pick<TemplateCheckOptions, 'parameter' | 'parameters' | 'region' | 'account'>,
): TemplateOptions {
  const { region = given.region ?? 'us-east-1', account = given.account ?? '123456789012' } = options;
  const fromFiles = (options.parameters ?? []).map((file) => parseParameters(readText(file), file));
  const asked = Object.assign({}, ...fromFiles, options.parameter) as Record<string, string>;
  checkParameters(asked, given.templates);
  return { parameters: { ...given.parameters, ...asked }, region, account };
}

function collectParameter(text: string, before: Record<string, string> = {}): Record<string, string> {
  const at = text.indexOf('=');
  if (at < 1) throw new ConfigFault(`Cannot use the parameter '${text}' as it is not <name>=<value>`);
  return { ...before, [text.slice(0, at)]: text.slice(at + 1) };
}

function collect(value: string, before: string[] = []): string[] {
  return [...before, value];
}
