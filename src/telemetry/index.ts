export { Metrics, type MetricsOptions, type ObservedEvent, type ObservedRequest } from './metrics.js';
