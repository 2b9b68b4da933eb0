import { connect } from 'node:net';
import { beforeEach, describe, expect, it } from 'vitest';
import { AddressRules } from '../../src/outbound/index.js';
import { Internet, redirectTo } from './internet.js';

/**
 * Ways to make Easel call what it must not call. The traps listen on every loopback address; nothing may ever reach them,
 * whatever the code of the refusal. The same class guards pictures that are fetched and webhooks that are called.
 */
const internet = new Internet();
let port = 0;
let connections: () => number = () => 0;

beforeEach(async () => {
  const trap = await internet.listen((_request, response) => response.end('secret'), '0.0.0.0');
  port = trap.port;
  connections = trap.connections;
});

async function codeOf(url: string, method: 'GET' | 'POST' = 'GET'): Promise<string> {
  try {
    await internet.client().fetch(url, { method, ...(method === 'POST' ? { body: '{}' } : {}) });
    return 'fetched';
  } catch (error) {
    return (error as { code?: string }).code ?? String(error);
  }
}

const LITERALS = [
  ...['127.0.0.1', '127.1', '127.0.1', '127.255.255.254', '2130706433', '017700000001', '0x7f000001', '0x7f.1'],
  ...['0177.0.0.1', '0x7f.0.0.0x1', '00000177.0.0.1', '127.0.0.1.', '127。0。0。1', '１２７.０.０.１', '127.0.0.0x01'],
  ...['0', '0.0.0.0', '0x0', '00', '0.0.0.0.', '[::]', '[0:0:0:0:0:0:0:0]', '[::1]', '[0:0:0:0:0:0:0:1]'],
  ...['[::ffff:127.0.0.1]', '[::ffff:7f00:1]', '[0:0:0:0:0:ffff:127.0.0.1]', '[::127.0.0.1]', '[::7f00:1]'],
  ...['[::ffff:0:127.0.0.1]', '[64:ff9b::127.0.0.1]', '[64:ff9b::7f00:1]', '[64:ff9b:1::7f00:1]', '[2002:7f00:1::]'],
  ...['[2001:0:7f00:1::]', '[::ffff:169.254.169.254]', '[::ffff:a9fe:a9fe]', '[2002:a9fe:a9fe::]', '[::ffff:8.8.8.8]'],
  ...['169.254.169.254', '169.254.170.2', '2852039166', '0xa9fea9fe', '0251.0376.0251.0376', '[fd00:ec2::254]'],
  ...['100.100.100.200', '168.63.129.16', '192.0.0.192', '[fd20:ce::254]', '[fe80::1]', '[fe80::a9fe:a9fe]'],
  ...['10.0.0.1', '10.1', '172.16.0.1', '172.31.255.255', '192.168.0.1', '192.168.257', '100.64.0.1', '198.18.0.1'],
  ...['192.0.2.1', '198.51.100.1', '203.0.113.1', '192.88.99.1', '224.0.0.1', '239.255.255.250', '240.0.0.1'],
  ...['255.255.255.255', '[fc00::1]', '[fd12:3456::1]', '[fec0::1]', '[ff02::1]', '[2001:db8::1]', '[100::1]'],
  ...['[4000::1]', '[5f00::1]', '[3fff::1]'],
];

describe('literal addresses', () => {
  it.each(LITERALS)('refuses http://%s without asking a resolver', async (host) => {
    expect(await codeOf(`http://${host}:${port}/`)).toBe('outbound_forbidden');
    expect(await codeOf(`https://${host}:${port}/`, 'POST')).toBe('outbound_forbidden');
    expect([connections(), internet.dialled, internet.lookups]).toEqual([0, [], []]);
  });

  it('is not told anything about the refused address', async () => {
    const error = await internet
      .client()
      .fetch(`http://10.0.0.1:${port}/?token=abc`)
      .catch((thrown: Error) => thrown);
    expect(JSON.stringify(error) + (error as Error).message).not.toMatch(/abc|10\.0\.0/);
  });
});

