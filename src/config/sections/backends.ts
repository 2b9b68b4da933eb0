import { z } from 'zod';
import { backendTraits } from './dispatch.js';
import { count, milliseconds, pem, secretText } from './fields.js';

/** One schema per kind of backend. */
const backendId = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,62}$/, 'use up to 63 letters, digits, ".", "_" and "-"')
  .meta({
    description:
      'Name of the backend in logs, in the database and in requests that ask for it. Keep it: open work is found by it.',
  });

const concurrency = count(
  1,
  64,
  'Prompts of ours that it may have at a time. ComfyUI runs one; a second would only wait in its queue.',
);

export const comfyuiBackend = z.strictObject({
  id: backendId,
  kind: z.literal('comfyui').meta({ description: 'A ComfyUI server.' }),
  url: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL, for example http://127.0.0.1:8188' })
    .meta({ description: 'Its address, with a base path when a proxy adds one.', secret: 'url' }),
  headers: z
    .record(z.string().min(1), z.string())
    .optional()
    .meta({ description: 'Sent with every request, for a proxy in front of it.', secret: true }),
  auth: z
    .discriminatedUnion('type', [
      z.strictObject({ type: z.literal('bearer'), token: secretText('Sent as `Authorization: Bearer`.') }),
      z.strictObject({
        type: z.literal('basic'),
        username: z.string().min(1).meta({ description: 'For basic authentication.' }),
        password: secretText('For basic authentication.'),
      }),
    ])
    .optional()
    .meta({ description: 'Credentials for the proxy in front of it; ComfyUI itself has none.' }),
  tls: z
    .strictObject({
      ca: pem('Certificate to trust in addition: PEM, or the path of a PEM file.'),
      cert: pem('Client certificate: PEM, or the path of a PEM file.'),
      key: pem('Key of the client certificate: PEM, or the path of a PEM file.').meta({ secret: true }),
      servername: z.string().min(1).optional().meta({ description: 'Name to expect in its certificate.' }),
      rejectUnauthorized: z
        .boolean()
        .optional()
        .meta({ description: 'False accepts any certificate. Only for a network you trust.' }),
    })
    .optional()
    .meta({ description: 'For https.' }),
  concurrency,
  ...backendTraits,
});

const DEPLOY_KEY = 'An API key of ComfyDeploy. Unless given, that of the variable `COMFY_DEPLOY_API_KEY`.';

export const comfydeployBackend = z.strictObject({
  id: backendId,
  kind: z.literal('comfydeploy').meta({ description: 'ComfyDeploy, which runs deployments by their id.' }),
  url: z
    .url({ protocol: /^https?$/, error: 'expected an http or https URL, for example https://api.comfydeploy.com/api' })
    .default('https://api.comfydeploy.com/api')
    .meta({ description: 'Its API. The legacy one is https://www.comfydeploy.com/api.', secret: 'url' }),
  apiKey: z
    .string({ error: 'expected an API key of ComfyDeploy here or in the variable COMFY_DEPLOY_API_KEY' })
    .min(1)
    .meta({ description: DEPLOY_KEY, secret: true }),
  api: z
    .enum(['current', 'legacy'])
    .optional()
    .meta({ description: 'Which generation of the API; told by the address unless given.' }),
  headers: z
    .record(z.string().min(1), z.string())
    .optional()
    .meta({ description: 'Sent with every request to the API, for a proxy in front of it.', secret: true }),
  ...backendTraits,
  fileHosts: z.array(z.string().min(1)).optional().meta({
    description:
      'Hosts that files may come from and go to, `*.example.com` for all below. Unless given, any public one.',
  }),
  pollMs: milliseconds(
    2_000,
    'Pause between two looks at a young run; it grows with the age of the run, and is long where webhooks arrive.',
    1_000,
  ),
  concurrency: count(
    2,
    256,
    'Runs of ours at a time. More than its machines take at once only wait there (`concurrency_limit`).',
  ),
});

export const embeddedBackend = z.strictObject({
  id: backendId,
  kind: z
    .literal('embedded')
    .meta({ description: 'The engine inside Easel, which rehearses models instead of running them.' }),
  concurrency,
  ...backendTraits,
});
