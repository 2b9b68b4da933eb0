import { validateHeaderName, validateHeaderValue } from 'node:http';
import { EaselError } from '../core/errors.js';

/** How to reach one ComfyUI server. Both the HTTP and the websocket client are built from it. */
export interface ConnectionOptions {
  /**
   * `http://host:8188`, with a base path when a proxy adds one. `user:password@` becomes basic authentication, and query
   * parameters (some hosts take a token there) are sent with every request. Neither is ever shown.
   */
  readonly baseUrl: string | URL;
  readonly headers?: Readonly<Record<string, string>>;
  /** ComfyUI has no authentication of its own (comfyui.md 1.1); this is for the proxy in front of it. */
  readonly auth?: BackendAuth;
  readonly tls?: TlsOptions;
}

export type BackendAuth =
  | { readonly type: 'bearer'; readonly token: string }
  | { readonly type: 'basic'; readonly username: string; readonly password: string };

export interface TlsOptions {
  /** PEM. Added trust for a self-signed or private certificate. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly servername?: string;
  readonly rejectUnauthorized?: boolean;
}

/** A checked connection: URLs of routes, the headers to send, and a URL that may be shown. */
export class Connection {
  readonly #base: URL;
  readonly headers: Readonly<Record<string, string>>;
  readonly tls: TlsOptions;
  /** Origin and base path: no credentials, no query. For logs, errors and people. */
  readonly displayUrl: string;

  constructor(options: ConnectionOptions) {
    const base = parseBaseUrl(options.baseUrl);
    const auth = options.auth ?? authFromUrl(base);
    base.username = '';
    base.password = '';
    base.hash = '';
    base.pathname = base.pathname.replace(/\/+$/, '');
    this.#base = base;
    this.displayUrl = `${base.origin}${base.pathname === '/' ? '' : base.pathname}`;
    this.tls = options.tls ?? {};
    this.headers = { ...options.headers, ...(auth === undefined ? {} : { authorization: authorization(auth) }) };
    requireSendable(this.headers);
  }

  /** Full URL of a route. `path` is already encoded and begins with a slash. */
  url(path: string, query: Readonly<Record<string, string | undefined>> = {}): URL {
    const url = new URL(this.#base);
    url.pathname = `${this.#base.pathname === '/' ? '' : this.#base.pathname}${path}`;
    for (const [name, value] of Object.entries(query)) if (value !== undefined) url.searchParams.set(name, value);
    return url;
  }

  webSocketUrl(clientId: string): URL {
    const url = this.url('/ws', { clientId });
    url.protocol = url.protocol === 'https:' ? 'wss:' : 'ws:';
    return url;
  }
}

/** Now, and not when the first reconnect throws inside a timer. */
function requireSendable(headers: Readonly<Record<string, string>>): void {
  for (const [name, value] of Object.entries(headers)) {
    try {
      validateHeaderName(name);
      validateHeaderValue(name, value);
    } catch {
      throw new EaselError('config_invalid', `The header ${JSON.stringify(name)} of a backend cannot be sent.`, {
        hint: 'Header names and values must be printable ASCII on one line.',
      });
    }
  }
}

function parseBaseUrl(value: string | URL): URL {
  // The value itself is not repeated in the message: it may hold a password.
  const url = URL.canParse(String(value)) ? new URL(value) : null;
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:'))
    throw new EaselError('config_invalid', 'The URL of a ComfyUI backend must be an absolute http or https URL.', {
      hint: 'For example http://127.0.0.1:8188.',
    });
  return url;
}

function authFromUrl(url: URL): BackendAuth | undefined {
  if (url.username === '' && url.password === '') return undefined;
  return {
    type: 'basic',
    username: decodeURIComponent(url.username),
    password: decodeURIComponent(url.password),
  };
}

function authorization(auth: BackendAuth): string {
  if (auth.type === 'bearer') return `Bearer ${auth.token}`;
  return `Basic ${Buffer.from(`${auth.username}:${auth.password}`, 'utf8').toString('base64')}`;
}
