import { type ChildProcess, execFileSync, spawn } from 'node:child_process';
import { randomBytes, randomUUID } from 'node:crypto';
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as wait } from 'node:timers/promises';
import { CreateBucketCommand, S3Client } from '@aws-sdk/client-s3';
import { endingWithUs, endProcess, freePort, isOnPath } from './programs.js';

/**
 * A private S3 server for tests: Ceph's RADOS gateway over one monitor and one storage daemon that keeps everything in
 * memory, on free ports of 127.0.0.1. A real server, since the S3 servers that come as packages accept wrong signatures.
 */
export interface S3Server {
  readonly endpoint: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  /** Makes a bucket of its own and returns what a store needs to know about it. */
  bucket(): Promise<S3Place>;
  /** Stops and continues the gateway: connections stay open and nothing is answered. */
  pause(): void;
  resume(): void;
  remove(): Promise<void>;
}

export interface S3Place {
  readonly endpoint: string;
  readonly region: string;
  readonly bucket: string;
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
  readonly forcePathStyle: true;
}

type Availability = { readonly available: true } | { readonly available: false; readonly reason: string };

const PROGRAMS = ['ceph', 'ceph-authtool', 'ceph-mon', 'ceph-osd', 'monmaptool', 'radosgw', 'radosgw-admin'];

/** Can this machine start one? Looks for programs only. */
export function cephAvailability(): Availability {
  const missing = PROGRAMS.filter((program) => !isOnPath(program));
  if (missing.length === 0) return { available: true };
  return { available: false, reason: `no Ceph programs (${missing.join(', ')}) on this machine` };
}

const START_MS = 60_000;

export async function startCeph(): Promise<S3Server> {
  const folder = mkdtempSync(join(tmpdir(), 'easel-ceph-'));
  const server = new Server(folder, await freePort(), await freePort());
  try {
    await server.start();
    return server;
  } catch (error) {
    await server.remove();
    throw error;
  }
}

class Server implements S3Server {
  readonly accessKeyId = 'easel-test';
  readonly secretAccessKey = randomBytes(20).toString('hex');
  readonly endpoint: string;
  readonly #folder: string;
  readonly #conf: string;
  readonly #monitorPort: number;
  readonly #gatewayPort: number;
  readonly #daemons: ChildProcess[] = [];
  #log = '';

  constructor(folder: string, monitorPort: number, gatewayPort: number) {
    this.#folder = folder;
    this.#conf = join(folder, 'ceph.conf');
    this.#monitorPort = monitorPort;
    this.#gatewayPort = gatewayPort;
    this.endpoint = `http://127.0.0.1:${gatewayPort}`;
  }

  async start(): Promise<void> {
    const [clusterId, osdId] = [randomUUID(), randomUUID()];
    const [keyring, monmap] = [join(this.#folder, 'keyring'), join(this.#folder, 'monmap')];
    this.#configure(clusterId, keyring);
    const key = (name: string, ...caps: string[]) =>
      this.#run('ceph-authtool', [
        keyring,
        '-n',
        name,
        '--gen-key',
        ...caps.flatMap((cap) => ['--cap', ...cap.split(':')]),
      ]);
    this.#run('ceph-authtool', ['-C', keyring, '-n', 'mon.', '--gen-key', '--cap', 'mon', 'allow *']);
    key('client.admin', 'mon:allow *', 'osd:allow *', 'mgr:allow *');
    key('client.rgw', 'mon:allow *', 'osd:allow *');
    key('osd.0', 'mon:allow profile osd', 'osd:allow *');
    const address = `[v2:127.0.0.1:${this.#monitorPort}]`;
    this.#run('monmaptool', ['--create', '--addv', 'a', address, '--fsid', clusterId, monmap]);
    this.#run('ceph-mon', ['--mkfs', '-i', 'a', '--monmap', monmap, '--keyring', keyring, '-c', this.#conf]);
    this.#daemon('ceph-mon', ['-i', 'a']);
    await this.#runSlowly('ceph', ['-c', this.#conf, '--connect-timeout', '50', 'osd', 'new', osdId, '0']);
    this.#run('ceph-osd', ['-i', '0', '--mkfs', '--osd-uuid', osdId, '-c', this.#conf]);
    this.#daemon('ceph-osd', ['-i', '0']);
    this.#daemon('radosgw', ['-n', 'client.rgw']);
    await this.#untilItAnswers();
    const user = ['--uid=easel', '--display-name=easel'];
    const keys = [`--access-key=${this.accessKeyId}`, `--secret-key=${this.secretAccessKey}`];
    await this.#runSlowly('radosgw-admin', ['-c', this.#conf, 'user', 'create', ...user, ...keys]);
  }

