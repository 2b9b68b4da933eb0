// node examples/client.mjs ADDRESS [KEY]: runs the workflow `postcard` on an Easel and saves the picture.
import { writeFile } from 'node:fs/promises';
import { EaselApiError, EaselClient } from 'easel/client';

const [baseUrl = 'http://127.0.0.1:8288', key] = process.argv.slice(2);
const easel = new EaselClient({ baseUrl, key });

try {
  const generation = await easel.run(
    'postcard',
    { scene: 'a lighthouse in fog', seed: 7n },
    { onEvent: ({ type, data }) => type === 'progress' && console.error(`${data.percent} %`) },
  );
  const picture = await easel.fetchOutput(generation);
  await writeFile('postcard.png', new Uint8Array(await picture.arrayBuffer()));
  console.log(`postcard.png: ${picture.size} bytes, generation ${generation.id}`);
} catch (error) {
  if (!(error instanceof EaselApiError)) throw error;
  console.error(`${error.code}: ${error.message} ${error.hint}`);
  for (const { pointer, detail } of error.fieldErrors) console.error(`  ${pointer ?? ''} ${detail}`);
  process.exitCode = 1;
}