describe('addresses that read like others', () => {
  it.each([
    'http://example.com@127.0.0.1:PORT/',
    'http://example.com:80@127.0.0.1:PORT/',
    'http://127.0.0.1:PORT@example.com/',
    'http://user:pass@site.example/',
    'http://127.0.0.1:PORT\\@site.example/',
    'http://127.0.0.1:PORT#@site.example/',
    'http://127.0.0.1:PORT?@site.example/',
    'http:127.0.0.1:PORT/',
    'http:\\\\127.0.0.1:PORT/',
    'http:/127.0.0.1:PORT/',
    ' http://127.0.0.1:PORT/',
    'h\ttt\np://127.0.0.1:PORT/',
    'http://127.0.0.1\t:PORT/',
    'http://%31%32%37.0.0.1:PORT/',
    'http://①②⑦.0.0.1:PORT/',
    'file:///etc/hostname',
    'ftp://site.example/',
    'gopher://127.0.0.1:PORT/_x',
    'data:text/plain,x',
    'javascript:1',
    'ws://127.0.0.1:PORT/',
    '//127.0.0.1:PORT/',
    '/etc/passwd',
    '',
    'http://',
    'http://[::1%25lo]:PORT/',
    'http://127.0.0.1:99999/',
    `http://site.example/${'a'.repeat(10_000)}`,
  ])('refuses %j', async (url) => {
    await internet.site('site.example', '93.184.216.34', (_request, response) => response.end('public'));
    await internet.site('example.com', '93.184.216.35', (_request, response) => response.end('public'));
    expect(await codeOf(url.replace('PORT', String(port)))).toBe('outbound_forbidden');
    expect([connections(), internet.dialled]).toEqual([0, []]);
  });
});

describe('names', () => {
  it.each([
    ['loopback', ['127.0.0.1']],
    ['the metadata service', ['169.254.169.254']],
    ['this host', ['0.0.0.0']],
    ['a private network', ['10.0.0.7']],
    ['a mapped address', ['::ffff:127.0.0.1']],
    ['an IPv6 loopback', ['::1']],
    ['an embedded address', ['64:ff9b::7f00:1']],
    ['a public and a private address', ['93.184.216.34', '127.0.0.1']],
    ['a public address and an IPv6 loopback', ['93.184.216.34', '::1']],
    ['something that is no address', ['localhost']],
  ])('refuses a name that leads to %s', async (_what, addresses) => {
    internet.names.set('evil.example', [addresses]);
    for (const name of ['evil.example', 'EVIL.example']) {
      expect(await codeOf(`http://${name}:${port}/`)).toBe('outbound_forbidden');
      expect(await codeOf(`https://${name}:${port}/`)).toBe('outbound_forbidden');
    }
    expect([connections(), internet.dialled]).toEqual([0, []]);
  });

  it.each(['localhost', 'localhost.', 'a.localhost'])('refuses %s, asked from the real resolver', async (name) => {
    const client = internet.client({ resolve: undefined as never, dial: undefined as never });
    const error = await client.fetch(`http://${name}:${port}/`).catch((thrown: { code: string }) => thrown);
    // A resolver may not know the last one.
    expect(['outbound_forbidden', 'outbound_failed']).toContain((error as { code: string }).code);
    expect(connections()).toBe(0);
  });

  it('connects to the address that it looked at: a name that changes a moment later has no second say', async () => {
    await internet.site('rebinding.example', '93.184.216.34', (_request, response) => response.end('public'));
    internet.names.set('rebinding.example', [['93.184.216.34'], ['127.0.0.1']]);
    const client = internet.client();
    const first = await client.fetchBytes(`http://rebinding.example:${port}/`);
    expect([first.bytes.toString(), internet.lookups.length, internet.dialled]).toEqual([
      'public',
      1,
      ['93.184.216.34'],
    ]);
    // By now it leads inside; a new connection is looked at anew.
    const again = internet.client();
    await expect(again.fetch(`http://rebinding.example:${port}/`)).rejects.toMatchObject({
      code: 'outbound_forbidden',
    });
    expect(connections()).toBe(0);
  });

  it('looks at the other end of the connection too, before it says anything', async () => {
    internet.names.set('public.example', [['93.184.216.34']]);
    let heard = 0;
    const inside = await internet.listen((_request, response) => {
      heard += 1;
      response.end('secret');
    });
    // A network that takes the connection somewhere else than asked.
    const client = internet.client({ dial: () => connect(inside.port, '127.0.0.1') });
    for (const scheme of ['http', 'https'])
      await expect(client.fetch(`${scheme}://public.example/`)).rejects.toMatchObject({ code: 'outbound_forbidden' });
    expect(heard).toBe(0);
  });
});