  async bucket(): Promise<S3Place> {
    const { endpoint, accessKeyId, secretAccessKey } = this;
    const bucket = `test-${randomUUID()}`;
    // The client writes into the object that it is given.
    const credentials = { accessKeyId, secretAccessKey };
    const client = new S3Client({ endpoint, region: 'us-east-1', forcePathStyle: true, credentials });
    try {
      await client.send(new CreateBucketCommand({ Bucket: bucket }));
    } finally {
      client.destroy();
    }
    return { endpoint, region: 'us-east-1', bucket, accessKeyId, secretAccessKey, forcePathStyle: true };
  }

  pause(): void {
    this.#daemons.at(-1)?.kill('SIGSTOP');
  }

  resume(): void {
    this.#daemons.at(-1)?.kill('SIGCONT');
  }

  async remove(): Promise<void> {
    // Newest first. Nothing of them is kept, so there is nothing to shut down in order.
    for (const daemon of this.#daemons.splice(0).reverse()) await endProcess(daemon, 'SIGKILL');
    rmSync(this.#folder, { recursive: true, force: true });
  }

  #configure(clusterId: string, keyring: string): void {
    const folder = this.#folder;
    for (const name of ['mon', 'osd']) mkdirSync(join(folder, name));
    const settings = {
      fsid: clusterId,
      mon_host: `[v2:127.0.0.1:${this.#monitorPort}/0]`,
      public_addr: '127.0.0.1',
      cluster_addr: '127.0.0.1',
      keyring,
      mon_data: join(folder, 'mon'),
      osd_data: join(folder, 'osd'),
      run_dir: folder,
      crash_dir: folder,
      admin_socket: join(folder, '$name.asok'),
      log_file: join(folder, '$name.log'),
      pid_file: '',
      // One copy, in memory, on whatever disk space there is.
      osd_objectstore: 'memstore',
      memstore_device_bytes: '2000000000',
      osd_pool_default_size: '1',
      osd_pool_default_min_size: '1',
      osd_pool_default_pg_num: '4',
      osd_pool_default_pgp_num: '4',
      osd_pool_default_pg_autoscale_mode: 'off',
      osd_crush_chooseleaf_type: '0',
      mon_allow_pool_size_one: 'true',
      mon_data_avail_crit: '1',
      mon_max_pg_per_osd: '1000',
      mon_client_hunt_interval: '0.3',
      paxos_propose_interval: '0.05',
      ms_initial_backoff: '0.05',
      rgw_frontends: `beast endpoint=127.0.0.1:${this.#gatewayPort}`,
      rgw_enable_apis: 's3',
      rgw_run_sync_thread: 'false',
      rgw_dynamic_resharding: 'false',
      // What is deleted makes room at once, and not after two hours.
      rgw_gc_obj_min_wait: '1',
      rgw_gc_processor_period: '2',
      rgw_gc_processor_max_time: '2',
    };
    const lines = Object.entries(settings).map(([name, value]) => `${name} = ${value}`);
    writeFileSync(this.#conf, ['[global]', ...lines, ''].join('\n'));
  }

  #run(program: string, args: readonly string[]): void {
    execFileSync(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.#folder, timeout: START_MS });
  }

  /** For those that talk to a daemon, so that this process goes on reading what the daemons say. */
  async #runSlowly(program: string, args: readonly string[]): Promise<void> {
    const child = spawn(program, args, { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.#folder, timeout: START_MS });
    let said = '';
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      said += text;
    });
    const code = await new Promise<number | null>((resolve, reject) => {
      child.once('error', reject);
      child.once('close', resolve);
    });
    if (code !== 0) throw new Error(`${program} ${args.join(' ')} ended with ${code}:\n${said}${this.#log}`);
  }

  #daemon(program: string, args: readonly string[]): void {
    const [command, all] = endingWithUs('KILL', program, ['-f', '-c', this.#conf, ...args]);
    const daemon = spawn(command, all, { stdio: ['ignore', 'ignore', 'pipe'], cwd: this.#folder });
    daemon.stderr.setEncoding('utf8').on('data', (text: string) => {
      this.#log = (this.#log + text).slice(-4000);
    });
    daemon.once('error', (error) => {
      this.#log += String(error);
    });
    // The test process must be able to end although the server runs.
    daemon.unref();
    (daemon.stderr as unknown as { unref(): void }).unref();
    this.#daemons.push(daemon);
  }

  async #untilItAnswers(): Promise<void> {
    const giveUpAt = Date.now() + START_MS;
    for (;;) {
      const answer = await fetch(this.endpoint).catch(() => null);
      await answer?.body?.cancel();
      if (answer !== null) return;
      if (Date.now() > giveUpAt) throw new Error(`The S3 server did not start within ${START_MS} ms:\n${this.#log}`);
      await wait(50);
    }
  }
}
