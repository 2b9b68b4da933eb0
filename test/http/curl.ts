/** The little of curl and of a shell that the examples in the documentation need. */
export interface Command {
  readonly method: string;
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  readonly body: string | Uint8Array | FormData | undefined;
  /** From the comment after the command: `# 202`. */
  readonly expected: number;
}

type Filled = (variables: Readonly<Record<string, string>>, files: Readonly<Record<string, Uint8Array>>) => Command;

/** One function per command of a block: variables get their values only when it is its turn. */
export function parseCommands(block: string): Filled[] {
  const commands = block.matchAll(/^curl ([\s\S]*?) # (\d{3})$/gm);
  return [...commands].map(
    ([, line = '', status]) =>
      (variables, files) =>
        read(words(line, variables), files, Number(status)),
  );
}

/** Words as a shell splits them, with variables filled in outside of single quotes. */
function words(line: string, variables: Readonly<Record<string, string>>): string[] {
  const fill = (text: string) =>
    text.replace(/\$(\w+)/g, (_match, name: string) => {
      const value = variables[name];
      if (value === undefined) throw new Error(`The example uses $${name} before it has a value.`);
      return value;
    });
  const found: string[] = [];
  for (const word of line.matchAll(/(?:'[^']*'|"[^"]*"|[^\s'"]+)+/g)) {
    const parts = [...word[0].matchAll(/'([^']*)'|"([^"]*)"|([^\s'"]+)/g)];
    found.push(parts.map(([, single, double, bare]) => single ?? fill(double ?? bare ?? '')).join(''));
  }
  return found;
}

function read(args: readonly string[], files: Readonly<Record<string, Uint8Array>>, expected: number): Command {
  const headers: Record<string, string> = {};
  let method: string | undefined;
  let url = '';
  let body: string | Uint8Array | FormData | undefined;
  const rest = [...args];
  const value = () => rest.shift() ?? '';
  while (rest.length > 0) {
    const option = value();
    if (option === '-X') method = value();
    else if (option === '-I') method = 'HEAD';
    else if (option === '-N') continue;
    else if (option === '-o') value();
    else if (option === '-r') headers['Range'] = `bytes=${value()}`;
    else if (option === '-d') body = value();
    else if (option === '--data-binary') body = file(value(), files);
    else if (option === '-F') body = form(value(), files);
    else if (option === '-H') {
      const header = value();
      headers[header.slice(0, header.indexOf(':'))] = header.slice(header.indexOf(':') + 1).trim();
    } else if (option.startsWith('-')) throw new Error(`The examples may not use ${option}: teach it to curl.ts.`);
    else url = option;
  }
  return { method: method ?? (body === undefined ? 'GET' : 'POST'), url, headers, body, expected };
}

function form(argument: string, files: Readonly<Record<string, Uint8Array>>): FormData {
  const [name = '', value = ''] = argument.split('=');
  const data = new FormData();
  data.append(name, new Blob([new Uint8Array(file(value, files))]), value.replace(/^@/, ''));
  return data;
}

function file(argument: string, files: Readonly<Record<string, Uint8Array>>): Uint8Array {
  const bytes = files[argument.replace(/^@/, '')];
  if (bytes === undefined) throw new Error(`The example sends ${argument}, which the test does not have.`);
  return bytes;
}