describe('redirects', () => {
  const targets = () => [
    `http://127.0.0.1:${port}/`,
    `http://2130706433:${port}/`,
    `http://0x7f.1:${port}/`,
    `http://[::ffff:127.0.0.1]:${port}/`,
    `http://0.0.0.0:${port}/`,
    `http://169.254.169.254/latest/meta-data/`,
    `//127.0.0.1:${port}/`,
    `http://site.example@127.0.0.1:${port}/`,
    `http://internal.example:${port}/`,
    'file:///etc/passwd',
    'gopher://127.0.0.1/',
  ];

  it.each([301, 302, 303, 307, 308])('looks at every hop: status %i', async (status) => {
    internet.names.set('internal.example', [['127.0.0.1']]);
    for (const target of targets()) {
      await internet.site('site.example', '93.184.216.34', redirectTo(target, status));
      expect(await codeOf('http://site.example/'), target).toBe('outbound_forbidden');
    }
    expect([connections(), internet.dialled.includes('127.0.0.1')]).toEqual([0, false]);
  });

  it('looks at the last hop of a long chain', async () => {
    await internet.site('a.example', '93.184.216.34', redirectTo('http://b.example/'));
    await internet.site('b.example', '93.184.216.35', (request, response) =>
      request.url === '/next'
        ? redirectTo(`http://127.0.0.1:${port}/`, 307)(request, response)
        : redirectTo('/next')(request, response),
    );
    expect(await codeOf('http://a.example/')).toBe('outbound_forbidden');
    expect([connections(), internet.dialled]).toEqual([0, ['93.184.216.34', '93.184.216.35', '93.184.216.35']]);
  });

  it('gives up on a circle', async () => {
    await internet.site('a.example', '93.184.216.34', redirectTo('http://a.example/'));
    expect(await codeOf('http://a.example/')).toBe('outbound_refused');
  });
});

describe('exceptions of the operator', () => {
  it('allow what they name and nothing beside it', async () => {
    const rules = new AddressRules(['10.1.0.0/16', '192.168.1.5', 'fd00::/8', 'nas.example.', '::1']);
    const allowed = ['10.1.2.3', '192.168.1.5', 'fd12::1', '::1', '8.8.8.8'];
    const refused = ['10.2.0.1', '192.168.1.6', '127.0.0.1', '::ffff:10.1.2.3', 'fe80::1', 'x'];
    expect(allowed.filter((address) => !rules.isAddressAllowed(address))).toEqual([]);
    expect(refused.filter((address) => rules.isAddressAllowed(address))).toEqual([]);
    expect(['nas.example', 'NAS.example.', 'x.nas.example'].map((host) => rules.isHostAllowed(host))).toEqual([
      true,
      true,
      false,
    ]);
  });

  it.each(['10.0.0.0/33', '300.1.1.1/8', 'a b', '*.example', 'http://x', ''])('must be well-formed: %j', (entry) => {
    expect(() => new AddressRules([entry])).toThrow(expect.objectContaining({ code: 'config_invalid' }));
  });

  it('open a loopback server by network or by name', async () => {
    internet.names.set('inside.example', [['127.0.0.1']]);
    for (const [allow, host] of [
      [['127.0.0.0/8'], '127.0.0.1'],
      [['inside.example'], 'inside.example'],
    ] as const) {
      const { bytes } = await internet.client({ allow }).fetchBytes(`http://${host}:${port}/`);
      expect(bytes.toString()).toBe('secret');
    }
    await expect(
      internet.client({ allow: ['inside.example'] }).fetch(`http://127.0.0.1:${port}/`),
    ).rejects.toMatchObject({ code: 'outbound_forbidden' });
  });
});
