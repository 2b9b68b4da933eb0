export { type McpRouteOptions, mcpRoutes } from './http.js';
export { createMcpServer, type McpServerOptions } from './server.js';
export type { ToolOptions } from './tools.js';
