export { Metrics, type MetricsOptions, type ObservedEvent, type ObservedRequest } from './metrics.js';
export { Tracing, type TracingOptions } from './tracing.js';
