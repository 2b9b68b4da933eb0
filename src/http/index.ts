/** The HTTP API over one Easel. Nothing in here listens until `listen` is called. */
export { accountOf, LOCAL_ACCOUNT } from './account.js';
export type { EaselServices } from './context.js';
export type { DefinitionSource } from './generations/definitions.js';
export { type Listening, type ListenOptions, listen } from './listen.js';
export { createHttpServer, type HttpServerOptions } from './server.js';
