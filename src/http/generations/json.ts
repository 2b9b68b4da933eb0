export { eventJson, generationJson, generationUrl } from '../../generations/index.js';
