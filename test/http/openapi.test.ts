import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { root } from '../e2e/easel.js';
import { GRAPH } from '../generations/harness.js';
import { expectGenerated } from '../helpers/generated.js';
import type { Answer } from './harness.js';
import { declaredRoutes, requestOf } from './requests.js';
import { type WholeServer, wholeServer } from './whole.js';

describe('the OpenAPI document', () => {
  let server: WholeServer;
  beforeAll(async () => {
    server = await wholeServer();
  });
  afterAll(() => server.close());

  test('is docs/openapi.json', async () => {
    const answer = await server.app.inject('/v1/openapi.json');
    expect(answer.statusCode).toBe(200);
    expectGenerated('docs/openapi.json', `${JSON.stringify(answer.json(), null, 2)}\n`);
  });

  test('has nothing that the linter objects to', async () => {
    const folder = mkdtempSync(join(tmpdir(), 'easel-openapi-'));
    try {
      const file = join(folder, 'openapi.json');
      writeFileSync(file, (await server.app.inject('/v1/openapi.json')).body);
      const cli = join(root, 'node_modules', '@redocly', 'cli', 'bin', 'cli.js');
      const lint = spawnSync(process.execPath, [cli, 'lint', file, '--format=json'], {
        cwd: folder,
        encoding: 'utf8',
        env: { ...process.env, REDOCLY_TELEMETRY: 'off', REDOCLY_SUPPRESS_UPDATE_NOTICE: 'true' },
        timeout: 60_000,
      });
      const found = JSON.parse(lint.stdout.slice(lint.stdout.indexOf('{'))) as {
        problems: { message: string; ruleId: string }[];
      };
      expect(found.problems.map(({ ruleId, message }) => `${ruleId}: ${message}`)).toEqual([]);
      expect(lint.status).toBe(0);
    } finally {
      rmSync(folder, { recursive: true, force: true });
    }
  });

  test('has a path for every workflow, with its inputs as they are now, for who may read workflows', async () => {
    const own = await wholeServer({ requireKeys: true });
    try {
      const reader = await own.keyOf('ann', ['workflows:read']);
      const read = async (headers: object = {}) =>
        (await own.app.inject({ url: '/v1/openapi.json', headers: { ...headers } })).json();
      const path = '/v1/workflows/my-picture/generations';
      const add = (width: object) =>
        own.easel.workflows.add({
          name: 'my-picture',
          file: { format: 'api', graph: GRAPH },
          manifest: { inputs: [{ name: 'width', target: '1.width', type: 'integer', ...width }] },
        });
      expect((await read(reader)).paths[path]).toBeUndefined();
      await add({ max: 512 });
      const document = await read(reader);
      expect(document.paths[path].post.operationId).toBe('generate_my-picture');
      expect(inputOf(document).anyOf[0]).toMatchObject({ type: 'integer', maximum: 512 });
      await add({ max: 1024 });
      expect(inputOf(await read(reader)).anyOf[0]).toMatchObject({ maximum: 1024 });
      expect((await own.app.inject({ url: '/docs/json', headers: { ...reader } })).json()).toEqual(await read(reader));
      expect((await read()).paths[path]).toBeUndefined();
      expect((await read(await own.keyOf('bob', ['media:read']))).paths[path]).toBeUndefined();
      await own.easel.workflows.setEnabled('my-picture', false);
      expect((await read(reader)).paths[path]).toBeUndefined();
    } finally {
      await own.close();
    }
  });

  test('knows every route, and every route says what it asks for and answers', async () => {
    const missing = server.routes.filter(
      ({ url, config }) => config.facts === undefined && !url.startsWith('/docs') && url !== '*',
    );
    expect(missing.map(({ method, url }) => `${method} ${url}`)).toEqual([]);
    const ids = server.routes.flatMap(({ config, method }) =>
      method === 'HEAD' ? [] : (config.facts?.operationId ?? []),
    );
    const twice = ids.filter((id, index) => ids.indexOf(id) !== index);
    expect(twice).toEqual([]);
  });

  test('every route refuses a query that it does not know', async () => {
    let asked = 0;
    for (const route of declaredRoutes(server)) {
      if (route.scopes.includes('public') || route.scopes.includes('optional')) continue;
      const request = requestOf(route, {});
      const url = `${request.url}${String(request.url).includes('?') ? '&' : '?'}nonsense=1`;
      const answer = await server.app.inject({ ...request, url });
      const place = `${route.method} ${route.url}: ${answer.body}`;
      expect(answer.statusCode, place).toBe(400);
      expect(answer.json().errors, place).toMatchObject([{ parameter: 'nonsense' }]);
      asked += 1;
    }
    expect(asked).toBeGreaterThan(50);
  });

  test('is shown as a page that needs nothing from elsewhere', async () => {
    const page = await server.app.inject('/docs/');
    expect(page.statusCode).toBe(200);
    expect(page.headers['content-type']).toMatch(/^text\/html/);
    const links = [...page.body.matchAll(/(?:src|href)="([^"]+)"/g)].map(([, link = '']) => link);
    expect(links.length).toBeGreaterThan(0);
    for (const link of links) {
      expect(link).not.toMatch(/^(https?:)?\/\//);
      const path = new URL(link, 'http://localhost/docs/').pathname;
      expect((await server.app.inject(path)).statusCode, link).toBe(200);
    }
  });
});

const inputOf = (document: Answer) => document.components.schemas['Inputs_my-picture'].properties.width;
