/** The HTTP API over one Easel. Nothing in here listens until `listen` is called. */
export { type Listening, listen } from './listen.js';
export { createHttpServer, type HttpServerOptions } from './server.js';
