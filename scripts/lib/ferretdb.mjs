// Builds FerretDB, the MongoDB-protocol server that tests start. It comes as source alone, by way of the Go module proxy.
import { spawnSync } from 'node:child_process';
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const VERSION = '1.24.2';
const MODULE = 'github.com/FerretDB/FerretDB';

// Its own program wants to be built from a checkout, where a file names the version; the library does not.
const MAIN = `package main

import (
	"context"
	"os"

	"${MODULE}/ferretdb"
)

// Arguments: address to listen on, folder for the databases (with a slash at the end).
func main() {
	server, err := ferretdb.New(&ferretdb.Config{
		Listener:  ferretdb.ListenerConfig{TCP: os.Args[1]},
		Handler:   "sqlite",
		SQLiteURL: "file:" + os.Args[2],
	})
	if err != nil {
		panic(err)
	}
	if err := server.Run(context.Background()); err != nil {
		panic(err)
	}
}
`;

/** Null when it is there or was built; otherwise why it was not. test/helpers/ferretdb.ts looks for it at the same place. */
export function buildFerretDb(root, say) {
  const folder = join(root, 'node_modules', '.cache', 'easel', `ferretdb-${VERSION}`);
  const program = join(folder, 'ferretdb');
  if (existsSync(program)) return null;
  if (spawnSync('go', ['version'], { stdio: 'ignore' }).status !== 0) return 'Go was not found';
  say('Building FerretDB for the tests (go build, some minutes the first time) ...');
  mkdirSync(folder, { recursive: true });
  writeFileSync(join(folder, 'go.mod'), `module easel/ferretdb\n\ngo 1.22\n\nrequire ${MODULE} v${VERSION}\n`);
  writeFileSync(join(folder, 'main.go'), MAIN);
  const env = { ...process.env, GOFLAGS: '-mod=mod', CGO_ENABLED: '0' };
  const unfinished = `${program}.new`;
  const { status, stderr, error } = spawnSync('go', ['build', '-o', unfinished, '.'], {
    ...{ cwd: folder, env, encoding: 'utf8', stdio: ['ignore', 'ignore', 'pipe'], maxBuffer: 64 * 1024 ** 2 },
  });
  if (status !== 0) return `go build failed: ${error?.message ?? stderr.split('\n').slice(-5).join('\n')}`;
  renameSync(unfinished, program);
  return null;
}
