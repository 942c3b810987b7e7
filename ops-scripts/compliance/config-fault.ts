// A fault of usage, configuration or credentials: one sentence for the reader, exit code 3.
export class ConfigFault extends Error {
  override name = 'ConfigFault';
}
