import { resolve } from 'node:path';
import { workflowTypes } from '../../workflows/index.js';
import { writeWhole } from '../files.js';
import type { CommandContext } from '../program.js';
import { withWorkflows } from '../workflows/open.js';

/** `easel types`: the registered workflows as TypeScript, for `EaselClient<EaselWorkflows>`. */
export async function typesCommand(context: CommandContext, options: { readonly out?: string }): Promise<number> {
  const { io } = context;
  const text = await withWorkflows(context, async (workflows) => {
    const found = await workflows.all({ enabled: true });
    const versions = await Promise.all(found.map(({ name }) => workflows.version(name)));
    return workflowTypes(
      versions.map((version) => ({
        name: version.workflow,
        description: version.interface.description ?? version.interface.title,
        inputs: version.interface.inputs,
      })),
    );
  });
  if (options.out === undefined) io.stdout.write(text);
  else await writeWhole(text, [resolve(io.cwd, options.out)], { replace: true });
  return 0;
}
