import { parseConfig } from '../../src/config/index.js';
import { silentLogger } from '../../src/core/log.js';
import { createEasel } from '../../src/easel.js';

/** One node of Easel, to be killed and paused. Its argument is the configuration as JSON. Prints `started`. */
const easel = await createEasel(parseConfig(JSON.parse(process.argv[2] ?? '{}')), { logger: silentLogger });
await easel.start();
process.stdout.write('started\n');
