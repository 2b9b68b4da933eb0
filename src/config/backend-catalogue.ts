import { maskSetting } from './describe.js';
import { parseConfig } from './load.js';
import type { BackendConfig } from './schema.js';
import { childrenOf, configJsonSchema } from './settings.js';

/**
 * One backend by itself, as it stands in a configuration: for those that are added at run time. What is accepted, and what
 * is a secret, are the same.
 */
export const backendCatalogue = {
  /**
   * A URL alone, or an object; without `kind` it is a `comfyui`. PEM files are read, so that other machines need not have
   * them. Throws ConfigError `config_invalid`.
   */
  parse(settings: unknown): {
    readonly id: string;
    readonly kind: string;
    readonly displayUrl: string;
    readonly settings: BackendConfig;
  } {
    const isObject = typeof settings === 'object' && settings !== null && !Array.isArray(settings);
    const given = isObject && !Object.hasOwn(settings, 'kind') ? { ...settings, kind: 'comfyui' } : settings;
    const [backend] = parseConfig({ backends: [given as BackendConfig] }).backends;
    if (backend === undefined) throw new TypeError('One backend was given, and none was parsed.');
    return { id: backend.id, kind: backend.kind, displayUrl: displayUrl(backend), settings: backend };
  },

  mask(settings: unknown): unknown {
    const schema = configJsonSchema().properties?.['backends'];
    return maskSetting(settings, schema === undefined ? [] : childrenOf(schema, 0));
  },
};

/** Origin and path: neither credentials nor a token in the query. */
function displayUrl(backend: BackendConfig): string {
  const url = 'url' in backend && typeof backend.url === 'string' ? backend.url : '';
  if (!URL.canParse(url)) return backend.kind;
  const { origin, pathname } = new URL(url);
  return `${origin}${pathname === '/' ? '' : pathname}`;
}
