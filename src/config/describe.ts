import type { LoadedConfig } from './load.js';
import type { Origin } from './problems.js';
import { childrenOf, listSettings, type SchemaNode } from './settings.js';

export interface DescribedSetting {
  readonly path: string;
  /** With secrets masked. */
  readonly value: unknown;
  readonly origin: Origin;
}

const MASK = '********';
const DEFAULT: Origin = { source: 'default', name: '' };

/** Every effective setting with its origin, fit to be shown: secrets are masked. */
export function describeConfig({ config, origins }: LoadedConfig): DescribedSetting[] {
  return listSettings().map(({ path, schema }) => {
    const value = path.split('.').reduce<unknown>((tree, name) => (tree as Record<string, unknown>)[name], config);
    return { path, value: maskSetting(value, [schema]), origin: origins.get(path) ?? DEFAULT };
  });
}

/** One line per setting: name, value, origin. */
export function formatConfig(loaded: LoadedConfig): string {
  const rows = describeConfig(loaded).map(({ path, value, origin }) => ({
    path,
    value: value === undefined ? '(not set)' : JSON.stringify(value),
    origin: origin.source === 'default' ? 'default' : origin.name,
  }));
  const pathWidth = Math.max(...rows.map(({ path }) => path.length));
  return rows.map(({ path, value, origin }) => `${path.padEnd(pathWidth)}  ${value}  (${origin})`).join('\n');
}

/** A value as its schemas allow it to be shown. */
export function maskSetting(value: unknown, schemas: readonly SchemaNode[]): unknown {
  if (schemas.some(({ secret }) => secret === true)) return maskAll(value);
  if (typeof value === 'string') {
    if (schemas.some(({ secret }) => secret === 'url')) return maskUrl(value);
    return value.includes('-----BEGIN') ? `(PEM, ${value.length} characters)` : value;
  }
  if (Array.isArray(value)) {
    return value.map((item, index) =>
      maskSetting(
        item,
        schemas.flatMap((schema) => childrenOf(schema, index)),
      ),
    );
  }
  if (typeof value !== 'object' || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([name, child]) => [
      name,
      maskSetting(
        child,
        schemas.flatMap((schema) => childrenOf(schema, name)),
      ),
    ]),
  );
}

/** Keeps the names of an object, hides every value. */
function maskAll(value: unknown): unknown {
  if (value === undefined) return undefined;
  if (typeof value !== 'object' || value === null) return MASK;
  return Object.fromEntries(Object.keys(value).map((name) => [name, MASK]));
}

/** Hides the password, and the values of query parameters, where some hosts take a token. */
export function maskUrl(text: string): string {
  if (!URL.canParse(text)) return MASK;
  const url = new URL(text);
  if (url.password === '' && url.search === '' && url.username === '') return text;
  const user = url.username === '' ? '' : url.username;
  const credentials = url.password === '' ? user : `${user}:${MASK}`;
  const query = [...url.searchParams.keys()].map((name) => `${name}=${MASK}`).join('&');
  return `${url.protocol}//${credentials === '' ? '' : `${credentials}@`}${url.host}${url.pathname}${query === '' ? '' : `?${query}`}`;
}
