/** Child of `config-file.test.ts`: loads the configuration of a folder and prints what came of it. */
import { loadConfig } from '../../src/config/index.js';
import { toEaselError } from '../../src/core/errors.js';

const [folder = '.'] = process.argv.slice(2);
try {
  const { config } = await loadConfig({ cwd: folder, environment: {} });
  console.log(JSON.stringify({ port: config.http.port }));
} catch (error) {
  const { code, message } = toEaselError(error);
  console.log(JSON.stringify({ code, message }));
}
