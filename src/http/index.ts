/** The HTTP API over one Easel. Nothing in here listens until `listen` is called. */
export { isLoopbackName } from './host-guard.js';
export { type Listening, listen, refusePublicBind } from './listen.js';
export { createHttpServer, type HttpServerOptions } from './server.js';
