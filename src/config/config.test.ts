import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { ConfigError } from '../core/errors.js';
import { describeConfig, formatConfig, type LoadConfigOptions, loadConfig, maskUrl, parseConfig } from './index.js';
import type { Problem } from './problems.js';

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'easel-config-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const load = (options: LoadConfigOptions = {}) => loadConfig({ cwd: folder, environment: {}, ...options });
const write = (values: unknown, name = 'easel.config.json') =>
  writeFileSync(join(folder, name), typeof values === 'string' ? values : JSON.stringify(values));

async function failure(loading: Promise<unknown>): Promise<ConfigError> {
  const error = await loading.then(
    () => null,
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(ConfigError);
  expect((error as ConfigError).code).toBe('config_invalid');
  expect((error as ConfigError).exitCode).toBe(2);
  return error as ConfigError;
}

describe('sources', () => {
  test('without any, the defaults: an embedded engine and a database file in .easel', async () => {
    const { config, file } = await load();
    expect(file).toBeNull();
    expect(config.dataDir).toBe(join(folder, '.easel'));
    expect(config.databaseUrl).toBe(`sqlite:${join(folder, '.easel', 'easel.db')}`);
    expect(config.backends).toEqual([{ id: 'embedded', kind: 'embedded', concurrency: 1 }]);
    expect(config.http).toMatchObject({ host: '127.0.0.1', port: 8288 });
  });

  test('the file goes over defaults, the environment over the file, flags over both', async () => {
    write({ http: { host: 'file', port: 1 }, limits: { queueMs: 1, runMs: 1 }, log: { level: 'warn' } });
    const { config, origins } = await load({
      environment: { EASEL_HTTP_PORT: '2', EASEL_LIMITS_QUEUE_MS: '2' },
      flags: [{ path: 'limits.queueMs', value: '3', flag: '--queue-ms' }],
    });
    expect(config.http).toMatchObject({ host: 'file', port: 2 });
    expect(config.limits).toMatchObject({ queueMs: 3, runMs: 1, collectMs: 300_000 });
    expect(origins.get('http.host')).toEqual({ source: 'file', name: join(folder, 'easel.config.json') });
    expect(origins.get('http.port')).toEqual({ source: 'environment', name: 'EASEL_HTTP_PORT' });
    expect(origins.get('limits.queueMs')).toEqual({ source: 'flag', name: '--queue-ms' });
    expect(origins.get('limits.collectMs')).toBeUndefined();
  });

  test('each type can be written in a variable', async () => {
    const { config } = await load({
      environment: {
        EASEL_DATA_DIR: '/data',
        EASEL_LOG_PRETTY: 'true',
        EASEL_LOG_LEVEL: 'debug',
        EASEL_EMBEDDED_STAND_IN_IMAGES: '0',
        EASEL_EMBEDDED_MODELS: '{"checkpoints":["a.safetensors"]}',
        EASEL_BACKENDS: '[{"id":"gpu","kind":"comfyui","url":"http://10.0.0.2:8188/comfy"}]',
      },
    });
    expect(config.dataDir).toBe('/data');
    expect(config.log).toEqual({ level: 'debug', pretty: true });
    expect(config.embedded).toMatchObject({ standInImages: false, models: { checkpoints: ['a.safetensors'] } });
    expect(config.backends).toEqual([
      { id: 'gpu', kind: 'comfyui', url: 'http://10.0.0.2:8188/comfy', concurrency: 1 },
    ]);
  });

  test('a backend may be its URL alone, several of them by commas', async () => {
    const { config } = await load({ environment: { EASEL_BACKENDS: 'http://gpu1:8188, https://gpu2/comfy,embedded' } });
    expect(config.backends.map(({ id, kind }) => [id, kind])).toEqual([
      ['gpu1-8188', 'comfyui'],
      ['gpu2', 'comfyui'],
      ['embedded', 'embedded'],
    ]);
    expect(parseConfig({ backends: ['http://[::1]:8188'] }).backends[0]?.id).toBe('1-8188');
  });

  test('an empty variable counts as not set; variables of Kubernetes and of our tools are nobody’s mistake', async () => {
    const { config } = await load({
      environment: {
        EASEL_HTTP_PORT: '',
        EASEL_SERVICE_HOST: '10.0.0.1',
        EASEL_PORT: 'tcp://10.0.0.1:80',
        EASEL_PORT_80_TCP_ADDR: '10.0.0.1',
        EASEL_TEST_POSTGRES_URL: 'postgres://x',
      },
    });
    expect(config.http.port).toBe(8288);
  });

  test('paths refer to the folder of the file, or to the working folder', async () => {
    mkdirSync(join(folder, 'etc'));
    write({ dataDir: 'data', databaseUrl: 'sqlite:db/easel.db' }, 'etc/my.json');
    const byFile = await load({ file: 'etc/my.json' });
    expect(byFile.config.dataDir).toBe(join(folder, 'etc', 'data'));
    expect(byFile.config.databaseUrl).toBe(`sqlite:${join(folder, 'etc', 'db', 'easel.db')}`);
    const byVariables = await load({ environment: { EASEL_CONFIG: 'etc/my.json', EASEL_DATA_DIR: 'data' } });
    expect(byVariables.config.dataDir).toBe(join(folder, 'data'));
  });

  test('a certificate is given as text or as a file', async () => {
    writeFileSync(join(folder, 'ca.pem'), '-----BEGIN CERTIFICATE-----\nfile\n');
    const tls = { ca: 'ca.pem', cert: '-----BEGIN CERTIFICATE-----\ninline\n' };
    write({ backends: [{ id: 'a', kind: 'comfyui', url: 'https://gpu', tls }] });
    const { config } = await load();
    expect(config.backends[0]).toMatchObject({ tls: { ca: '-----BEGIN CERTIFICATE-----\nfile\n', cert: tls.cert } });
    write({ backends: [{ id: 'a', kind: 'comfyui', url: 'https://gpu', tls: { ca: 'no.pem' } }] });
    expect((await failure(load())).message).toMatch(
      /^backends\[0\]\.tls\.ca \(.*easel\.config\.json\): the file cannot/,
    );
  });

  test('the result is frozen all the way down', async () => {
    const { config } = await load();
    expect(() => Object.assign(config.limits, { queueMs: 1 })).toThrow(TypeError);
    expect(() => (config.backends as unknown[]).push(1)).toThrow(TypeError);
  });

  test('an object in code gets the same defaults and checks', () => {
    expect(parseConfig({ http: { port: 0 } }, { cwd: folder })).toMatchObject({
      dataDir: join(folder, '.easel'),
      http: { port: 0, host: '127.0.0.1' },
    });
    expect(() => parseConfig({ htp: {} } as never)).toThrow('htp: is not a setting. Did you mean "http"?');
  });

  test('every process gets its own node id unless one is given', async () => {
    const [one, two] = [await load(), await load()];
    expect(one.config.nodeId).not.toBe(two.config.nodeId);
    expect((await load({ environment: { EASEL_NODE_ID: 'a' } })).config.nodeId).toBe('a');
  });
});

describe('mistakes', () => {
  test('all are told at once, each with its origin and the nearest right name', async () => {
    write({
      limit: {},
      limits: { queueMS: 1, maxAttempts: 0 },
      queueMs: 5,
      backends: [{ id: 'a', kind: 'comfyui', url: 'ftp://x', auth: { type: 'bearer', tokn: 'x' } }, { kind: 'nope' }],
      log: { level: 'loud' },
    });
    const error = await failure(
      load({
        environment: { EASEL_LIMITS_RUN_MS: 'soon', EASEL_LIMIT_QUEUE_MS: '1' },
        flags: [{ path: 'http.port', value: '99999', flag: '--port' }],
      }),
    );
    const file = join(folder, 'easel.config.json');
    expect(error.message.split('\n').map((line) => line.trim().replaceAll(file, 'FILE'))).toEqual([
      '11 settings are wrong:',
      'limits.runMs (EASEL_LIMITS_RUN_MS): expected whole number from 1 to 2147483647.',
      'EASEL_LIMIT_QUEUE_MS (environment): is not a setting. Did you mean "EASEL_LIMITS_QUEUE_MS"?',
      'backends[0].url (FILE): expected an http or https URL, for example http://127.0.0.1:8188.',
      'backends[0].auth.tokn (FILE): is not a setting. Did you mean "backends[0].auth.token"?',
      'backends[1].kind (FILE): expected one of "comfyui", "comfydeploy", "embedded".',
      'limits.maxAttempts (FILE): expected whole number from 1 to 100.',
      'limits.queueMS (FILE): is not a setting. Did you mean "limits.queueMs"?',
      'http.port (--port): expected whole number from 0 to 65535.',
      'log.level (FILE): expected one of "debug", "info", "warn", "error", "silent".',
      'limit (FILE): is not a setting. Did you mean "limits"?',
      'queueMs (FILE): is not a setting. Did you mean "limits.queueMs"?',
    ]);
    const problems = error.details?.['problems'] as Problem[];
    expect(problems).toHaveLength(11);
    expect(problems[1]).toEqual({
      path: 'EASEL_LIMIT_QUEUE_MS',
      origin: { source: 'environment', name: 'environment' },
      message: 'is not a setting.',
      suggestion: 'EASEL_LIMITS_QUEUE_MS',
    });
  });

  test.each([
    ['a section that is no section', { http: 5 }, /^http \(.*\): expected object\.$/],
    ['a missing value', { backends: [{ id: 'a', kind: 'comfyui' }] }, /^backends\[0\]\.url \(.*\): /],
    ['an empty list', { backends: [] }, /name at least one backend/],
    ['two backends of one name', { backends: ['embedded', 'embedded'] }, /^backends\[1\]\.id .* id of another backend/],
    ['a wrong database URL', { databaseUrl: 'mysql://x' }, /^databaseUrl .*expected sqlite:/],
    ['a wrong alternative', { embedded: { models: 5 } }, /^embedded\.models .*expected "any" or object/],
    ['nothing that is near', { xyzzy: 1 }, /^xyzzy \(.*\): is not a setting\.$/],
  ])('%s', async (_name, values, message) => {
    write(values);
    expect((await failure(load())).message).toMatch(message);
  });

  test('a secret is never repeated in a message', async () => {
    const secret = 'hunter2';
    write({
      databaseUrl: `mysql://user:${secret}@host`,
      backends: [{ id: 'a', kind: 'comfyui', url: `ftp://user:${secret}@x`, headers: { a: [secret] } }],
    });
    const error = await failure(load({ environment: { EASEL_HTTP_PORT: secret, EASEL_BACKENDS: `[${secret}` } }));
    expect(JSON.stringify(error.toInfo())).not.toContain(secret);
  });
});

describe('the file', () => {
  test.each([
    ['not JSON', 'easel.config.json', '{ "a": 1, }', /it must be JSON|JSON/i],
    ['a list', 'easel.config.json', '[]', /does not hold an object/],
    ['a module without a default export', 'easel.config.mjs', 'export const a = 1;', /does not hold an object/],
  ])('%s', async (_name, name, text, message) => {
    write(text, name);
    expect((await failure(load())).message).toMatch(message);
  });

  test('may begin with a byte order mark and name its schema', async () => {
    write(`\uFEFF{ "$schema": "./easel.schema.json", "http": { "port": 1 } }`);
    expect((await load()).config.http.port).toBe(1);
  });

  test('must exist when it is named', async () => {
    expect((await failure(load({ file: 'nope.json' }))).message).toMatch(/nope\.json cannot be used: there is no such/);
  });

  test('must be the only one', async () => {
    write({});
    write('export default {}', 'easel.config.mjs');
    expect((await failure(load())).message).toBe(
      'There are several configuration files: easel.config.json and easel.config.mjs.',
    );
  });
});

describe('showing', () => {
  test('every setting is listed with value and origin, secrets masked', async () => {
    const loaded = await load({
      environment: {
        EASEL_DATABASE_URL: 'postgres://easel:hunter2@db.example:5432/easel?sslkey=hunter3',
        EASEL_BACKENDS: JSON.stringify([
          {
            id: 'gpu',
            kind: 'comfyui',
            url: 'https://u:hunter4@gpu/x?token=hunter5',
            headers: { 'x-key': 'hunter6' },
            auth: { type: 'basic', username: 'u', password: 'hunter7' },
            tls: { key: '-----BEGIN PRIVATE KEY-----hunter8', cert: '-----BEGIN CERTIFICATE-----' },
          },
        ]),
      },
    });
    const described = describeConfig(loaded);
    expect(JSON.stringify(described)).not.toMatch(/hunter/);
    expect(formatConfig(loaded)).not.toMatch(/hunter/);
    const byPath = Object.fromEntries(described.map((setting) => [setting.path, setting]));
    expect(byPath['databaseUrl']).toEqual({
      path: 'databaseUrl',
      value: 'postgres://easel:********@db.example:5432/easel?sslkey=********',
      origin: { source: 'environment', name: 'EASEL_DATABASE_URL' },
    });
    expect(byPath['backends']?.value).toEqual([
      {
        id: 'gpu',
        kind: 'comfyui',
        url: 'https://u:********@gpu/x?token=********',
        headers: { 'x-key': '********' },
        auth: { type: 'basic', username: 'u', password: '********' },
        tls: { key: '********', cert: '(PEM, 27 characters)' },
        concurrency: 1,
      },
    ]);
    expect(formatConfig(loaded)).toMatch(/^http\.port +8288 {2}\(default\)$/m);
  });

  test.each([
    ['postgres://db/easel', 'postgres://db/easel'],
    ['sqlite:/data/easel.db', 'sqlite:/data/easel.db'],
    ['http://:secret@host/', 'http://:********@host/'],
    ['not a url', '********'],
  ])('the URL %s is shown as %s', (url, shown) => {
    expect(maskUrl(url)).toBe(shown);
  });
});
