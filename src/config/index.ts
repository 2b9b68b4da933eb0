export { backendCatalogue } from './backend-catalogue.js';
export { type DescribedSetting, describeConfig, formatConfig, maskUrl } from './describe.js';
export {
  defineConfig,
  type FlagValue,
  type LoadConfigOptions,
  type LoadedConfig,
  loadConfig,
  parseConfig,
} from './load.js';
export type { Origin, Problem } from './problems.js';
export type { BackendConfig, Config, ConfigInput } from './schema.js';
