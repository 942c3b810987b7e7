// ConfigFault: an error of usage, configuration or credentials; one sentence, exit code 3.
export class ConfigFault extends Error {
  override name = 'ConfigFault';
}
